"""D26: performance counters of an accelerator, read by somebody whose job does not hold it."""

from ringfence.watch.detectors import counter_side_channel
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, reserved
from tests.watch.events import both_ways, event, job


def reads(
    count: int, who: str, samples: int = 40, host: str = "a", uid: str | None = None, at: float = 60
) -> list[Event]:
    """A report of reads each minute."""
    said = {"process__user__name": who, "process__name": "python3", "gpu__uuid": f"GPU-{host}", "job__uid": uid}
    return [event(classes.GPU, 6, at + 60 * turn, host, gpu__samples=samples, **said) for turn in range(count)]


def test_a_neighbour_who_reads_again_and_again_is_told():
    """After enough reads, not at the first."""
    found = both_ways(counter_side_channel, reads(10, "eve"), [job("1", "a")])
    assert [one.entities for one in found] == [("host:a", "gpu:GPU-a", "identity:eve")]
    assert found[0].confidence * found[0].severity >= 45
    assert both_ways(counter_side_channel, reads(2, "eve"), [job("1", "a")]) == []


def test_owners_monitors_and_announced_work_are_honest():
    """Profiling one's own job is what the counters are for."""
    assert both_ways(counter_side_channel, reads(10, "ada", 9000, uid="1"), [job("1", "a")]) == []
    assert both_ways(counter_side_channel, [reserved(0, "a"), *reads(10, "ops", 9000)]) == []
    every = [one for at in range(12) for one in reads(5, "dcgm", host=f"n{at:02d}", at=3600 * at)]
    assert len(both_ways(counter_side_channel, every)) < 5


def test_slow_reads_long_apart_are_not_added_up_for_ever():
    """A read an hour is no picture of anything."""
    slow = [one for hour in range(100) for one in reads(1, "eve", 5, at=3600 * hour)]
    assert both_ways(counter_side_channel, slow, [job("1", "a")]) == []


def test_hostile_input_does_no_harm():
    """Counts below nothing and beyond counting, endless names."""
    odd = [*reads(3, LONG, -5), *reads(2, "", 2**62), *reads(1, "eve", 10**6, LONG, at=-9e9)]
    assert len(both_ways(counter_side_channel, odd)) <= 3
