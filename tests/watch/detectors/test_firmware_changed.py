"""D51: firmware that is not what it was."""

from ringfence.watch.detectors import firmware_changed
from tests.watch.detectors.below import LONG, reserved, told
from tests.watch.events import both_ways


def test_firmware_that_is_written_is_told():
    """With what it was and is."""
    (found,) = both_ways(firmware_changed, [told(10, 4, component="nic", previous="28.41", version="28.40")])
    assert "from 28.41 to 28.40" in found.why
    assert found.confidence * found.severity >= 45


def test_a_version_that_changes_without_a_word_is_told():
    """The inventory says another version than last time."""
    found = both_ways(
        firmware_changed, [told(0, 1, component="bios", version="1.6"), told(900, 1, component="bios", version="1.4")]
    )
    assert ["from 1.6 to 1.4" in one.why for one in found] == [True]


def test_an_announced_update_is_honest():
    """And so is an inventory that says the same as ever."""
    assert both_ways(firmware_changed, [reserved(0, "gpu0001"), told(300, 4, component="bmc", version="2")]) == []
    assert both_ways(firmware_changed, [told(at, 1, component="bios", version="1.6") for at in (0, 60, 90)]) == []


def test_a_version_that_others_got_under_announcement_is_less_sure():
    """A roll-out in which one host was forgotten."""
    names = [f"gpu000{turn}" for turn in range(5)]
    rollout = [reserved(0, *names), *(told(60, 4, host=name, component="bmc", version="2") for name in names)]
    (found,) = both_ways(firmware_changed, [*rollout, told(90, 4, host="gpu0099", component="bmc", version="2")])
    assert found.confidence < 0.8


def test_hostile_input_does_no_harm():
    """Long, empty, out of order."""
    odd = [told(9, 4, host=LONG, component=LONG, version=LONG), told(-5, 4, version=""), told(1, 4)]
    assert len(both_ways(firmware_changed, odd)) == 2
