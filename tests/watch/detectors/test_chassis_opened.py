"""D52: a chassis that was opened."""

from ringfence.watch.detectors import chassis_opened
from tests.watch.detectors.below import LONG, reserved, told
from tests.watch.events import both_ways

OPEN = {"sensor": "ChassisIntrusion", "message": "the chassis was opened"}
CLOSED = {"sensor": "ChassisIntrusion", "message": "the chassis was closed"}


def test_an_open_lid_is_told_once():
    """That it was closed again is not."""
    (found,) = both_ways(chassis_opened, [told(0, 5, **OPEN), told(200, 5, **CLOSED), told(300, 5, **OPEN)])
    assert found.entities[0] == "host:gpu0001"
    assert found.confidence * found.severity >= 45


def test_a_line_of_log_may_say_it_too():
    """By its message's name."""
    assert both_ways(chassis_opened, [told(0, 1, message_id="Chassis.1.0.IntrusionDetected")]) != []


def test_announced_repair_is_honest():
    """And other lines of log are nothing."""
    assert both_ways(chassis_opened, [reserved(0, "gpu0001"), told(600, 5, **OPEN)]) == []
    assert both_ways(chassis_opened, [told(0, 1, sensor="Fan", message="Fan speed is below normal")]) == []


def test_hostile_input_does_no_harm():
    """A name of five thousand letters, none at all, a clock that jumps."""
    odd = [told(9e9, 5, host=LONG, **OPEN), told(-9e9, 5, host="", **OPEN)]
    assert len(both_ways(chassis_opened, odd)) == 2
