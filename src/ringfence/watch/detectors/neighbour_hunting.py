"""One account starts job after job, short ones, and they land beside others."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, MINUTE, Learning, clock
from ringfence.watch.rows import Who, foothold, named, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D41",
    name="neighbour_hunting",
    title="Jobs that hunt for a neighbour",
    meaning="An account starts many short jobs within hours, and most land on hosts where others work.",
    stage=JOINT,
    sees=(classes.JOB,),
    threats=("RF.T14", "RF.T09"),
    attack=("T1018",),
    false="A sweep of short jobs on a partition that two accounts share and nobody else uses.",
    severity=65,
)

SPAN = 8 * HOUR
SHORT = 6 * MINUTE
MANY = 6
MOST_SHARE = 0.6
MOST, KEPT = 20_000, 256
_START, _END, _CANCEL = 2, 3, 5


class Try(msgspec.Struct):
    """One short job: when it began, how long it ran, on which host, and which other accounts were there."""

    when: int
    host: str
    others: list[str]


class State(msgspec.Struct):
    """Tries by account; jobs that have begun and not ended; how many short jobs accounts usually have."""

    learning: Learning = msgspec.field(default_factory=Learning)
    tries: dict[str, list[Try]] = {}
    begun: dict[str, list[str]] = {}
    usual: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """A job that starts is remembered with its neighbours; one that ends soon was a try."""
    learned = state.learning.done(clock(batch))
    activity = batch.numbers("activity_id")
    for row in batch.rows(classes.JOB).tolist():
        one, what = who(batch, row), int(activity[row])
        user = batch.text("job.user", row)
        if what == _START and user:
            _begin(state, one, user, batch.text("job.hosts", row), view)
        elif what in (_END, _CANCEL) and one.job in state.begun:
            found = _ended(state, one, view)
            if found:
                yield from _judge(state, one, *found, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Accounts that tried nothing for long are forgotten."""
    state.learning.passed(now)
    if len(state.tries) > MOST // 2:
        state.tries = {user: those for user, those in state.tries.items() if now - those[-1].when < SPAN}
    yield from ()


def _begin(state: State, one: Who, user: str, hosts: str, view: View) -> None:
    others = set()
    names = [name for name in hosts.split(",")[:64] if name]
    for host in names:
        for job in view.roster.at(host, one.time):
            if job.uid != one.job and job.user != user:
                others.add(job.user)
    if len(state.begun) >= MOST:
        del state.begun[next(iter(state.begun))]
    state.begun[one.job] = [str(one.time), user, names[0] if names else "", *sorted(others)[:16]]


def _ended(state: State, one: Who, view: View) -> tuple[str, list[Try]] | None:
    began, user, host, *others = state.begun.pop(one.job)
    if one.time - int(began) > SHORT:
        return None
    if user not in state.tries and len(state.tries) >= MOST:
        del state.tries[next(iter(state.tries))]
    mine = [this for this in state.tries.get(user, ()) if one.time - this.when < SPAN][-KEPT:]
    mine.append(Try(one.time, host, others))
    state.tries[user] = mine
    return user, mine


def _judge(state: State, one: Who, user: str, mine: list[Try], learned: bool) -> Iterator[Signal]:
    if not learned:
        state.usual[user] = max(len(mine), state.usual.get(user, 0))
        return
    need = max(MANY, 2 * state.usual.get(user, 0))
    beside = [this for this in mine if this.others]
    if len(mine) < need or len(beside) < MOST_SHARE * len(mine):
        return
    count: dict[str, int] = {}
    for this in beside:
        for other in this.others:
            count[other] = count.get(other, 0) + 1
    victim = max(sorted(count), key=lambda name: count[name])
    hosts = len({this.host for this in mine})
    why = f"{user} ran {len(mine)} jobs of minutes within {SPAN // HOUR} hours on {hosts} hosts, {len(beside)} of them "
    why += f"beside others' jobs, {count[victim]} of {shown(victim)}"
    doer = msgspec.structs.replace(one, user=user, host=mine[-1].host)
    more = (named("identity", victim),)
    confidence = 0.8 if len(mine) >= 2 * MANY else 0.7
    yield noticed(about, doer, user, why, *more, confidence=confidence, holds=foothold(doer))
