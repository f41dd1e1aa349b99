"""D03: traffic that a job of this kind does not have."""

from ringfence.watch.detectors import odd_traffic
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import LATER, hostile

JOBS = [job(f"job:{at}", f"gpu000{at}", account=f"t{at}") for at in range(1, 6)]


def seen(at: float, host: str, target: str, port: int, uid: str):
    """An interval of a flow."""
    said = {
        "dst_endpoint__ip": target,
        "dst_endpoint__port": port,
        "traffic__bytes_out": 900,
        "traffic__connections": 1,
    }
    return event(classes.FLOW_INTERVAL, 1, at, host, job__uid=uid, actor__user__name="ada", **said)


def usual():
    """What jobs of the kind do."""
    return [seen(at * 60, f"gpu000{at}", "11.0.0.1", 443, f"job:{at}") for at in range(1, 5)]


def test_a_port_that_no_job_of_the_kind_uses_is_told_the_second_time():
    """Once is chance."""
    odd = [seen(LATER + at * 600, "gpu0005", "11.0.0.9", 4444, "job:5") for at in range(2)]
    assert both_ways(odd_traffic, [*usual(), odd[0]], JOBS) == []
    found = both_ways(odd_traffic, [*usual(), *odd], JOBS)
    assert [one.key for one in found] == ["job:5|gpu0005|4444"]


def test_usual_ports_and_the_time_of_learning_are_silent():
    """A fifth job may do what four did."""
    honest = [seen(LATER + at * 60, "gpu0005", "11.0.0.7", 443, "job:5") for at in range(9)]
    early = [seen(60 + at, "gpu0005", "11.0.0.9", 4444, "job:5") for at in range(9)]
    assert both_ways(odd_traffic, [*usual(), *honest], JOBS, site=FakeSite()) == []
    assert both_ways(odd_traffic, early, JOBS) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(odd_traffic)
