"""D54: a port that comes back on another cable."""

from ringfence.watch.detectors import cable_moved
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, reserved
from tests.watch.events import both_ways, event

GUID = "0xa088c20000000101"


def port(at: float, state: str, guid: str = GUID, host: str = "gpu0001", **more: str) -> Event:
    """A port's state changes."""
    return event(classes.IB_PORT, 3, at, host, ib__guid=guid, ib__state=state, **more)


def logged(at: float, message: str, guid: str = GUID) -> Event:
    """The fabric's log says something of a port."""
    return event(classes.FABRIC, 1, at, "sm01", source="host:sm01/fabric", message=message, ib__guid=guid)


def test_a_port_that_comes_back_elsewhere_is_told():
    """The fabric's log knew where it was."""
    events = [
        logged(0, f"port {GUID} of gpu0001 is Active at S-leaf07 port 12"),
        port(100, "Down"),
        port(125, "Active"),
        logged(126, f"port {GUID} of gpu0001 is Active at S-leaf33 port 4"),
    ]
    (found,) = both_ways(cable_moved, events)
    assert found.entities == ("host:gpu0001", f"ibport:{GUID}")
    assert "S-leaf33/4 at its other end and had S-leaf07/12" in found.why


def test_a_neighbour_that_nobody_knew_before_is_told_with_less():
    """Unknown is not safe."""
    events = [port(0, "Down"), port(25, "Active"), logged(26, f"port {GUID} is Active at S-leaf33 port 4")]
    assert [one.confidence for one in both_ways(cable_moved, events)] == [0.6]


def test_a_port_that_is_down_for_as_long_as_hands_take_is_told():
    """Its host went on meanwhile."""
    (found,) = both_ways(cable_moved, [port(0, "Down"), port(90, "Active")])
    assert "down for 90 seconds" in found.why


def test_a_flap_a_switch_that_restarts_and_announced_work_are_honest():
    """None of them is anybody's hands."""
    flap = [port(0, "Down"), logged(1, "port is Down"), port(20, "Active"), logged(21, f"port {GUID} is Active")]
    assert both_ways(cable_moved, flap) == []
    many = [f"0x{at:016x}" for at in range(80)]
    restart = [port(0, "Down", guid) for guid in many] + [port(200, "Active", many[0])]
    assert both_ways(cable_moved, restart) == []
    assert both_ways(cable_moved, [reserved(0, "gpu0001"), port(300, "Down"), port(600, "Active")]) == []


def test_hostile_input_does_no_harm():
    """Long lines, no names, time that runs backwards."""
    odd = [
        logged(0, "at " * 5000 + "x port 1", LONG),
        port(9e9, "Down", ""),
        port(-9e9, "Active", ""),
        port(5, LONG, LONG, ""),
    ]
    assert both_ways(cable_moved, odd) == []
