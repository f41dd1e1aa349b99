"""D22: accelerators that compute hard without what learning looks like."""

import pytest

from ringfence.watch.detectors import mining
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG
from tests.watch.events import both_ways, event, flow


def sample(at: float, busy: float, tensor: float, power: float, uid: str | None = "1", host: str = "a") -> Event:
    """One sample of an accelerator."""
    said = {"gpu__utilization": busy, "gpu__tensor_active": tensor, "gpu__power": power, "job__uid": uid}
    return event(classes.GPU, 1, at, host, **said)


def mines(minutes: float, duty: float = 1.0, power: float = 500.0, host: str = "a") -> list[Event]:
    """Samples of a job that mines for a part of each ten minutes, and trains for the rest."""
    return [
        sample(at, 98.0, 0.004, power, host=host) if at % 600 < 600 * duty else sample(at, 95.0, 0.45, 600.0, host=host)
        for at in range(0, int(60 * minutes), 10)
    ]


@pytest.mark.parametrize("duty", [1.0, 0.6, 0.1])
def test_work_without_tensor_cores_is_told(duty: float):
    """All of the time, or in turns with the job's own work."""
    (found,) = both_ways(mining, mines(70, duty), every=60)
    assert found.entities == ("host:a", "1")
    assert found.confidence * found.severity >= 45


def test_a_small_steady_connection_outside_makes_it_surer():
    """To one address that is not the cluster's."""
    pool = [flow(at, "a", "11.9.8.7", 3333, 400) for at in range(1300, 5000, 120)]
    events = sorted([*mines(70), *pool], key=lambda one: one.time)
    plain, surer = both_ways(mining, mines(70), every=60), both_ways(mining, events, every=60)
    assert surer[0].confidence > plain[0].confidence
    assert "11.9.8.7:3333" in surer[0].why


def test_honest_work_is_silent():
    """Training and its checkpoints, serving, waiting for a straggler at little power, idling, and less than an hour."""
    train = [
        sample(at, 96.0 if at % 900 > 60 else 22.0, 0.46 if at % 900 > 60 else 0.02, 600.0) for at in range(0, 9000, 10)
    ]
    serve = [sample(at, 20.0 + at % 50, 0.05, 300.0) for at in range(0, 9000, 10)]
    assert both_ways(mining, [*train], every=60) == []
    assert both_ways(mining, [*serve], every=60) == []
    assert both_ways(mining, mines(150, 0.2, power=200.0), every=60) == []
    assert both_ways(mining, [sample(at, 3.0, 0.0, 90.0) for at in range(0, 9000, 10)], every=60) == []
    assert both_ways(mining, mines(25), every=60) == []


def test_an_accelerator_that_tells_nothing_of_tensor_cores_is_not_judged():
    """Unknown is no proof."""
    events = [event(classes.GPU, 1, at, "a", gpu__utilization=98.0, job__uid="1") for at in range(0, 9000, 10)]
    assert both_ways(mining, events, every=60) == []


def test_hostile_input_does_no_harm():
    """Endless names and numbers, and a clock that jumps."""
    odd = [sample(at, 1e300, -1.0, 1e300, LONG, LONG) for at in range(0, 6000, 10)]
    assert len(both_ways(mining, [*odd, sample(9e9, 50.0, 0.0, 1.0), sample(-9e9, 50.0, 0.0, 1.0)], every=60)) <= 2
