"""D10: read by somebody who is no member."""

from ringfence.watch.detectors import non_member_read
from ringfence.watch.site import Data
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import LATER, hostile

DATA = [
    Data("model:m", "/models/m", 10**10, frozenset({"identity:ada", "job:1"}), "tenant:t1"),
    Data("dataset:open", "/open"),
]
SITE = FakeSite(data=DATA, tenants={"identity:eve": "tenant:t2", "identity:ben": "tenant:t1"})


def read(at: float, user: str, path: str = "/models/m/a.safetensors", **said):
    """A file is opened."""
    return event(classes.FILE, 14, at, "gpu0001", file__path=path, actor__user__name=user, **said)


def test_a_stranger_is_told_at_the_first_file():
    """By the agent's word on whose file it is, or by its path."""
    for more in ({}, {"file__data": "model:m"}):
        found = both_ways(non_member_read, [read(60, "eve", **more)], site=SITE)
        assert [one.entities for one in found] == [("host:gpu0001", "identity:eve", "model:m")]
        assert found[0].holds == ("host:gpu0001#user", "identity:eve#use", "model:m#read")
        assert found[0].urgent


def test_readers_their_jobs_and_their_tenant_are_silent():
    """And a pod of the tenant's namespace, under whatever account."""
    jobs = [job("job:7", "gpu0001", user="svc", account="t1")]
    honest = [read(60, "ada"), read(61, "x", job__uid="job:1"), read(62, "ben"), read(63, "svc", job__uid="job:7")]
    honest.append(read(64, "root", job__uid="pod:c/t1/serve-1"))
    assert both_ways(non_member_read, honest, jobs, site=SITE) == []


def test_where_readers_are_not_known_only_a_new_account_is_told():
    """After habits are learned."""
    events = [read(60, "ada", "/open/1"), read(LATER, "ada", "/open/2"), read(LATER + 60, "eve", "/open/3")]
    found = both_ways(non_member_read, events, site=SITE)
    assert [(one.entities[1], one.confidence) for one in found] == [("identity:eve", 0.4)]


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(non_member_read)
