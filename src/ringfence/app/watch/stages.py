"""A stage with its place in a log: what it took in, what the time was, what it heard from all.

        log: events, events, beat, events …  ─▶ Share ─▶ yields, each with the number of what it came from
             beat = the time, and how far `rf.all` is to be heard

Everything that changes a stage stands in its log, the passing of time too. So whoever takes up the same state at the
same number and reads on yields the same again, number for number; what was yielded already is known by its number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec

from ringfence.errors import InputError
from ringfence.transport.arrow import packed, split, unpacked
from ringfence.watch.batch import Batch
from ringfence.watch.correlate.values import Points, cut_up
from ringfence.watch.engine import SECOND, Yielded
from ringfence.watch.values import Incident, Signal
from ringfence.wire.ocsf import classes

EVENTS, BEAT, YIELDED = "events", "beat", "yielded"
"""Kinds of message in the log of a stage."""
JOBS, VERDICT = "jobs", "verdict"
"""Kinds of message to all."""
OUTAGE, GRACE = 10 * SECOND, 30 * SECOND
"""A log in which nothing was written for so long was away itself. Sources then have a while to be heard again before
time is told to pass; otherwise all of them would seem silent."""


class Node(Protocol):
    """The node stage, as `watch.engine.NodeStage` has it."""

    def step(self, batch: Batch) -> Yielded:
        """Take events in."""

    def tick(self, now: int) -> Yielded:
        """Time has passed."""

    def hear(self, batch: Batch) -> None:
        """Jobs that began or ended elsewhere."""

    def save(self) -> bytes:
        """All state."""

    def load(self, data: bytes) -> None:
        """Take up a state."""


class Joint(Protocol):
    """The joint stage, as `watch.engine.JointStage` has it."""

    def step(self, yielded: Yielded) -> tuple[Incident, ...]:
        """Take in what a node stage yielded."""

    def tick(self, now: int) -> tuple[Incident, ...]:
        """Time has passed."""

    def verdict(self, incident: str, verdict: str) -> tuple[Incident, ...]:
        """An operator judges an incident."""

    def save(self) -> bytes:
        """All state."""

    def load(self, data: bytes) -> None:
        """Take up a state."""


class Verdict(msgspec.Struct, frozen=True):
    """What an operator says of an incident."""

    incident: str
    verdict: str


class Stages(msgspec.Struct, frozen=True):
    """How stages are made, each without any state yet."""

    node: Callable[[], Node]
    joint: Callable[[], Joint]


class Clock(msgspec.Struct):
    """When a stage is told the time: once a second of its log, and not just after the log was away."""

    last: int = 0
    ticked: int = 0
    held: int = 0

    def due(self, at: int) -> bool:
        """Whether the stage is to be told that it is `at`, microseconds since the epoch."""
        if self.last and at - self.last > OUTAGE:
            self.held = at + GRACE
        self.last = max(self.last, at)
        if at < self.held or at - self.ticked < SECOND:
            return False
        self.ticked = at
        return True


class Place(msgspec.Struct):
    """How far a stage has come: in its log, in what is said to all, and the joint one in what each share yielded."""

    position: int = 0
    heard: int = 0
    clock: Clock = msgspec.field(default_factory=Clock)
    marks: dict[str, tuple[int, int]] = {}


class Beat(msgspec.Struct, frozen=True):
    """Time passes: hear what was said to all up to this number."""

    heard: int


class Entry(msgspec.Struct, frozen=True):
    """One message of a stage's log. `mark` is the share, its number there and the part of it that this is.

    `batch` is what the body holds, where that is at hand.
    """

    seq: int
    kind: str
    at: int
    body: bytes
    mark: tuple[str, int, int] = ("", 0, 0)
    batch: Batch | None = None


class Heard(msgspec.Struct, frozen=True):
    """One message to all."""

    kind: str
    body: bytes


def take(stage: Node, place: Place, entry: Entry, heard: Sequence[Heard], faults: list[str]) -> list[Yielded]:
    """What a node stage makes of one entry. What cannot be taken in is passed by, and told in `faults`."""
    place.position = entry.seq
    found: list[Yielded] = []
    if entry.kind == EVENTS:
        with noted(faults, entry):
            found.append(stage.step(entry.batch or Batch(unpacked(entry.body))))
    for one in heard:
        if one.kind == JOBS:
            with noted(faults, entry):
                stage.hear(Batch(unpacked(one.body)))
    if place.clock.due(entry.at):
        with noted(faults, entry):
            found.append(stage.tick(entry.at))
    return [one for one in found if one.signals or one.condensed or one.points]


def join(stage: Joint, place: Place, entry: Entry, heard: Sequence[Heard], faults: list[str]) -> list[Incident]:
    """The incidents that change by one entry of the joint stage's log. What was yielded before is passed by."""
    place.position = entry.seq
    found: list[Incident] = []
    name, *at = entry.mark
    mark = (at[0], at[1])
    if entry.kind == YIELDED and mark > place.marks.get(name, (0, 0)):
        place.marks[name] = mark
        with noted(faults, entry):
            found += stage.step(read(entry.body))
    for one in heard:
        if one.kind == VERDICT:
            with noted(faults, entry):
                said = msgspec.json.decode(one.body, type=Verdict)
                found += stage.verdict(said.incident, said.verdict)
    if place.clock.due(entry.at):
        with noted(faults, entry):
            found += stage.tick(entry.at)
    return found


@contextmanager
def noted(faults: list[str], entry: Entry) -> Iterator[None]:
    """One entry that no stage can take must not stop the log: whoever took over would stop at it too."""
    try:
        yield
    except Exception as error:
        faults.append(f"{entry.kind} {entry.seq} was passed by: {type(error).__name__}: {error}")


class _Parts(msgspec.Struct, frozen=True, array_like=True):
    signals: tuple[Signal, ...]
    condensed: tuple[bytes, ...]
    points: tuple[Points, ...] = ()


def written(yielded: Yielded, most: int) -> Iterator[bytes]:
    """What was yielded as messages of at most `most` bytes, signals first."""
    signals: list[Signal] = []
    size = 0
    for one in yielded.signals:
        length = len(msgspec.msgpack.encode(one))
        if signals and size + length > most:
            yield msgspec.msgpack.encode(_Parts(tuple(signals), ()))
            signals, size = [], 0
        signals.append(one)
        size += length
    # a condensed batch may be larger than a message
    bodies = [body for batch in yielded.condensed for _, body in split(batch.record, most // 2)]
    first = [body for body in bodies if size + sum(map(len, bodies)) <= most]
    if signals or first:
        yield msgspec.msgpack.encode(_Parts(tuple(signals), tuple(first)))
    for body in bodies[len(first) :]:
        yield msgspec.msgpack.encode(_Parts((), (body,)))
    for points in yielded.points:
        yield from (msgspec.msgpack.encode(_Parts((), (), (part,))) for part in cut_up(points, most))


def read(body: bytes) -> Yielded:
    """One such message. Raises `InputError`."""
    try:
        parts = msgspec.msgpack.decode(body, type=_Parts)
    except msgspec.MsgspecError as error:
        raise InputError(f"not what a stage yields: {error}") from None
    return Yielded(parts.signals, tuple(Batch(unpacked(one)) for one in parts.condensed), parts.points)


def jobs(batch: Batch) -> bytes:
    """The rows about jobs, as all are to hear them; nothing where there are none."""
    rows = batch.rows(classes.JOB)
    return packed(batch.record.take(rows)) if len(rows) else b""
