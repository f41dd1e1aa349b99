"""D63: a clock is wrong."""

from ringfence.watch.detectors import clock_skew
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import hostile


def skew(at: float, seconds: float, host: str = "gpu0001"):
    """What was measured on receipt."""
    said = {"telemetry__of": f"host:{host}/gpu", "telemetry__seconds": seconds}
    return event(classes.TELEMETRY, 3, at, host, source="ringfence/loss", **said)


def test_a_clock_far_ahead_or_behind_is_told():
    """Ahead is surer: nothing comes before it happens."""
    found = both_ways(clock_skew, [skew(60, 600), skew(90, -90_000, "gpu0002")])
    assert [one.confidence for one in found] == [0.5, 0.35]


def test_drift_and_an_outage_of_many_are_silent():
    """Spooled events are old everywhere."""
    late = [skew(at, -7200, f"n{at}") for at in range(40)]
    assert both_ways(clock_skew, [skew(60, 20), skew(61, -400)]) == []
    assert len(both_ways(clock_skew, late)) < 10


def test_a_skew_that_somebody_tells_of_another_is_his_own_word():
    """Only what was measured on receipt is told as the sender's."""
    said = {"telemetry__of": "host:gpu0007/gpu", "telemetry__seconds": 600}
    told = event(classes.TELEMETRY, 3, 60, "gpu0007", source="ndjson/10.0.0.9", **said)
    assert [one.sources for one in both_ways(clock_skew, [told])] == [("ndjson/10.0.0.9",)]


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(clock_skew)
