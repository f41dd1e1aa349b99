"""D20: ranks of one job behave alike, so the rank that differs is the odd one."""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.gang import alone as single
from ringfence.watch.gang import windows
from ringfence.watch.planned import HOUR, MINUTE, Planned
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D20",
    name="gang_asymmetry",
    title="A rank of a job differs from its gang",
    meaning="Over hours one rank of a job computes, sends, reads or starts more or less than the others do, or speaks "
    "to an address or starts programs that none of them does.",
    stage=JOINT,
    sees=(classes.HOST_INTERVAL, classes.FLOW_INTERVAL, classes.JOB, classes.TELEMETRY),
    threats=("RF.T03", "RF.T06", "RF.T15", "RF.T24"),
    attack=("T1496.001", "T1041", "T1059"),
    atlas=("AML.T0025", "AML.T0034"),
    false="A straggler draws less power at a lower clock and slows its links; that alone is never told. A rank that "
    "one of its users works on by hand for long is. What the first rank does more than others is learned as its habit.",
    severity=75,
    seconds=300.0,
)

_MACHINE = {"power", "clock", "nvlink"}
"""What differs where a machine is worn or hot: it is slower, or waits less than those that wait for it."""
_WORKS = {"power"}
"""Drawing more than the others at the same clock is work that they do not do."""
_SLOWED = 3.0
"""Score of a clock that is lower than the others', from which it is a hot machine."""
_AGAIN, _EVERY = HOUR, MINUTE // 2


class State(msgspec.Struct):
    """The windows of each gang, what single ranks do alone, and what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    gangs: windows.Gangs = msgspec.field(default_factory=windows.Gangs)
    alone: single.Alone = msgspec.field(default_factory=single.Alone)
    told: dict[str, int] = {}
    judged: int = 0


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Intervals are added to their windows; what a rank does alone is told as it comes back."""
    state.planned.take(batch)
    windows.take(state.gangs, batch, view.roster)
    for mark in single.take(state.alone, batch, view.roster):
        if anew(state.told, f"{mark.job}|{mark.host}|{mark.things[0]}", mark.at, _AGAIN):
            yield _told(mark.job, mark.host, mark.at, mark.since, 0.65, _by_things(mark))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Windows that are over are judged."""
    if abs(now - state.judged) < _EVERY:
        return
    state.judged = now
    for odd in windows.judged(state.gangs, now, view.roster):
        sure = _sureness(odd)
        if not sure or state.planned.covers(odd.host, odd.at):
            continue
        if anew(state.told, f"{odd.job}|{odd.host}|{'+'.join(sorted(odd.features))}", odd.at, _AGAIN):
            yield _told(odd.job, odd.host, odd.at, odd.since, sure, _by_features(odd))
    single.tidy(state.alone, view.roster)


def _sureness(odd: windows.Odd) -> float:
    """How sure it is that this is no accident; 0 for what a worn or hot machine does."""
    more = {name for name, (score, _) in odd.features.items() if score > 0}
    if set(odd.features) <= _MACHINE and (not more & _WORKS or odd.slowed > _SLOWED):
        return 0.0
    return min(0.85, 0.62 + 0.08 * (len(odd.features) - 1))


def _by_features(odd: windows.Odd) -> str:
    said = (
        f"{'more' if score > 0 else 'less'} {name} ({abs(off):g} deviations)"
        for name, (score, off) in odd.features.items()
    )
    return f"{odd.host} differs from the {odd.ranks - 1} other ranks of {odd.job}: {', '.join(said)}, for " + _long(
        odd.since, odd.at
    )


def _by_things(mark: single.Mark) -> str:
    things: Iterable[str] = mark.things[:4]
    return (
        f"of {mark.ranks} ranks of {mark.job} only {mark.host} knows {', '.join(things)}: {mark.times} times in "
        + _long(mark.since, mark.at)
    )


def _long(since: int, at: int) -> str:
    return f"{max(1, (at - since) // MINUTE)} minutes"


def _told(job: str, host: str, at: int, since: int, confidence: float, why: str) -> Signal:
    return signal(
        about,
        key=f"{job}:{host}",
        time=at,
        since=since,
        entities=(f"host:{host}", job),
        sources=(f"host:{host}",),
        holds=(f"{job}#code",),
        confidence=confidence,
        why=why,
    )
