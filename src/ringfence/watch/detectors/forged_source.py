"""A source speaks for another host, tells what only a collector tells, or tells the same again."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, Learning, Seen, Sums, clock
from ringfence.watch.loss import host_of
from ringfence.watch.rows import named, noticed, noticed_here, sender, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D62",
    name="forged_source",
    title="A source tells what is not its own",
    meaning="An enrolled source speaks for another host, begins to tell of jobs, fabric or controllers as only "
    "collectors do, or sends again by the hundred what was received.",
    stage=JOINT,
    sees=(classes.TELEMETRY, classes.JOB, classes.HARDWARE, classes.FABRIC, classes.API),
    threats=("RF.T22",),
    attack=("T1565.002", "T1036"),
    false="A collector that moved to another host; an agent that was restored from a copy of its machine.",
    severity=65,
)

COLLECTED = (classes.JOB, classes.HARDWARE, classes.FABRIC, classes.API)
REPLAYED = 200
"""Events an hour that came before: fewer are an agent that was cut off and sends again."""
_DROP, _REJECTED = 2, 6


class State(msgspec.Struct):
    """Which host tells which class of other hosts, and how many replays came from each source in the hour."""

    learning: Learning = msgspec.field(default_factory=Learning)
    tellers: Seen = msgspec.field(default_factory=lambda: Seen(most=5_000))
    again: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR // 6, slots=6))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """What was rejected on receipt, and who else tells of others."""
    learned = state.learning.done(clock(batch))
    rows, activity = batch.rows(classes.TELEMETRY), batch.numbers("activity_id")
    for row in rows[(activity[rows] == _REJECTED) | (activity[rows] == _DROP)].tolist():
        yield from _rejected(state, batch, row, int(activity[row]))
    yield from _tellers(state, batch, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _rejected(state: State, batch: Batch, row: int, activity: int) -> Iterator[Signal]:
    one, source = who(batch, row), batch.text("telemetry.of", row)
    if not noticed_here(one):
        return  # somebody's own word, an agent's about its queue or anybody's at an open port: it was not counted here
    if not source.startswith("host:"):
        return  # an open port, where nobody proves who he is: what it heard was unreadable, not forged
    count, why = int(batch.numbers("telemetry.count")[row]), batch.text("telemetry.why", row)
    told = sender(batch, row, one)
    holds = (f"{named('host', one.host)}#root",) if one.host else ()
    if activity == _REJECTED:
        said = f"{shown(source)} {shown(why)} in {count} events, which were refused"
        yield noticed(about, told, source, said, confidence=0.8, count=max(count, 1), holds=holds)
    elif state.again.add(source, one.time, count) >= REPLAYED:
        said = f"{shown(source)} sent {count} events that had been received before"
        yield noticed(about, told, f"{source}|again", said, confidence=0.5, holds=holds)


def _tellers(state: State, batch: Batch, learned: bool) -> Iterator[Signal]:
    """Who tells of jobs, controllers or the fabric: a host that never did is none of their collectors."""
    rows, sources = batch.rows(*COLLECTED), batch.codes("source")
    known: set[tuple[int, int]] = set()
    for row in rows.tolist():
        pair = (int(sources.codes[row]), int(batch.classes[row]))
        if pair in known:
            continue
        known.add(pair)
        host = host_of(sources.of(row))
        key = f"{host}|{pair[1]}"
        if not host:
            continue
        if not learned:
            state.tellers.add(key, int(batch.times[row]))
        elif key not in state.tellers.at and any(name.endswith(f"|{pair[1]}") for name in state.tellers.at):
            one = who(batch, row)
            why = f"{shown(one.source)} tells of {classes.CLASSES[pair[1]].name}, as it never did"
            more = (named("host", host),)
            yield noticed(about, one, key, why, *more, confidence=0.6, holds=(f"{named('host', host)}#root",))
