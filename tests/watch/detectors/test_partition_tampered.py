"""D55: partition keys that change without an administrator at work."""

from ringfence.watch.detectors import partition_tampered
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, logged_in, operates, reserved
from tests.watch.events import both_ways, event


def change(at: float, who: str | None = "root", port: int = 1, key: str = "0xffff") -> Event:
    """A port gets a partition key."""
    said = {"ib__pkey": key, "ib__guid": f"0x{port:016x}", "message": "partition changed"}
    if who is not None:
        said["actor__user__name"] = who
    return event(classes.FABRIC, 2, at, "sm01", source="host:sm01/fabric", **said)


def test_a_change_by_nobody_who_is_at_work_is_told():
    """Root did it, and no administrator had come."""
    (found,) = both_ways(partition_tampered, [change(0)])
    assert found.entities == ("host:sm01", "ibport:0x0000000000000001", "identity:root")
    assert found.confidence * found.severity >= 45


def test_an_administrator_who_has_just_come_is_honest():
    """He logs in everywhere, and was here a minute ago."""
    work = [*operates(), logged_in(0, "ops", "sm01"), *(change(60, "ops", port) for port in range(8))]
    assert both_ways(partition_tampered, work) == []
    assert both_ways(partition_tampered, [*operates(), change(60, "ops")]) != []


def test_even_an_administrator_does_not_change_everything_at_once():
    """Many ports within minutes are told, with less confidence."""
    work = [*operates(), logged_in(0, "ops", "sm01"), *(change(60 + port / 10, "ops", port) for port in range(60))]
    assert {one.confidence for one in both_ways(partition_tampered, work)} == {0.6}


def test_an_automat_becomes_known():
    """It has changed partitions in many different hours."""
    found = both_ways(partition_tampered, [change(3600 * hour, "fence", hour) for hour in range(20)])
    assert 0 < len(found) < 12


def test_what_an_announcement_covers_is_the_host_and_not_the_fabric():
    """A reservation of a compute node does not excuse it."""
    assert both_ways(partition_tampered, [reserved(0, "gpu0001"), change(60)]) != []


def test_hostile_input_does_no_harm():
    """No name, a long name, a flood."""
    odd = [change(0, None), change(1, LONG, 2, LONG), *(change(2, f"u{at}", at) for at in range(500))]
    assert len(both_ways(partition_tampered, odd)) == 502
