"""A checkpoint is read when nobody needs it: long after the start of the job that reads it, and by the gigabyte."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, MINUTE, Learning, Spread, Sums, clock
from ringfence.watch.rows import Who, account, foothold, noticed, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D11",
    name="out_of_phase_read",
    title="A checkpoint is read out of phase",
    meaning="A job reads much of a checkpoint long after its start, or an account reads one outside any "
    "job, as neither training nor evaluation does.",
    stage=JOINT,
    sees=(classes.FILE,),
    threats=("RF.T03", "RF.T02"),
    atlas=("AML.T0035",),
    attack=("T1005", "T1074"),
    false="A new uploader or converter of checkpoints; a job that rolls back after a loss spike.",
    severity=60,
)

LOADING = 25 * MINUTE
"""How long after its start a job may load."""
LEAST = 256 << 20
PART = 0.02
"""Bytes, and the part of what is known to be its size, from which reading is a copy."""
READERS = ("evaluate", "data", "interactive")
"""Kinds of jobs that read checkpoints at any time: to judge, convert and look at them."""
USUAL = 3
_READ, _OPEN = 2, 14
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".distcp", ".gguf", ".npz")


class State(msgspec.Struct):
    """Bytes read out of phase by reader and data; readers that do so in job after job while habits were learned."""

    learning: Learning = msgspec.field(default_factory=Learning)
    read: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR // 4, slots=16))
    usual: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Reads of checkpoints."""
    rows, data = batch.rows(classes.FILE), batch.codes("file.data")
    if not len(rows) or not data.values:
        return
    wanted = np.array([one.startswith("checkpoint:") for one in data.values] + [False])
    activity = batch.numbers("activity_id")
    rows = rows[wanted[data.codes[rows]] & ((activity[rows] == _READ) | (activity[rows] == _OPEN))]
    learned = state.learning.done(clock(batch))
    for row in rows.tolist():
        one = who(batch, row)
        job = view.roster.jobs.get(one.job)
        if job is not None and (one.time - job.started <= LOADING or job.kind in READERS):
            continue
        if int(activity[row]) == _READ:
            yield from _late(state, one, data.of(row), float(batch.numbers("file.bytes")[row]), view, learned)
        elif job is not None and batch.text("file.path", row).endswith(WEIGHTS):
            yield from _opened(state, one, data.of(row), view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _opened(state: State, one: Who, entity: str, view: View, learned: bool) -> Iterator[Signal]:
    """A job that has long begun opens a file of tensors: what it reads is told when it closes it, hours later."""
    mine = account(view, one.job, one.user) or one.user
    habit = f"{one.process}|{mine}|opens"
    if not learned:
        state.usual.add(habit, one.job, one.time)
    elif state.usual.count(habit) < USUAL:
        age = (one.time - view.roster.jobs[one.job].started) / HOUR
        why = f"{one.process or 'a process'} of {one.job} opened {entity} {age:,.1f} h after it began"
        holds = (*foothold(one), f"{entity}#read")
        yield noticed(about, one, f"{one.host}|{one.user}|{entity}", why, entity, confidence=0.5, holds=holds)


def _late(state: State, one: Who, entity: str, bytes_: float, view: View, learned: bool) -> Iterator[Signal]:
    mine = account(view, one.job, one.user) or one.user
    habit = f"{one.process}|{mine}"
    if not learned:
        state.usual.add(habit, one.job or entity, one.time)
    total = state.read.add(f"{one.host}|{one.user}|{one.process}|{entity}", one.time, bytes_)
    known = view.site.data().get(entity)
    if total < max(LEAST, PART * (known.size if known else 0)) or not learned or state.usual.count(habit) >= USUAL:
        return
    job = view.roster.jobs.get(one.job)
    when = f"{(one.time - job.started) / HOUR:,.1f} h after it began" if job else "outside any job that is known"
    part = f", {total / known.size:.0%} of it" if known and known.size else ""
    reader = one.job or one.user or "nobody known"
    why = f"{one.process or 'a process'} of {reader} read {total / 1e9:,.1f} GB of {entity} {when}{part}"
    holds = (*foothold(one), f"{entity}#read")
    yield noticed(about, one, f"{one.host}|{one.user}|{entity}", why, entity, confidence=0.6, holds=holds)
