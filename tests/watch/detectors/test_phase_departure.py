"""D21: a job departs from what it, and its kind, do in their phases."""

from ringfence.watch.detectors import phase_departure
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG
from tests.watch.events import both_ways, interval, job
from tests.watch.phases.runs import run

JOBS = [job(str(at), f"a{at}", f"b{at}") for at in range(4)]


def runs(hours: float, odd: float = 1.0) -> list[Event]:
    """Four runs; the last hour of one of them sends so many times as much."""
    last = (hours - 1) * 3600
    found = [one for at in range(1, 4) for one in run(str(at), 0, hours * 3600, seed=at)]
    found += [*run("0", 0, last, seed=9), *run("0", last, hours * 3600, seed=8, times={"net_out": odd})]
    return sorted(found, key=lambda one: one.time)


def test_a_job_that_sends_far_more_is_told_with_little_confidence():
    """It counts where something else agrees."""
    (found, *_) = both_ways(phase_departure, runs(5, 40.0), JOBS, every=600)
    assert found.entities == ("0",)
    assert "sends" in found.why
    assert found.confidence * found.severity < 45


def test_usual_work_is_silent():
    """Through all its phases."""
    assert both_ways(phase_departure, runs(5), JOBS, every=600) == []


def test_hostile_input_does_no_harm():
    """Endless names, numbers that are none, and a clock that jumps."""
    odd = [interval(at, "a0", job__uid="0", read=float("nan"), net_out=float("inf")) for at in (0, 30, 9e9, -9e9)]
    assert both_ways(phase_departure, [*odd, interval(60, LONG, job__uid=LONG)], JOBS) == []
