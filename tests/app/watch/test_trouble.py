"""What goes wrong over NATS is told once, and once when it is over."""

from ringfence.app.watch.trouble import Trouble


def test_of_each_kind_the_first_is_told_until_all_are_well():
    """64 slots that cannot write are one line, and one when the last of them can."""
    said = []
    trouble = Trouble(said.append)
    for again in range(3):
        for slot in range(64):
            trouble.ill(str(slot), "RF_EVENTS", f"{again} NATS did not take rf.events.{slot}")
        trouble.ill("joint", "RF_JOINT", "NATS did not take rf.joint")
    assert said == ["0 NATS did not take rf.events.0", "NATS did not take rf.joint"]
    for slot in range(64):
        trouble.well(str(slot))
    assert len(said) == 2
    trouble.well("joint")
    assert said[2:] == ["NATS takes everything again"]
    trouble.well("joint")
    trouble.ill("joint", "RF_JOINT", "once more")
    assert said[3:] == ["once more"]
