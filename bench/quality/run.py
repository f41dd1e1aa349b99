"""Benign days of a generated cluster with the attacks of a set among them, played through the watch and scored.

        set, nodes ──▶ Replay ──▶ worker: its hosts' events ─▶ node stage ─┐
                             └──▶ worker: …                              ─┴▶ joint stage ─▶ incidents ─▶ Scorer

Every worker generates the events of its own hosts and hears the scheduler's. The joint stage takes in one slice of
time after the other, from all workers in the same order, so that a replay is the same again.
"""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from bench.quality import site
from ringfence.app.watch.made import Made
from ringfence.app.watch.quality import Quality, Scorer
from ringfence.app.watch.truth import Attack as Truth
from ringfence.errors import Problem
from ringfence.synth.attacks import Replay, replay
from ringfence.synth.attacks.base import Attack
from ringfence.synth.telemetry import chunks
from ringfence.synth.telemetry.world import EPOCH, SECOND
from ringfence.watch.batch import Batch
from ringfence.watch.condense import INTERVAL, LATE
from ringfence.watch.engine import NodeStage, Yielded
from ringfence.watch.values import Incident
from ringfence.wire.ocsf import classes

SETS = ("tuning", "scored-1", "scored-2")
BENIGN = "benign"
SEEDS = {BENIGN: 1, "tuning": 11, "scored-1": 101, "scored-2": 202}
"""The cluster and its benign days are others in each set."""
HOUR = 3600
SLICE = 20
"""Seconds of events that a stage takes at once; time to detect is no finer."""
HERE = Path(__file__).parent

Progress = Callable[[str], None]


class Options(msgspec.Struct, frozen=True):
    """What is replayed. `kinds` are those attacks alone; all, where none is named."""

    set_name: str = BENIGN
    nodes: int = 64
    hours: float = 1.0
    seed: int = 0
    workers: int = 1
    kinds: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """The score, and how the replay went. `incidents` are the last versions of all that were told."""

    quality: Quality
    events: int
    seconds: float
    skipped: tuple[str, ...]
    faults: dict[str, int]
    incidents: tuple[Incident, ...]
    problems: tuple[Problem, ...]


def attacks_of(set_name: str, kinds: Sequence[str] = ()) -> list[Attack]:
    """The attacks of a set as they were drawn."""
    if set_name == BENIGN:
        return []
    drawn = msgspec.json.decode((HERE / f"{set_name}.json").read_bytes(), type=list[Attack])
    return [one for one in drawn if not kinds or one.kind in kinds]


def replay_of(options: Options) -> Replay:
    """The cluster over its hours, with the set's attacks."""
    seed = options.seed or SEEDS[options.set_name]
    plan = site.cluster(options.nodes, seed)
    return replay(plan, seed, int(options.hours * HOUR), attacks_of(options.set_name, options.kinds))


def stream(
    set_name: str = BENIGN, nodes: int = 64, hours: float = 1, seed: int = 0, hosts: Sequence[int] | None = None
) -> Iterator[Batch]:
    """A batch a minute of what the sensors send, of all hosts or some (by index)."""
    days = replay_of(Options(set_name, nodes, hours, seed))
    for record in chunks(days.world, days.stories, hosts=hosts):
        yield Batch(record)


def truth_of(days: Replay) -> list[Truth]:
    """What is true about a replay, as incidents are held against it."""
    return [
        Truth(
            one.id,
            one.kind,
            EPOCH + int(one.start * SECOND),
            EPOCH + int(one.end * SECOND),
            frozenset(one.entities),
            one.loudness,
        )
        for one in days.truth
    ]


def run(options: Options, told: Progress) -> Result:
    """Replay and score."""
    begin = perf_counter()
    days = replay_of(options)
    problems: list[Problem] = []
    made = Made(site.estate(days.world.plan), [], problems)
    told(f"{len(days.truth)} attacks, {made.count} rules, made in {perf_counter() - begin:.0f} s")
    scorer, last = Scorer(truth_of(days)), dict[str, Incident]()
    joint = made.stages().joint()
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    workers = _started(options, days, made)
    begin = perf_counter()
    for slot in range(int(options.hours * HOUR) // SLICE + 1):
        now = EPOCH + (slot + 1) * SLICE * SECOND
        changed: list[Incident] = []
        for worker in workers:
            yielded, seen, failed = worker.recv()
            counts["events"] += seen
            faults |= failed
            changed += joint.step(_unpacked(yielded))
        changed += joint.tick(now)
        for incident in changed:
            scorer.take(now, incident)
            last[incident.id] = incident
        if (slot + 1) * SLICE % HOUR == 0:
            told(_progress((slot + 1) * SLICE, options, counts["events"], perf_counter() - begin, len(last)))
    faults |= Counter(getattr(joint, "faults", {}))
    quality = scorer.quality(int(options.hours * HOUR) * SECOND)
    seconds = round(perf_counter() - begin, 1)
    return Result(quality, counts["events"], seconds, days.skipped, dict(faults), tuple(last.values()), tuple(problems))


def _progress(done: int, options: Options, events: int, seconds: float, incidents: int) -> str:
    left = seconds / done * (options.hours * HOUR - done)
    rate = events / max(seconds, 0.001)
    return f"{done / HOUR:.0f} of {options.hours:g} h, {rate:,.0f} events/s, {incidents} incidents, {left:,.0f} s left"


def _started(options: Options, days: Replay, made: Made) -> list[Connection]:
    """A process for each share of the hosts; each sends what a slice of time came to."""
    context = multiprocessing.get_context("fork")
    every = np.arange(len(days.world.names))
    found = []
    for number in range(options.workers):
        mine = every[every % options.workers == number].tolist()
        near, far = context.Pipe(duplex=False)
        context.Process(target=_work, args=(far, days, made, mine), daemon=True).start()
        far.close()
        found.append(near)
    return found


def _work(to: Connection, days: Replay, made: Made, hosts: list[int]) -> None:
    node = made.stages().node()
    assert isinstance(node, NodeStage)
    scheduler = days.world.of_role("scheduler")[0]
    own = scheduler in hosts
    told = hosts if own else [*hosts, scheduler]
    for record in chunks(days.world, days.stories, hosts=told):
        for part in _slices(Batch(record)):
            if own:
                to.send(_taken(node, part))
            else:
                mine, jobs = _apart(part, days.world.names[scheduler])
                node.hear(jobs)
                to.send(_taken(node, mine))
    to.send((_packed(node.tick(node.clock + INTERVAL + LATE)), 0, Counter(node.faults)))
    to.close()


def _slices(batch: Batch) -> Iterator[Batch]:
    """A minute in pieces; as many whatever it holds, so that all workers keep step."""
    received = batch.numbers("received")
    begin = int(received.min(initial=0)) // (60 * SECOND) * 60 * SECOND if len(batch) else 0
    slots = np.clip((received - begin) // (SLICE * SECOND), 0, 60 // SLICE - 1)
    order = np.argsort(slots, kind="stable")
    edges = np.searchsorted(slots[order], np.arange(60 // SLICE + 1))
    for start, end in pairwise(edges.tolist()):
        rows = np.sort(order[start:end])
        whole = len(rows) and rows[-1] - rows[0] + 1 == len(rows)
        yield Batch(batch.record.slice(int(rows[0]), len(rows)) if whole else batch.record.take(rows))


def _apart(batch: Batch, scheduler: str) -> tuple[Batch, Batch]:
    """(events of a worker's own hosts, the scheduler's job events)."""
    source = batch.codes("source")
    theirs = np.array([value.startswith(f"host:{scheduler}/") for value in source.values] + [False])[source.codes]
    jobs = theirs & (batch.classes == classes.JOB)
    return Batch(batch.record.filter(~theirs)), Batch(batch.record.filter(jobs))


def _taken(node: NodeStage, batch: Batch) -> tuple[Any, int, Counter[str]]:
    first = node.step(batch) if len(batch) else Yielded()
    then = node.tick(node.clock)
    whole = Yielded(first.signals + then.signals, first.condensed + then.condensed, first.points + then.points)
    return _packed(whole), len(batch), Counter(node.faults)


def _packed(yielded: Yielded) -> Any:
    return yielded.signals, [one.record for one in yielded.condensed], yielded.points


def _unpacked(said: Any) -> Yielded:
    signals, records, points = said
    return Yielded(signals, tuple(Batch(one) for one in records), points)
