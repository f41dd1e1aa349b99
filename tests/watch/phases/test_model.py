"""What each job is doing, and what departs from what its kind does."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.watch.habit import BENIGN, CONFIRMED_WORD, Verdict
from ringfence.watch.phases import Departure, Model, departures, learn, phase_of, phases_of, take
from ringfence.watch.phases.sketch import Sketch
from ringfence.wire.ocsf.event import Event
from tests.watch.events import batch, ended, interval, job, started, time, view
from tests.watch.phases.runs import run


def followed(
    events: Iterator[Event] | list[Event], jobs: int = 6, model: Model | None = None
) -> tuple[Model, list[Departure]]:
    """The model after some events, saved and taken up on the way, and what departed."""
    seen = view([job(str(at), f"a{at}", f"b{at}") for at in range(jobs)])
    model, found, events = model or Model(), list[Departure](), list(events)
    for first in range(0, len(events), 120):
        part = events[first : first + 120]
        seen.roster.take(batch(*part))
        take(model, batch(*part), seen.roster)
        found += departures(model, max(one.time for one in part) + 30_000_000, seen.roster)
        model = msgspec.msgpack.decode(msgspec.msgpack.encode(model), type=Model)
    return model, found


@pytest.mark.parametrize(
    ("until", "phase"), [(300, "load"), (1200, "step"), (1550, "checkpoint"), (4400, "evaluate"), (4700, "step")]
)
def test_the_phase_is_seen(until: float, phase: str):
    """Load, step, save, evaluate, step."""
    model, _ = followed(run("0", 0, until), 1)
    assert phase_of(model, "0", time(until + 60)) == phase
    assert phases_of(model) == {"0": phase}
    assert phase_of(model, "0", time(until + 3600)) == ""
    assert phase_of(model, "unheard", time(until)) == ""


def usual(hours: float = 5) -> list[Event]:
    """Six runs, interval by interval."""
    runs = [run(str(at), 0, hours * 3600, seed=at) for at in range(6)]
    return sorted((one for events in runs for one in events), key=lambda one: one.time)


def test_usual_work_does_not_depart():
    """Whatever its phase."""
    assert followed(usual())[1] == []


def test_reading_ten_times_as_much_while_stepping_departs():
    """Neither the job nor its kind did before."""
    model, _ = followed(usual(4))
    _, found = followed(run("3", 4 * 3600, 5 * 3600, seed=3, times={"read": 30.0}), model=model)
    assert {(one.job, one.phase, one.what) for one in found} >= {("3", "step", "read")}
    assert found[0].value > 5 * found[0].usual


def test_an_evaluation_without_end_departs():
    """Accelerators are busy, and ranks no longer speak to one another."""
    model, _ = followed(usual(8))
    hours = (
        interval(8 * 3600 + at, host, job__uid="2", gpu_utilization=70.0)
        for at in range(0, 14400, 30)
        for host in ("a2", "b2")
    )
    _, found = followed(list(hours), model=model)
    assert {(one.job, one.what) for one in found} == {("2", "seconds")}


def test_operators_verdicts_move_what_it_takes():
    """Benign: more for that kind. Confirmed: less. Never without bounds."""
    model = Model()
    for _ in range(50):
        learn(model, Verdict(("RF.D21",), "train/acme", BENIGN, 0))
    assert model.kinds["train"].caution == 8.0
    for _ in range(50):
        learn(model, Verdict(("RF.D21",), "train/acme", CONFIRMED_WORD, 0))
    assert model.kinds["train"].caution == 0.5


def test_what_shares_a_host_is_not_judged_and_what_ended_is_forgotten():
    """The interval of a shared host is not one job's own."""
    two = [started(0, "1", "a", job__kind="train"), started(1, "2", "a", job__kind="train")]
    model, _ = followed([*two, interval(60, "a", job__uid="2", gpu_utilization=90.0)], 0)
    assert model.jobs == {}
    model, _ = followed([*run("0", 0, 600), ended(600, "0"), interval(1200, "a1", job__uid="1")], 2)
    assert list(model.jobs) == ["1"]


def test_kinds_made_up_by_the_thousand_do_not_grow_the_model():
    """The rest is one kind."""
    model = Model()
    for at in range(500):
        learn(model, Verdict((), f"kind{at}/x", BENIGN, 0))
    assert len(model.kinds) <= 65


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=50))
def test_a_sketch_takes_every_value(values: list[float]):
    """Chances stay chances, and fall with the value."""
    sketch = Sketch()
    for value in values:
        sketch.add(value, 0.1)
    assert 0 < sketch.beyond(1e9, 0.1) <= sketch.beyond(0, 0.1) <= 1
    assert sketch.quantile(0.5, 0.1) >= 0
