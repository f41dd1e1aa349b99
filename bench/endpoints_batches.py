"""Minutes of a generated cluster as the batches that relays would send, on disk, to be replayed in a loop.

        minutes ──28 hosts a relay──▶ ≤ 4,096 rows, own dictionaries ──lz4──▶ WORKER/000000.arrow …
        one file, a round ──stamped──▶ the same events with the numbers that follow, now

The cluster is generated at about one event a second and node. `dense` times as many come in the same time when it is
replayed, so the amounts that samples and flows tell of are divided by that; else all hosts would seem to have woken.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from bench.quality import site
from ringfence.synth.attacks import replay
from ringfence.synth.plan import Cluster
from ringfence.synth.telemetry import chunks
from ringfence.transport.arrow import packed, unpacked
from ringfence.watch.batch import Batch
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.columns import HEADER

RELAY = 28
"""Hosts that send by way of one relay."""
ROWS = 4096
TOGETHER = 2
"""Minutes as generated of which a relay's batches are made."""
MINUTE = 60
BEFORE = 10
"""Minutes before the ones that are kept."""
JOBS = "jobs.arrow"
"""Job events of the time before: said anew when a round begins."""
_STEPS, _LAST = b"steps", b"last"
_AMOUNTS = (
    "traffic.bytes_out",
    "traffic.bytes_in",
    "file.bytes",
    "ib.xmit",
    "ib.rcv",
    "ib.xmit_wait",
    "nvlink.tx",
    "nvlink.rx",
    "interval",
)


class Prepared(msgspec.Struct, frozen=True):
    """What lies on disk: the cluster, how many sources and events, and how often each kind of event is there."""

    plan: Cluster
    sources: int
    events: int
    batches: int
    mix: dict[str, int]


def prepare(folder: Path, nodes: int, minutes: int, seed: int, workers: int, dense: float) -> Prepared:
    """Write the batches of every worker. Of the time before, in which all jobs begin, only job events are kept."""
    plan = site.cluster(nodes, seed)
    days = replay(plan, seed, 3600, [])
    many = len(days.world.names)
    relays = np.arange(many) // RELAY
    jobs: list[pa.RecordBatch] = []
    together: list[list[Batch]] = [[]]
    for number, record in enumerate(chunks(days.world, days.stories, end=(BEFORE + minutes) * MINUTE)):
        if number < BEFORE:
            jobs.append(_jobs(Batch(record)))
            continue
        if len(together[-1]) == TOGETHER:
            together.append([])
        together[-1].append(Batch(record))
    steps = _steps(together)
    for worker in range(workers):
        (folder / str(worker)).mkdir(parents=True)
    (folder / JOBS).write_bytes(packed(_compact(_whole(jobs), steps)))
    place = {name: int(relays[at]) for at, name in enumerate(days.world.names)}
    events = batches = 0
    seen: dict[str, int] = {}
    kinds = np.zeros((2, 0), np.int64)
    for span in together:
        for relay, part in _relayed(span, place):
            for first in range(0, len(part), ROWS):
                ours = Batch(part.record.slice(first, ROWS))
                said = _compact(_divided(_numbered(ours, seen), dense), steps)
                (folder / str(relay % workers) / f"{batches:06}.arrow").write_bytes(packed(said))
                batches += 1
                events += said.num_rows
        kinds = np.concatenate([kinds, *(np.stack([one.classes, one.numbers("activity_id")]) for one in span)], axis=1)
    return Prepared(plan, len(steps), events, batches, _mix(kinds))


def read(file: Path) -> pa.RecordBatch:
    """One batch as it lies on disk, checked as one that came over the network would be."""
    return unpacked(file.read_bytes())


def stamped(record: pa.RecordBatch, turn: int, now: int, dense: float) -> Batch:
    """The batch of round `turn` (from 0), received now (microseconds): numbers go on where the last round ended."""
    said = record.schema.metadata
    steps = np.frombuffer(said[_STEPS], np.int64)
    columns = dict(zip(record.schema.names, record.columns, strict=True))
    seq = columns["seq"].to_numpy()
    seq = np.where(seq > 0, seq + turn * steps[columns["source"].indices.to_numpy()], 0)
    times = now - ((int(said[_LAST]) - columns["time"].to_numpy()) / dense).astype(np.int64)
    columns |= {"seq": pa.array(seq), "time": pa.array(times), "received": pa.array(np.full(len(seq), now))}
    return Batch(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def _jobs(batch: Batch) -> pa.RecordBatch:
    """Without numbers: they come again each round."""
    rows = batch.rows(classes.JOB)
    jobs = Batch(batch.record.take(pa.array(rows)))
    return jobs.having("seq", pa.array(np.zeros(len(rows), np.int64))).record


def _steps(spans: Iterable[Sequence[Batch]]) -> dict[str, int]:
    """How many events each source sends in a round."""
    steps: Counter[str] = Counter()
    for codes in (one.codes("source") for span in spans for one in span):
        counts = np.bincount(codes.codes, minlength=len(codes.values)).tolist()
        steps.update({name: many for name, many in zip(codes.values, counts, strict=True) if many})
    return dict(steps)


def _numbered(batch: Batch, seen: dict[str, int]) -> Batch:
    """With the numbers that follow at each source: what the generated cluster lost on the way is no loss here."""
    codes = batch.codes("source")
    before = np.array([seen.get(name, 0) for name in codes.values])
    counts = np.bincount(codes.codes, minlength=len(codes.values))
    order = np.argsort(codes.codes, kind="stable")
    begins = np.cumsum(counts) - counts
    seq = np.empty(len(batch), np.int64)
    seq[order] = np.arange(len(batch)) - np.repeat(begins, counts) + np.repeat(before, counts) + 1
    seen |= {name: int(old + many) for name, old, many in zip(codes.values, before, counts, strict=True)}
    return batch.having("seq", pa.array(seq))


def _relayed(span: Sequence[Batch], place: dict[str, int]) -> Iterator[tuple[int, Batch]]:
    """The rows of each relay's hosts, in order of time; who told them decides."""
    by_relay: dict[int, list[pa.RecordBatch]] = {}
    for batch in span:
        sources = batch.codes("source")
        of = np.array([place[name.split("/")[0].removeprefix("host:")] for name in sources.values])[sources.codes]
        order = np.argsort(of, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(of[order])) + 1):
            by_relay.setdefault(int(of[rows[0]]), []).append(batch.record.take(pa.array(rows)))
    for relay in sorted(by_relay):
        yield relay, _whole(by_relay[relay])


def _whole(records: Sequence[pa.RecordBatch]) -> Batch:
    parts = [pa.Table.from_batches([one]) for one in records]
    table = pa.concat_tables(parts, promote_options="permissive")
    return Batch(table.unify_dictionaries().combine_chunks().to_batches()[0])


def _divided(batch: Batch, dense: float) -> Batch:
    """What samples and flows amount to in the shorter time that they now stand for."""
    columns = dict(zip(batch.names, batch.record.columns, strict=True))
    for name in _AMOUNTS:
        if name in columns:
            missing = columns[name].is_null().to_numpy(zero_copy_only=False)
            values = batch.numbers(name) / dense
            columns[name] = pa.array(values.astype(batch.numbers(name).dtype), mask=missing)
    return Batch(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def _compact(batch: Batch, steps: dict[str, int]) -> pa.RecordBatch:
    """These rows with the columns and texts that they have, and how each source's numbers go on in the next round."""
    columns: dict[str, pa.Array] = {}
    for name in batch.names:
        array = batch.record.column(name)
        if array.null_count == len(array) and name not in HEADER:
            continue
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode().dictionary_encode()
        columns[name] = array
    said = np.array([steps.get(name, 0) for name in columns["source"].dictionary.to_pylist()], np.int64)
    last = max(batch.times.tolist(), default=0)
    record = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    return record.replace_schema_metadata({_STEPS: said.tobytes(), _LAST: str(last)})


def _mix(kinds: np.ndarray) -> dict[str, int]:
    """`CLASS/activity` → how many, the most frequent first."""
    present, counts = np.unique(kinds, axis=1, return_counts=True)
    names = {uid: one.name for uid, one in classes.CLASSES.items()}
    told = zip(present.T.tolist(), counts.tolist(), strict=True)
    return {f"{names[uid]}/{what}": many for (uid, what), many in sorted(told, key=lambda one: -one[1])}
