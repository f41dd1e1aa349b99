"""Which hosts somebody has announced work on."""

from ringfence.watch.planned import AFTER, HOUR, RESERVED, Planned
from ringfence.wire.ocsf import classes
from tests.watch.detectors.below import LONG, released, reserved
from tests.watch.events import batch, event, time


def test_a_reservation_covers_its_hosts_until_it_ends():
    """From a little before it was told, to half an hour after."""
    planned = Planned()
    planned.take(batch(reserved(0, "a", "b"), released(3600)))
    assert planned.covers("a", time(-60))
    assert planned.covers("b", time(3600) + AFTER - 1)
    assert not planned.covers("b", time(3600) + AFTER + 1)
    assert not planned.covers("c", time(60))


def test_one_without_an_end_does_not_last_for_ever():
    """Nor does it begin long before."""
    planned = Planned()
    planned.take(batch(reserved(0, "a")))
    assert planned.covers("a", time(0) + RESERVED)
    assert not planned.covers("a", time(0) + RESERVED + HOUR)
    assert not planned.covers("a", time(-600))


def test_a_reservation_for_something_else_announces_no_work():
    """A course, a deadline; or an agent that merely restarts."""
    restart = {"telemetry__why": "the agent is restarted"}
    planned = Planned()
    planned.take(batch(reserved(0, "a", name="course-7"), event(classes.TELEMETRY, 7, 0, "a", **restart)))
    assert not planned.covers("a", time(60))
    planned.take(batch(event(classes.TELEMETRY, 7, 0, "a", telemetry__why="a planned reboot")))
    assert planned.covers("a", time(60))


def test_a_flood_of_hosts_is_bounded():
    """And long names are cut."""
    planned = Planned()
    for turn in range(3):
        planned.take(batch(reserved(turn, *(f"{LONG[:300]}{at}" for at in range(30_000)), "a", name=f"maint{turn}")))
    assert len(planned.hosts) <= 50_000
    assert planned.covers("a", time(60))
