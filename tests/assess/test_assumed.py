"""A pass by facts of a host that nobody captured is told apart from one that was measured, in every output."""

import msgspec
import pytest

from ringfence.app.assess import outputs
from ringfence.app.assess.audit import run, shown
from ringfence.app.questions import Questions
from ringfence.assess.assumed import Assumed
from ringfence.assess.checks import CHECK
from ringfence.assess.judge import judge, judge_one
from ringfence.collect.coverage import completed
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact

ANSWERED = {"answered": True}
TOLD = [
    *(Fact(f"host:n{at}", "in_cluster", "cluster:c") for at in range(4)),
    Fact("host:n0", "asked", "sshd", ANSWERED),
    Fact("host:n0", "setting", "sshd.permitrootlogin=no"),
    Fact("host:n1", "asked", "sshd", ANSWERED),
    Fact("host:n1", "setting", "sshd.permitrootlogin=no"),
]
"""Four hosts of one class, of which two were captured."""


@pytest.fixture(scope="module")
def whole() -> Estate:
    return estate_of([*TOLD, *completed(TOLD, ["sshd"])])


def test_a_pass_on_what_was_taken_over_is_counted_apart(whole: Estate) -> None:
    one = judge_one(whole, CHECK["RF-H02"])
    names = [whole.terms.values[term] for term in one.subjects[Assumed(whole).passes(one)]]
    assert sorted(names) == ["host:n2", "host:n3"]
    captured = estate_of(TOLD)
    assert not any(Assumed(captured).passes(each).any() for each in judge(captured))


def test_all_that_is_taken_over_is_marked(whole: Estate) -> None:
    """Coverage as well as settings; what was not captured at all is a hole, and no assumption."""
    taken = [fact for fact in whole.facts("asked", "setting") if fact.subject in ("host:n2", "host:n3")]
    assert len(taken) == 4
    assert all(fact.attributes["assumed"] is True and fact.source == "assumed" for fact in taken)
    alone = [*completed([Fact("host:x", "in_rack", "r1")], ["sshd"])]
    assert [fact.attributes for fact in alone] == [{"answered": False, "reason": "not captured"}]


def test_a_pass_on_several_things_is_assumed_where_one_of_them_is() -> None:
    """Eight accelerators of a host of which one answer was taken over."""
    told = [Fact("host:a", "has_gpu", "gpu:1", {"index": 0}), Fact("gpu:1", "setting", "ecc=on")]
    asked = Fact("host:a", "asked", "gpu", {"answered": True, "assumed": True}, "assumed")
    whole = estate_of([*told, asked])
    one = judge_one(whole, CHECK["RF-G03"])
    assert Assumed(whole).passes(one).tolist() == [True]


def test_every_output_says_how_many_are_assumed(whole: Estate) -> None:
    audit = run(Questions(whole), [CHECK["RF-H02"]])
    told = shown(audit, whole)
    assert (told["assumed"], told["checks"][0]["passed"], told["checks"][0]["assumed"]) == (2, 4, 2)
    files = {name: write(outputs.assessed(audit, whole)) for name, write in outputs.FORMATS.items()}
    said = b"2 of 4 assumed from a sample of their class"
    assert all(said in files[name] for name in ("sarif", "ocsf", "oscal"))
    assert b"4 passed, 2 of them assumed from a sample of their class" in files["markdown"]
    assert b"| 2 | 4 |" in files["markdown"]
    (result,) = msgspec.json.decode(files["sarif"])["runs"][0]["results"]
    assert result["properties"]["assumed"] == 2
