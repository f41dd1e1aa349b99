"""D53: a part that was not there before."""

from ringfence.watch.detectors import part_swapped
from tests.watch.detectors.below import LONG, reserved, told
from tests.watch.events import both_ways


def test_another_serial_number_in_its_place_is_told():
    """Out with one, in with the other."""
    found = both_ways(
        part_swapped,
        [told(0, 3, component="nic", serial="N1"), told(200, 2, component="nic", serial="N2", previous="N1")],
    )
    assert found[0].entities[-1] == "component:N1"
    assert found[0].confidence * found[0].severity >= 45


def test_a_serial_number_that_changes_between_two_inventories_is_told():
    """Nobody saw it happen."""
    found = both_ways(
        part_swapped, [told(0, 1, component="dimm3", serial="D1"), told(90, 1, component="dimm3", serial="D2")]
    )
    assert "was D1 and is D2" in found[0].why


def test_a_loose_contact_says_little():
    """The same part goes and comes back."""
    events = [told(0, 1, component="drive0", serial="S1"), told(30, 3, component="drive0", serial="S1")]
    found = both_ways(part_swapped, [*events, told(60, 2, component="drive0", serial="S1")])
    assert [one.confidence for one in found] == [0.3]


def test_announced_repair_is_honest():
    """A ticket, and a reservation."""
    work = [reserved(0, "gpu0001"), told(300, 3, component="gpu", serial="G1")]
    assert both_ways(part_swapped, [*work, told(400, 2, component="gpu", serial="G2", previous="G1")]) == []


def test_hostile_input_does_no_harm():
    """Nameless hosts and parts, and long ones."""
    odd = [told(0, 2, host=LONG, component=LONG, serial=LONG), told(-1, 3, host=""), told(5, 2)]
    assert len(both_ways(part_swapped, odd)) == 3
