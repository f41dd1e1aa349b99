"""Loss is counted: gaps, replays, forged sources, skew and silence become events."""

import time

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch import loss
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.loss import Loss, take, tick
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.events import SECOND, T0

ME = "host:gpu0001/agent"


def row(
    seq: int, at: float = 0, source: str = ME, host: str = "gpu0001", received: int | None = None, **fields
) -> Event:
    """One event with its number."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    if received is not None:
        named["received"] = received
    return Event(classes.PROCESS, 1, T0 + round(at * SECOND), host, "", named, source, seq)


def told(state: Loss, *rows: Event) -> list[tuple[int, int]]:
    """(activity, count) of what a batch leads to."""
    _, found = take(state, of_events(rows))
    return [(one.activity_id, int(one.fields.get("telemetry.count", 0))) for one in found]


def test_numbers_that_go_on_are_nothing_to_tell():
    """Nor is what a source sent before it was first met."""
    state = Loss()
    assert told(state, row(7), row(8), row(9)) == []
    assert told(state, row(10), row(11)) == []


def test_a_skipped_number_is_a_gap_and_a_late_one_fills_it():
    """The late event is kept; sent once more it is a replay."""
    state = Loss()
    told(state, row(1))
    assert told(state, row(2), row(6)) == [(loss.GAP, 3)]
    keep, found = take(state, of_events([row(4)]))
    assert (keep, found) == (None, [])
    keep, found = take(state, of_events([row(4), row(7)]))
    assert keep.to_pylist() == [False, True]
    assert [(one.activity_id, one.fields["telemetry.count"]) for one in found] == [(loss.DROP, 1)]


def test_a_source_that_counts_anew_is_told_and_heard():
    """Its events are newer than all before; a replay of old ones is not taken for that."""
    state = Loss()
    told(state, row(1, 0), row(2, 1), row(3, 2))
    assert told(state, row(1, 0)) == [(loss.DROP, 1)]
    assert told(state, row(1, 10)) == [(loss.RESUME, 0)]
    assert told(state, row(2, 11)) == []


def test_a_source_speaks_for_its_own_host_alone():
    """What it says of another is dropped, and the one who said it is named."""
    state = Loss()
    keep, found = take(state, of_events([row(1), row(2, host="gpu0002"), row(3, host="GPU0001.site.example")]))
    assert keep.to_pylist() == [True, False, True]
    assert found[0].activity_id == loss.REJECTED
    assert (found[0].host, found[0].fields["telemetry.of"]) == ("gpu0001", ME)
    assert "gpu0002" in str(found[0].fields["telemetry.why"])
    scheduler = Event(classes.JOB, 2, T0, "gpu0001", "", {}, "host:slurm1/slurm", 1)
    assert take(state, of_events([scheduler])) == (None, [])


def test_sources_that_do_not_count_are_not_judged():
    """Files have the number 0."""
    state = Loss()
    assert take(state, of_events([row(0), row(0, source="file:x")])) == (None, [])
    assert tick(state, T0 + 10**12) == []


def test_a_clock_that_is_ahead_is_told_once_an_hour():
    """By how much, and only where a receiver's clock is known."""
    state = Loss()
    _, found = take(state, of_events([row(1, 100, received=T0)]))
    assert [(one.activity_id, one.fields["telemetry.seconds"]) for one in found] == [(loss.SKEW, 100.0)]
    assert told(state, row(2, 101, received=T0 + SECOND)) == []
    assert told(Loss(), row(1, 0, received=T0 + 2 * SECOND)) == []


def test_silence_is_three_usual_intervals_and_a_minute_at_least():
    """A chatty source is missed after a minute, one that speaks each five minutes after a quarter of an hour."""
    state = Loss()
    for at in range(20):
        told(state, row(at + 1, at))
    assert tick(state, T0 + 50 * SECOND) == []
    assert [one.activity_id for one in tick(state, T0 + 90 * SECOND)] == [loss.SILENCE]
    assert tick(state, T0 + 120 * SECOND) == []
    assert told(state, row(21, 130)) == [(loss.RESUME, 0)]
    slow = Loss()
    for at in range(20):
        told(slow, row(at + 1, at * 300))
    last = 19 * 300
    assert tick(slow, T0 + (last + 500) * SECOND) == []
    assert len(tick(slow, T0 + (last + 1000) * SECOND)) == 1


def test_an_announced_silence_is_told_as_such():
    """By the host's own agent; nobody announces it for another."""
    hole = Event(classes.TELEMETRY, loss.HOLE, T0, "gpu0001", "", {"telemetry.seconds": 600.0}, ME, 1)
    state = Loss()
    take(state, of_events([hole, row(1, source="host:gpu0002/agent", host="gpu0002")]))
    found = tick(state, T0 + 200 * SECOND)
    assert {one.host: one.fields["telemetry.why"] for one in found} == {
        "gpu0001": "announced",
        "gpu0002": "unannounced",
    }


def test_a_hole_of_one_source_announces_its_own_silence_alone():
    """On both its lanes; the host's other sources still have to speak."""
    fields = {"telemetry.seconds": 600.0, "telemetry.of": "host:gpu0001/nvml"}
    hole = Event(classes.TELEMETRY, loss.HOLE, T0, "gpu0001", "", fields, "host:gpu0001/nvml", 1)
    state = Loss()
    take(state, of_events([hole, row(1), row(1, source="host:gpu0001/nvml.urgent")]))
    found = tick(state, T0 + 200 * SECOND)
    assert {one.fields["telemetry.of"]: one.fields["telemetry.why"] for one in found} == {
        "host:gpu0001/nvml": "announced",
        "host:gpu0001/nvml.urgent": "announced",
        ME: "unannounced",
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 20))
def test_every_number_is_kept_once_whatever_the_order(numbers, size):
    """No number is kept twice, and what never came is what the gaps say less what filled them."""
    state, kept = Loss(), []
    for at in range(0, len(numbers), size):
        part = [row(number) for number in numbers[at : at + size]]
        keep, _ = take(state, of_events(part))
        mask = keep.to_pylist() if keep is not None else [True] * len(part)
        kept += [one.seq for one, good in zip(part, mask, strict=True) if good]
        state = msgspec.json.decode(msgspec.json.encode(state), type=Loss)
    assert len(kept) == len(set(kept))
    first = min(numbers[:size])
    assert set(kept) == {one for one in numbers if one >= first}
    missing = {one for low, high in state.sources[ME].missing for one in range(low, high + 1)}
    assert missing == set(range(first, max(numbers) + 1)) - set(numbers)


def test_hostile_numbers_and_names_stay_bounded():
    """Huge numbers, many gaps, odd hosts, clocks at the ends of time."""
    state = Loss()
    rows = [row(at * 1000, at) for at in range(1, 500)]
    rows += [row(2**62, source="host:", host=""), row(5, source="host:../x/y", host="\u202ex")]
    rows += [row(3, source="host:far/agent", host="far", received=2**62)]
    take(state, of_events(rows))
    assert len(state.sources[ME].missing) <= loss.MOST_GAPS
    tick(state, 2**62)


def test_a_batch_of_five_hundred_sources_costs_little():
    """Every worker does this for every batch."""
    state = Loss()
    batches = []
    for turn in range(6):
        rows = [
            row(turn * 8 + k + 1, turn + k / 10, f"host:n{at}/agent", f"n{at}") for k in range(8) for at in range(512)
        ]
        batches.append(of_events(rows).record)
    spent = []
    for record in batches:
        one = Batch(pa.RecordBatch.from_arrays(record.columns, schema=record.schema))
        begun = time.perf_counter()
        assert take(state, one) == (None, [])
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 0.02
