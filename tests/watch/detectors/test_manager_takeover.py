"""D56: another subnet manager rules the fabric."""

from ringfence.watch.detectors import manager_takeover
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, reserved
from tests.watch.events import both_ways, event


def manager(at: float, guid: str, activity: int = 3) -> Event:
    """The fabric's log names a manager."""
    return event(classes.FABRIC, activity, at, "sm01", source="host:sm01/fabric", ib__manager=guid)


def test_a_stranger_who_takes_over_is_told_at_once():
    """It is a containable kind."""
    (found,) = both_ways(manager_takeover, [manager(0, "0xbad")])
    assert found.urgent
    assert found.holds == ("ibport:0xbad#manage",)
    assert found.confidence * found.severity >= 45


def test_a_standby_that_was_known_is_less_sure():
    """The log named it long before."""
    (found,) = both_ways(manager_takeover, [manager(0, "0x2", 1), manager(9000, "0x2")])
    assert found.confidence < 0.6


def test_announced_work_and_mere_mention_are_honest():
    """The manager's own host is reserved while it is changed."""
    assert both_ways(manager_takeover, [reserved(0, "sm01"), manager(300, "0x2")]) == []
    assert both_ways(manager_takeover, [manager(0, "0x1", 1)]) == []


def test_hostile_input_does_no_harm():
    """No name, a long one, old and new times."""
    assert len(both_ways(manager_takeover, [manager(9e9, ""), manager(-9e9, LONG), manager(0, LONG, 4)])) == 3
