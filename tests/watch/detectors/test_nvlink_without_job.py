"""D25: bytes over NVLink on a host where no job runs."""

from ringfence.watch.detectors import nvlink_without_job
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, reserved
from tests.watch.events import both_ways, ended, event, interval, job, started


def carries(minutes: float, rate: float = 2e7, host: str = "a", start: float = 0, **more: str) -> list[Event]:
    """Intervals of a host whose NVLink carries something."""
    return [interval(start + 30 * turn, host, nvlink=rate, **more) for turn in range(int(2 * minutes))]


def test_minutes_of_traffic_without_a_job_are_told():
    """Once an hour."""
    (found,) = both_ways(nvlink_without_job, carries(20))
    assert found.entities == ("host:a",)
    assert found.confidence * found.severity >= 45
    assert found.since < found.time


def test_a_job_a_pod_a_short_test_and_keep_alives_are_honest():
    """None of them is told."""
    assert both_ways(nvlink_without_job, carries(20), [job("1", "a")]) == []
    assert both_ways(nvlink_without_job, carries(20, job__uid="1")) == []
    pod = event(classes.GPU, 2, 0, "a", job__uid="pod:k/ns/p", process__name="tritonserver")
    assert both_ways(nvlink_without_job, [pod, *carries(20, start=1)]) == []
    assert both_ways(nvlink_without_job, carries(4)) == []
    assert both_ways(nvlink_without_job, carries(60, rate=1e5)) == []


def test_a_pod_that_has_ended_explains_nothing():
    """Its process stopped."""
    said = {"job__uid": "pod:k/ns/p"}
    pod = [event(classes.GPU, 2, 0, "a", **said), event(classes.GPU, 3, 1, "a", **said)]
    assert both_ways(nvlink_without_job, [*pod, *carries(20, start=2)]) != []


def test_a_job_that_has_ended_explains_nothing_though_its_host_went_down():
    """No agent told that its processes stopped."""
    went = [started(0, "job:1", "a"), event(classes.GPU, 2, 1, "a", job__uid="job:1"), ended(60, "job:1")]
    assert both_ways(nvlink_without_job, [*went, *carries(20, start=300)]) != []


def test_announced_work_is_honest():
    """A test of links under reservation."""
    assert both_ways(nvlink_without_job, [reserved(0, "a"), *carries(60, start=30)]) == []


def test_hostile_input_does_no_harm():
    """Endless rates, names, and a clock that goes back and forth."""
    odd = [*carries(10, float("inf"), LONG), *carries(1, host="a", start=9e9), *carries(1, host="a", start=-9e9)]
    assert len(both_ways(nvlink_without_job, odd)) == 1
