"""Weights, checkpoints or data are read by an account that is none of their readers."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, Among, Learning, Seen, clock
from ringfence.watch.rows import Who, account, foothold, noticed, shown, who
from ringfence.watch.site import Data
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D10",
    name="non_member_read",
    title="Read by somebody who is no member",
    meaning="Files of a model, checkpoint or dataset are read by an account that is neither among its "
    "readers nor of its tenant; where that is not known, by one that never did.",
    stage=NODE,
    sees=(classes.FILE,),
    threats=("RF.T02", "RF.T16"),
    atlas=("AML.T0035",),
    attack=("T1005", "T1039"),
    false="A guest who was let in by means that the estate does not know; backup under a new account.",
    severity=75,
    urgent=True,
)

_READS = (2, 14)
LOUD = 20
"""Different files within an hour."""


class State(msgspec.Struct):
    """(account, data) and (program, account) that read while habits were learned, and files read since."""

    learning: Learning = msgspec.field(default_factory=Learning)
    habits: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    files: Among = msgspec.field(default_factory=lambda: Among(span=HOUR))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """One question for each (data, account, job) of the batch."""
    rows = batch.rows(classes.FILE)
    rows = rows[np.isin(batch.numbers("activity_id")[rows], _READS)]
    if not len(rows):
        return
    learned = state.learning.done(clock(batch))
    parts = [batch.codes(name) for name in ("file.data", "actor.user.name", "job.uid", "actor.process.name")]
    told = rows[parts[0].codes[rows] >= 0]
    untold = rows[parts[0].codes[rows] < 0]
    key = np.zeros(len(told), np.int64)
    for part in parts:
        key = key * (len(part.values) + 1) + part.codes[told] + 1
    _, first = np.unique(key, return_index=True)
    for row in told[first].tolist():
        yield from _judge(state, batch, row, parts[0].of(row), view, learned)
    paths = batch.codes("file.path")
    _, first = np.unique(paths.codes[untold], return_index=True)
    for row in untold[first].tolist():
        data = view.site.data_at(paths.of(row))
        if data is not None:
            yield from _judge(state, batch, row, data.entity, view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _judge(state: State, batch: Batch, row: int, entity: str, view: View, learned: bool) -> Iterator[Signal]:
    one = who(batch, row)
    path = batch.text("file.path", row)
    data = view.site.data().get(entity) or view.site.data_at(path)
    if data is not None and _member(data, one, view):
        return
    habit = (f"{one.user}|{entity}", f"{one.process}|{one.user}|{_family(entity)}")
    if not learned:
        for name in habit:
            state.habits.add(name, one.time)
    unknown = data is None or not (data.readers or data.tenant)
    if unknown and (not learned or habit[0] in state.habits.at or habit[1] in state.habits.at or one.job):
        return
    if not unknown and learned and habit[0] in state.habits.at:
        return
    many = state.files.add(f"{one.host}|{one.user}|{entity}", path, one.time)
    why = f"{one.process or 'a process'} of {one.user or 'nobody known'} read {shown(path)} of {entity}"
    why += ", which it never read" if unknown else ", of which it is no reader"
    why += f", and {many - 1} files more within the hour" if many > 1 else ""
    confidence = (0.4 if unknown else 0.75) + (0.1 if many >= LOUD else 0)
    holds = (*foothold(one), f"{entity}#read")
    yield noticed(about, one, f"{one.host}|{one.user}|{entity}", why, entity, confidence=confidence, holds=holds)


def _member(data: Data, one: Who, view: View) -> bool:
    """Whether the estate lets this account or job read it, or both are one tenant's."""
    if f"identity:{one.user}" in data.readers or (one.job and one.job in data.readers):
        return True
    tenant = data.tenant.removeprefix("tenant:")
    theirs = {
        _namespace(one.job),
        account(view, one.job, one.user),
        view.site.tenant(f"identity:{one.user}").removeprefix("tenant:"),
    }
    return bool(tenant) and tenant in theirs


def _namespace(job: str) -> str:
    """The namespace of a pod, which is its tenant's; "" for a job of a scheduler."""
    return job.split("/")[1] if job.startswith("pod:") and job.count("/") >= 2 else ""


def _family(entity: str) -> str:
    """Data of one line of work: its name without the step."""
    return entity.partition("-step")[0]
