"""Bytes that leave under every rate limit: days of sums to new places, and a used service that gets more than ever."""

import math
from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import DAY, HOUR, Learning, Spread, Sums, clock
from ringfence.watch.outflow import LEAST, limit
from ringfence.watch.roster import Running
from ringfence.watch.rows import Who, account, foothold, noticed, shown, who
from ringfence.watch.talk import talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D05",
    name="slow_exfiltration",
    title="Bytes leave slowly",
    meaning="Over days an account sends to places it never used as many bytes as a part of its weights has, or for "
    "hours more to a service than work of this kind ever did.",
    stage=JOINT,
    sees=(classes.FLOW_INTERVAL,),
    threats=("RF.T04", "RF.T02", "RF.T16"),
    atlas=("AML.T0025",),
    attack=("T1030", "T1041", "T1567"),
    false="A new place for results that is used from now on; a run that reports much more than others of its kind.",
    severity=70,
    seconds=30,
)

PART = 0.01
DAYS = 7
MUCH = math.log(4)
"""So far above what is usual that one hour will do, even before it has passed."""
FEW, MOVES = 5, 0.3
LEAST_HOUR = 100_000
"""Bytes in an hour: below, nothing can be told by their number."""
RARELY = 0.03
"""Part of the jobs of a kind that may begin to use a service late before that is usual."""
OTHERS = 4
"""Accounts that send somewhere before it counts as a place that the cluster uses."""
SAMPLES, SIGMAS, TIMES = 20, 4.0, 1.25
"""Hours of other jobs that must be known of a service, and how far out of their spread an hour must lie, twice."""


class State(msgspec.Struct):
    """Where accounts sent to and since when; sums of a week; hours by kind of work and service.

    `hours` holds for each job, program and service [hour, sum, hours above all habit in a row, the hour before, whether
    it began late]; `kinds` for each kind of work, program and service [hours, mean, sum of squares] of the logarithm of
    an hour's bytes; `starts` how many began with their job, how many late; `early` when an account first sent where.
    """

    learning: Learning = msgspec.field(default_factory=Learning)
    used: Spread = msgspec.field(default_factory=lambda: Spread(owners=OTHERS))
    sent: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR, slots=24 * DAYS))
    hours: dict[str, list[float]] = {}
    kinds: dict[str, list[float]] = {}
    starts: dict[str, list[int]] = {}
    early: dict[str, int] = {}


MOST = 50_000


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Flows to outside, of an interval."""
    flows = talk(batch, view.site, classes.FLOW_INTERVAL)
    learned = state.learning.done(clock(batch))
    for at in (flows.outside & (flows.out > 0)).nonzero()[0].tolist():
        one, target, sent = who(batch, int(flows.first[at])), flows.target(at), float(flows.out[at])
        if sent > flows.back[at]:
            yield from _new_place(state, one, target, sent, view, learned)
        yield from _used_service(state, one, _net(target), sent, view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _new_place(state: State, one: Who, target: str, sent: float, view: View, learned: bool) -> Iterator[Signal]:
    """Sums to places that the account did not use while habits were learned."""
    sender = one.user if one.user not in ("", "root") else f"{one.user} on {one.host}"
    mine = account(view, one.job, one.user) or sender
    known = f"{sender}|{target}"
    used = state.used.add(target, mine, one.time)
    if known not in state.early:
        if len(state.early) >= MOST:
            state.early.clear()
        state.early[known] = one.time
    old = state.early[known] < state.learning.began + 10 * HOUR or one.time - state.early[known] > DAYS * DAY
    if not learned or old or used >= OTHERS:
        return
    total = state.sent.add(sender, one.time, sent)
    if total < LEAST:
        return
    bytes_, weights = limit(view, one, PART)
    if total < bytes_:
        return
    part = f", {total / weights.size:.1%} of {weights.entity}" if weights else ""
    why = f"{sender} sent {total / 1e6:,.0f} MB within {DAYS} days to places that it did not use before, lately from "
    why += f"{one.host} to {shown(target)}{part}"
    more = (weights.entity,) if weights else ()
    holds = (*foothold(one), *(f"{name}#read" for name in more))
    yield noticed(about, one, f"new|{sender}", why, *more, confidence=0.7, holds=holds, peers=(target,))


def _used_service(state: State, one: Who, net: str, sent: float, view: View, learned: bool) -> Iterator[Signal]:
    """Whole hours of a job against those of its kind; and a service that a job begins to use when others have long."""
    job = view.roster.jobs.get(one.job)
    hour = one.time // HOUR
    work = f"{job.kind if job else one.user}|{one.process}|{net}"
    key = f"{one.job or one.host}|{one.host}|{one.process}|{net}"
    mine = state.hours.get(key)
    if mine is None:
        if len(state.hours) >= MOST:
            state.hours = {name: row for name, row in state.hours.items() if row[0] >= hour - 2}
        mine = state.hours[key] = [hour, 0.0, -1.0, 0.0, _begins(state, work, job, one.time)]
    if hour > mine[0]:
        mine[2] = _judged(state, work, mine[1], mine[2], whole=mine[2] >= 0 and hour == mine[0] + 1)
        mine[0], mine[1], mine[3] = hour, 0.0, mine[1]
    mine[1] += sent
    if learned:
        yield from _above(one, key, net, mine, state.kinds.get(work))


def _above(one: Who, key: str, net: str, mine: list[float], kind: list[float] | None) -> Iterator[Signal]:
    if max(mine[1], mine[3]) < LEAST_HOUR:
        return
    most = max(mine[1], mine[3]) / 1e6
    at_once = kind and kind[0] >= SAMPLES and math.log(mine[1]) > kind[1] + max(8 * _spread(kind), MUCH)
    if kind and (mine[2] >= 2 or at_once):
        usual = math.exp(kind[1]) / 1e6
        why = f"{one.process or 'a process'} of {one.job or one.host} sent {most:,.2f} MB in an hour to {shown(net)}, "
        why += f"work of its kind {usual:,.2f} MB"
        yield noticed(about, one, f"more|{key}", why, confidence=0.6, holds=foothold(one), severity=55)
    elif mine[4] and mine[2] >= 0 and mine[3]:
        why = f"{one.process or 'a process'} of {one.job} began to send to {shown(net)} hours after it started, when "
        why += f"others of its kind do from the beginning, {most:,.2f} MB in an hour"
        yield noticed(about, one, f"late|{key}", why, confidence=0.5, holds=foothold(one), severity=50)


def _begins(state: State, work: str, job: Running | None, when: int) -> float:
    """1 where a job begins to use a service late that jobs of its kind use from their start, else 0."""
    if job is None:
        return 0.0
    late = when - job.started > HOUR
    starts = state.starts.get(work)
    if starts is None:
        if len(state.starts) >= MOST:
            state.starts.clear()
        starts = state.starts[work] = [0, 0]
    starts[int(late)] += 1
    return float(late and starts[0] >= SAMPLES // 2 and starts[1] <= 1 + RARELY * starts[0])


def _spread(kind: list[float]) -> float:
    return max(math.sqrt(kind[2] / kind[0]), 0.02)


def _judged(state: State, work: str, sent: float, before: float, whole: bool) -> float:
    """How many hours in a row lie above habit, with this one; an hour within habit is learned. -1: not whole yet."""
    if not whole:
        return 0.0
    kind = state.kinds.get(work)
    if kind is None:
        if len(state.kinds) >= MOST:
            state.kinds.clear()
        kind = state.kinds[work] = [0.0, 0.0, 0.0]
    value = math.log(max(sent, 1.0))
    many, mean, squares = kind
    usual = many < SAMPLES or value <= mean + max(SIGMAS * _spread(kind), math.log(TIMES))
    if not usual:
        return before + 1
    if many >= FEW:  # one odd hour, of a job that was stopped or one that is stolen from, moves little
        value = min(max(value, mean - MOVES), mean + MOVES)
    kind[0] = min(many + 1, 5_000)
    kind[1] += (value - mean) / kind[0]
    kind[2] = squares * (kind[0] - 1) / kind[0] if many >= 5_000 else squares
    kind[2] += (value - mean) * (value - kind[1])
    return 0.0


def _net(target: str) -> str:
    """The /24 of an IPv4 address: a service has many addresses near one another."""
    return target.rpartition(".")[0] if target.count(".") == 3 else target[:12]
