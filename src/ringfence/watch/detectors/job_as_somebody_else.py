"""A job is submitted by one account and runs as another, by somebody who does not do that."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import Learning, Seen, clock
from ringfence.watch.rows import foothold, named, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D40",
    name="job_as_somebody_else",
    title="A job as somebody else",
    meaning="A job was submitted by one account to run as another, by an account that never submits for that one.",
    stage=JOINT,
    sees=(classes.JOB,),
    threats=("RF.T14", "RF.T18"),
    attack=("T1078",),
    false="A coordinator or a portal that begins to submit for a group.",
    severity=65,
)

SYSTEM = frozenset(("root", "slurm", "SlurmUser"))
_SUBMIT, _START = 1, 2


class State(msgspec.Struct):
    """(submitter, runs as) pairs of the time of learning."""

    learning: Learning = msgspec.field(default_factory=Learning)
    habits: Seen = msgspec.field(default_factory=Seen)


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Submitted and started jobs whose submitter is told."""
    learned = state.learning.done(clock(batch))
    activity = batch.numbers("activity_id")
    rows = batch.rows(classes.JOB)
    for row in rows[(activity[rows] == _SUBMIT) | (activity[rows] == _START)].tolist():
        by, user = batch.text("actor.user.name", row), batch.text("job.user", row)
        if not by or not user or by == user or by in SYSTEM:
            continue
        one = msgspec.structs.replace(who(batch, row), host="")  # the scheduler's host takes no part
        if not learned:
            state.habits.add(f"{by}|{user}", one.time)
        if f"{by}|{user}" in state.habits.at or not learned:
            continue
        name = batch.text("job.name", row)
        why = f"{shown(by)} submitted {one.job or shown(name)} to run as {shown(user)}, which {shown(by)} does not do"
        more = (named("identity", user),)
        holds = (*foothold(one)[1:], f"{named('identity', user)}#use")
        yield noticed(about, one, f"{by}|{user}", why, *more, confidence=0.7, holds=holds)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()
