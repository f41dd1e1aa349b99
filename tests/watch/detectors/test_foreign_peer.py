"""D02: a queue pair to a foreign host."""

from ringfence.watch.detectors import foreign_peer
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import hostile

SITE = FakeSite(addresses={"ibport:0x01": "gpu0001", "ibport:0x02": "gpu0002", "ibport:0x03": "gpu0003"})
MINE = job("job:1", "gpu0001", "gpu0002", account="t1")
THEIRS = job("job:2", "gpu0003", user="bob", account="t2")


def pair(at: float, peer: str, host: str = "gpu0001", uid: str | None = "job:1", **fields):
    """A queue pair that is opened."""
    return event(classes.RDMA, 1, at, host, rdma__peer=peer, job__uid=uid, actor__user__name="ada", **fields)


def test_a_peer_in_another_tenants_job_is_told():
    """Its host is named."""
    found = both_ways(foreign_peer, [pair(900, "ibport:0x03")], [MINE, THEIRS], site=SITE)
    assert [one.entities for one in found] == [("host:gpu0001", "job:1", "identity:ada", "host:gpu0003")]
    assert found[0].urgent


def test_whose_port_it_is_may_be_told_by_events_alone():
    """Hosts say their own GUIDs."""
    known = event(classes.IB_PORT, 3, 1, "gpu0003", ib__guid="0x09")
    assert len(both_ways(foreign_peer, [known, pair(900, "ibport:0x09")], [MINE, THEIRS])) == 1


def test_a_gang_its_tenant_and_an_unknown_port_are_silent():
    """What is not known is not told."""
    friend = job("job:2", "gpu0003", user="eve", account="t1")
    assert both_ways(foreign_peer, [pair(9, "ibport:0x02"), pair(10, "ibport:0x77")], [MINE], site=SITE) == []
    assert both_ways(foreign_peer, [pair(9, "ibport:0x03")], [MINE, friend], site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(foreign_peer)
