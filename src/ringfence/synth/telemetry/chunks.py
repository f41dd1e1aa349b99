"""The stream: a minute of the cluster a batch, in order of time, numbered by source.

        samples ┐
        steady  ├─▶ blocks ─▶ ordered ─▶ silenced ─▶ numbered ─▶ withheld ─▶ record batch
        rows    ┘

`rows` are the events of which there are few: the stories of jobs, people and operators, and those of attacks. Numbers
are given when everything is in its place, so that what is lost on the way leaves a gap, and nothing else does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ringfence.synth.telemetry import block, shards, steady
from ringfence.synth.telemetry.block import SENSORS, Block, Header, Row
from ringfence.synth.telemetry.minute import MINUTE, minute_of
from ringfence.synth.telemetry.noise import hashed, key, unit
from ringfence.synth.telemetry.places import places
from ringfence.synth.telemetry.samples import TICK, Occupancy, Sampler
from ringfence.synth.telemetry.world import EPOCH, SECOND, World
from ringfence.wire.ocsf.columns import HEADER
from ringfence.wire.ocsf.logsources import USUAL

HOUR = 3600

Story = Callable[[World, int, int, frozenset[int]], Iterable[Row]]
"""The rows that begin in a span of seconds, told by some hosts (by index). What began may go on for up to an hour."""


def chunks(
    world: World,
    stories: Sequence[Story] = (),
    start: int = 0,
    end: int | None = None,
    hosts: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The minutes from `start` to before `end` (seconds), as told by some hosts (all of them, if none are named).

    A host's events are the same whichever others are asked for with it. Job events are told by the scheduler's host.
    """
    mine = np.array(sorted(set(range(len(world.names)) if hosts is None else hosts)), np.int64)
    stream = _Stream(world, stories, mine)
    for begin in range(0, world.seconds if end is None else end, MINUTE):
        if begin >= start:
            yield stream.minute(begin)
        else:
            stream.skip(begin)


class _Stream:
    def __init__(self, world: World, stories: Sequence[Story], hosts: np.ndarray) -> None:
        self._world, self._stories, self._hosts = world, stories, hosts
        self._told = frozenset(hosts.tolist())
        self._sampler, self._occupancy, self._places = Sampler(world, hosts.tolist()), Occupancy(world), places(world)
        self._pending: list[Row] = []
        self._seen = np.zeros(len(world.names) * len(SENSORS), np.int64)
        self._names = pa.array(world.names, pa.string())
        self._sources = pa.array([f"host:{name}/{sensor}" for name in world.names for sensor in SENSORS], pa.string())
        self._overlays = sorted(world.happenings.overlays, key=lambda one: one.start)
        self._late = 30_000 + (unit(hashed(key(world.seed, "late"), np.arange(len(world.names)), 0)) * 4e5).astype(int)

    def minute(self, begin: int) -> pa.RecordBatch:
        blocks = self._blocks(begin)
        header = block.ordered(blocks, self._spoken(blocks, begin))
        seq, lost = self._numbered(header, begin)
        columns = {**self._common(header, seq), **block.columns(blocks, header)}
        batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        return batch.filter(pa.array(~lost)) if lost.any() else batch

    def skip(self, begin: int) -> None:
        """A minute that nobody asked for: only its numbers are given."""
        blocks = self._blocks(begin)
        self._numbered(block.ordered(blocks, self._spoken(blocks, begin)), begin)

    def _blocks(self, begin: int) -> list[Block]:
        held = []
        for tick in range(begin, begin + MINUTE, TICK):
            self._occupancy.move(tick)
            held.append(self._occupancy.holds.copy())
        overlays = [one for one in self._overlays if one.start < begin + MINUTE and one.end > begin]
        minute = minute_of(self._world, self._places, begin, self._hosts, held[0])
        return [
            *self._sampler.blocks(begin, begin + MINUTE, held, overlays),
            *steady.blocks(minute),
            shards.files(minute),
            *block.block_of(self._rows(begin)),
        ]

    def _rows(self, begin: int) -> list[Row]:
        if begin % HOUR == 0:
            for story in self._stories:
                for row in story(self._world, begin, begin + HOUR, self._told):
                    if (row.host if row.teller < 0 else row.teller) in self._told:
                        self._pending.append(row)
            self._pending.sort(key=lambda row: (row.time, row.host, row.sensor), reverse=True)
        found, until = [], EPOCH + (begin + MINUTE) * SECOND
        while self._pending and self._pending[-1].time < until:
            found.append(self._pending.pop())
        return found

    def _spoken(self, blocks: Sequence[Block], begin: int) -> np.ndarray | None:
        """The rows whose teller was not silent; None where nobody was."""
        quiet = [
            one
            for one in self._world.happenings.silences
            if one.share >= 1 and one.start < begin + MINUTE and one.end > begin - MINUTE and one.host in self._told
        ]
        if not quiet:
            return None
        time = np.concatenate([one.time for one in blocks])
        teller = np.concatenate([one.host if one.teller is None else one.teller for one in blocks])
        keep = np.ones(len(time), np.bool_)
        for one in quiet:
            hidden = (teller == one.host) & (time >= EPOCH + one.start * SECOND) & (time < EPOCH + one.end * SECOND)
            keep &= ~hidden
        return keep

    def _numbered(self, header: Header, begin: int) -> tuple[np.ndarray, np.ndarray]:
        """(each row's number at its source, whether it was lost on the way)."""
        source = header.teller * len(SENSORS) + header.sensor
        seq = _running(source, self._seen)
        lost = np.zeros(len(seq), np.bool_)
        for gap in self._world.happenings.gaps:
            if begin <= gap.at < begin + MINUTE:
                those = np.flatnonzero(source == gap.host * len(SENSORS) + gap.sensor)
                lost[those[header.time[those] >= EPOCH + gap.at * SECOND][: gap.count]] = True
        for one in self._world.happenings.silences:
            if one.share < 1 and one.start < begin + MINUTE and one.end > begin and one.host in self._told:
                low, high = EPOCH + one.start * SECOND, EPOCH + one.end * SECOND
                those = (header.teller == one.host) & (header.time >= low) & (header.time < high)
                lost |= those & (unit(hashed(key("withheld"), source, seq)) < one.share)
        return seq, lost

    def _common(self, header: Header, seq: np.ndarray) -> dict[str, pa.Array]:
        present, codes = np.unique(header.class_uid, return_inverse=True)
        sources = pa.array([USUAL[int(one)] for one in present], pa.string())
        columns = {
            "source": block.coded(header.teller * len(SENSORS) + header.sensor, self._sources),
            "seq": pa.array(seq),
            "time": pa.array(header.time + self._skewed(header)),
            "received": pa.array(header.time + self._late[header.teller]),
            "class_uid": pa.array(header.class_uid),
            "activity_id": pa.array(header.activity),
            "device.hostname": block.coded(header.host, self._names),
            "logsource": _unique(codes, sources),
        }
        return {name: columns[name] for name in HEADER}

    def _skewed(self, header: Header) -> np.ndarray:
        off = np.zeros(len(header.time), np.int64)
        for skew in self._world.happenings.skews:
            if skew.host in self._told:
                since = header.time - (EPOCH + int(skew.start * SECOND))
                those = (header.teller == skew.host) & (since >= 0) & (since < (skew.end - skew.start) * SECOND)
                off[those] += (skew.seconds * SECOND + since[those] * (skew.drift / HOUR)).astype(np.int64)
        return off


def _unique(codes: np.ndarray, values: pa.Array) -> pa.Array:
    """A text column whose values may repeat."""
    encoded = values.dictionary_encode()
    return block.coded(encoded.indices.to_numpy()[codes], encoded.dictionary)


def _running(source: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The next number of each row's source; `seen` is how many there were before, and is moved on."""
    order = np.argsort(source, kind="stable")
    ranked = source[order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[begins, len(ranked)])
    rank = np.arange(len(ranked)) - np.repeat(begins, lengths)
    found = np.empty(len(source), np.int64)
    found[order] = seen[ranked] + rank + 1
    seen[ranked[begins]] += lengths
    return found
