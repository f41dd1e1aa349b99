"""One node per class is enough to begin: the rest is assumed, and what nobody captured is a hole."""

from ringfence.collect.base import asked
from ringfence.collect.coverage import completed
from ringfence.estate.facts import Fact

KNOWN = [
    *(Fact(f"host:n{at}", "labelled", "gres=gpu:h100:8") for at in (1, 2, 3)),
    Fact("host:login", "in_cluster", "cluster:c"),
    Fact("host:n3", "setting", "pam_slurm_adopt=required"),
    asked("host:n1", "sshd", answered=True, complete=True),
    Fact("host:n1", "setting", "pam_slurm_adopt=absent"),
    Fact("host:n1", "has_gpu", "gpu:GPU-aa", {"index": 0, "model": "H100"}),
    Fact("gpu:GPU-aa", "setting", "ecc=off"),
    Fact("service:n1/ssh:22", "runs_on", "host:n1"),
    Fact("service:n1/ssh:22", "listens_on", "network:10.0.0.0/16", {"address": "10.0.0.1"}),
    Fact("host:n1", "has_component", "component:serial-1"),
]
ADDED = list(completed(KNOWN, ["sshd", "gpu"]))


def said(subject, predicate):
    return [fact for fact in ADDED if fact.subject == subject and fact.predicate == predicate]


def test_a_host_of_a_captured_class_takes_over_its_facts():
    """Settings, accelerators and services, each marked as assumed."""
    assert [fact.object for fact in said("host:n2", "setting")] == ["pam_slurm_adopt=absent"]
    assert [fact.object for fact in said("host:n2", "has_gpu")] == ["gpu:n2/0"]
    assert [fact.object for fact in said("gpu:n2/0", "setting")] == ["ecc=off"]
    assert [fact.object for fact in said("service:n2/ssh:22", "runs_on")] == ["host:n2"]
    assert all(fact.attributes["assumed"] for fact in ADDED if fact.predicate in ("setting", "has_gpu", "runs_on"))
    assert [fact.object for fact in said("host:n2", "assumed_like")] == ["host:n1"]


def test_an_address_or_a_serial_is_never_assumed():
    """They are each host's own."""
    assert "address" not in said("service:n2/ssh:22", "listens_on")[0].attributes
    assert not said("host:n2", "has_component")


def test_what_nobody_captured_is_a_hole():
    """A host of no captured class, and an aspect that the sample lacks."""
    holes = {(fact.subject, fact.object) for fact in ADDED if fact.attributes.get("answered") is False}
    assert ("host:login", "sshd") in holes
    assert ("host:n1", "gpu") in holes
    assert ("host:n2", "gpu") in holes
    assert ("host:n2", "sshd") not in holes


def test_what_a_host_says_of_itself_is_never_doubled_by_an_assumption():
    """Its own setting stands; the rest is taken over."""
    assert not said("host:n3", "setting")
    assert [fact.object for fact in said("host:n3", "has_gpu")] == ["gpu:n3/0"]


def test_an_assumed_answer_is_as_whole_as_the_sample():
    """A peer of a host that answered completely is taken to be complete as well."""
    (lent,) = (fact for fact in said("host:n2", "asked") if fact.object == "sshd")
    assert lent.attributes["complete"] is True
