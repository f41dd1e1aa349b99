"""What the fence let leave because of a jewel is used up: somebody moves that jewel's bytes out, and is held back."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import MINUTE, cut
from ringfence.watch.roster import Running
from ringfence.watch.rows import Who, foothold, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D44",
    name="budget_spent",
    title="The egress budget of a jewel is spent",
    meaning="A host or job sent out all that a jewel's budget lets leave within an hour, or presses against the rate "
    "before it for half a minute.",
    stage=NODE,
    sees=(classes.FENCE,),
    threats=("RF.T02", "RF.T03", "RF.T04", "RF.T16"),
    atlas=("AML.T0025",),
    attack=("T1030", "T1041", "T1048", "T1567"),
    false="A large result that is sent to a place that the policy allows: raise that jewel's budget, with a reason and "
    "a date.",
    severity=75,
    urgent=True,
)

SPENT, THROTTLED = 2, 3
PRESSED = ((30.0, 0.6), (10.0, 0.5))
"""Seconds for which the rate has refused → confidence. The lesser says nothing alone: honest bursts end earlier."""
_LESS = 60
_AGAIN = 10 * MINUTE


class State(msgspec.Struct):
    """Which budgets were told, how sure, and when."""

    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Budgets that are spent, or held back for a while."""
    rows = batch.rows(classes.FENCE)
    activity, seconds = batch.numbers("activity_id"), batch.numbers("interval")
    for row in rows[np.isin(activity[rows], (SPENT, THROTTLED))].tolist():
        spent, lasted = bool(activity[row] == SPENT), float(seconds[row])
        confidence = 0.7 if spent else next((sure for least, sure in PRESSED if lasted >= least), 0.0)
        one, quota = who(batch, row), cut(batch.text("fence.rule", row))
        key = f"{one.host}|{quota}"
        if confidence and anew(state.told, f"{key}|{confidence}", one.time, _AGAIN):
            yield _spent(batch, row, one, key, confidence, spent, view)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing is owed to time alone."""
    yield from ()


def _spent(batch: Batch, row: int, one: Who, key: str, confidence: float, spent: bool, view: View) -> Signal:
    quota, limit, used = batch.text("fence.rule", row), batch.numbers("fence.limit"), batch.numbers("fence.used")
    jewel = view.site.jewel(quota)
    job = _job(view, one, jewel)
    one = msgspec.structs.replace(one, job=job.uid, user=job.user) if job else one
    what = f"the egress budget of {jewel or shown(quota)}"
    said = f"{one.job or 'somebody'} of {one.user or 'no known account'} on {one.host or 'no known host'}"
    if spent:
        why = f"{what} is spent: {said} sent {used[row] / 1e6:,.1f} MB, all that it lets leave"
    else:
        why = f"{what} holds back {said}: after {used[row] / 1e6:,.1f} of {limit[row] / 1e6:,.1f} MB its rate refuses"
    why += f"; {int(batch.numbers('fence.packets')[row]):,} packets were refused"
    more = (jewel,) if jewel else ()
    holds = (*foothold(one), *(f"{name}#read" for name in more))
    severity = about.severity if spent else _LESS
    return noticed(about, one, key, why, *more, severity=severity, confidence=confidence, holds=holds)


def _job(view: View, one: Who, jewel: str) -> Running | None:
    """The job that the budget is of; else the only one there that may read the jewel. A quota names no process."""
    if one.job:
        return view.roster.jobs.get(one.job)
    data, tenant = view.site.data().get(jewel), view.site.tenant(jewel).removeprefix("tenant:")
    readers = data.readers if data else frozenset[str]()
    may = [
        job
        for job in view.roster.at(one.host, one.time)
        if not (readers or tenant)
        or {job.uid, f"identity:{job.user}"} & readers
        or (tenant and tenant in (job.account, view.site.tenant(job.uid).removeprefix("tenant:")))
    ]
    return may[0] if len(may) == 1 else None
