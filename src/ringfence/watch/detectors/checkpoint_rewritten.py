"""A checkpoint changes after it was written: by somebody else, or long after its writer went on."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import MINUTE, Learning, Seen, clock
from ringfence.watch.rows import Who, foothold, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D13",
    name="checkpoint_rewritten",
    title="A checkpoint was rewritten",
    meaning="A file of a checkpoint or model is written again by another account, job or program than wrote it, "
    "or long after that had gone on.",
    stage=JOINT,
    sees=(classes.FILE,),
    threats=("RF.T05", "RF.T07"),
    atlas=("AML.T0018",),
    attack=("T1565.001",),
    false="A conversion in place; a pointer to the latest step that a new job of the same account moves.",
    severity=70,
)

DONE = 5 * MINUTE
"""After its last write by this long a checkpoint is complete."""
MOST = 100_000
PUBLISHED = 40 * MINUTE
"""How long after it read a checkpoint a job may write the model that it makes of it."""
_WRITES = (1, 3, 5)
_READ = 2
_ORDINARY = ("latest", "metadata.json", "latest_checkpointed_iteration.txt", "last")
"""Pointers that are moved on by whoever goes on with the run."""


class Writer(msgspec.Struct):
    """Who wrote a checkpoint: account, job, program; when first and last."""

    user: str
    job: str
    process: str
    first: int
    last: int


class State(msgspec.Struct):
    """Writers by checkpoint; who read one when; (account, program) that rewrote in the time of learning."""

    learning: Learning = msgspec.field(default_factory=Learning)
    writers: dict[str, Writer] = {}
    readers: Seen = msgspec.field(default_factory=lambda: Seen(most=20_000))
    habits: Seen = msgspec.field(default_factory=Seen)


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Writes to checkpoints and models, in order."""
    rows, data = batch.rows(classes.FILE), batch.codes("file.data")
    if not len(rows) or not data.values:
        return
    wanted = np.array([one.startswith(("checkpoint:", "model:")) for one in data.values] + [False])
    activity = batch.numbers("activity_id")
    rows = rows[wanted[data.codes[rows]] & np.isin(activity[rows], (_READ, *_WRITES))]
    learned = state.learning.done(clock(batch))
    for row in rows.tolist():
        one, entity = who(batch, row), data.of(row)
        if int(activity[row]) == _READ:
            state.readers.add(f"{one.host}|{one.user}", one.time)
            continue
        path = batch.text("file.path", row)
        made = int(activity[row]) == 1
        if not (_resumed(state, one, entity, view) or _published(state, one, entity)):
            yield from _written(state, one, entity, path, made, view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _written(state: State, one: Who, entity: str, path: str, made: bool, view: View, learned: bool) -> Iterator[Signal]:
    known = state.writers.get(entity)
    habit = f"{one.user}|{one.process}|{entity.partition(':')[0]}"
    if known is None:
        old = entity in view.site.data()
        _remember(state, one, entity)
        if (old or not (made or one.job)) and learned and habit not in state.habits.at:
            yield _signal(one, entity, path, "which nobody was seen to make", 0.55)
        if not learned:
            state.habits.add(habit, one.time)
        return
    same = (known.user, known.job) == (one.user, one.job) and known.process == one.process
    late = one.time - known.last > DONE
    pointer = path.rpartition("/")[2] in _ORDINARY and known.user == one.user
    if same and not late:
        known.last = max(known.last, one.time)
    elif not learned:
        state.habits.add(f"{habit}|again", one.time)
    elif not pointer and f"{habit}|again" not in state.habits.at:
        ago = f"{max(one.time - known.last, 0) / MINUTE:,.0f} min ago"
        other = f"which {known.process or 'a process'} of {known.job or known.user} wrote {ago}"
        mine = f"which it had written {ago}"
        yield _signal(one, entity, path, mine if same else other, 0.6 if same else 0.75)


def _resumed(state: State, one: Who, entity: str, view: View) -> bool:
    """Whether the job that wrote it was put back into the queue, and does its work once more."""
    known, job = state.writers.get(entity), view.roster.jobs.get(one.job)
    if known is None or job is None or (known.user, known.job) != (one.user, one.job) or job.started <= known.last:
        return False
    known.last = one.time
    return True


def _published(state: State, one: Who, entity: str) -> bool:
    """Whether a job writes the model that it makes of a checkpoint."""
    if not (
        one.job and entity.startswith("model:") and state.readers.within(f"{one.host}|{one.user}", one.time, PUBLISHED)
    ):
        return False
    _remember(state, one, entity)
    return True


def _remember(state: State, one: Who, entity: str) -> None:
    if len(state.writers) >= MOST:
        for name in sorted(state.writers, key=lambda this: state.writers[this].last)[: MOST // 8]:
            del state.writers[name]
    state.writers[entity] = Writer(one.user, one.job, one.process, one.time, one.time)


def _signal(one: Who, entity: str, path: str, but: str, confidence: float) -> Signal:
    why = f"{one.process or 'a process'} of {one.user or 'nobody known'} wrote {shown(path)} of {entity}, {but}"
    holds = (*foothold(one), f"{entity}#write")
    return noticed(about, one, f"{one.user}|{entity}", why, entity, confidence=confidence, holds=holds)
