"""Hosts that others need are reserved or held by somebody who does not do that."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.administrators import Administrators
from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import Learning, Seen, clock
from ringfence.watch.rows import named, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D42",
    name="hold_up",
    title="Others' hosts are held up",
    meaning="Hosts on which others work, or may work next, are reserved by an account that is not known to reserve.",
    stage=JOINT,
    sees=(classes.JOB, classes.AUTHENTICATION),
    threats=("RF.T24", "RF.T14"),
    attack=("T1489", "T1499"),
    false="A new operator's first reservation.",
    severity=65,
)

ORDINARY = 64
"""Hosts that an administrator may reserve for the first time."""
_RESERVE = 7
_SYSTEM = frozenset(("root", "slurm"))


class State(msgspec.Struct):
    """Accounts that reserved hosts while habits were learned."""

    learning: Learning = msgspec.field(default_factory=Learning)
    operators: Seen = msgspec.field(default_factory=lambda: Seen(most=5_000))
    administrators: Administrators = msgspec.field(default_factory=Administrators)


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every reservation."""
    learned = state.learning.done(clock(batch))
    state.administrators.take(batch, view.roster)
    rows, activity = batch.rows(classes.JOB), batch.numbers("activity_id")
    for row in rows[activity[rows] == _RESERVE].tolist():
        one = who(batch, row)
        if one.user in _SYSTEM:
            continue
        if not learned:
            state.operators.add(one.user, one.time)
            continue
        if one.user in state.operators.at:
            continue
        hosts = [host for host in batch.text("job.hosts", row).split(",") if host]
        others = {job.user for host in hosts[:512] for job in view.roster.at(host, one.time)} - {one.user}
        if len(hosts) <= ORDINARY and state.administrators.knows(one.user):
            continue
        name = shown(batch.text("job.reservation", row), 60)
        why = f"{one.user or 'somebody'} reserved {len(hosts)} hosts as {name or 'nothing'}, and never reserved before"
        why += f"; {len(others)} others work there" if others else ""
        doer = msgspec.structs.replace(one, host=hosts[0] if hosts else one.host)
        more = [named("host", host) for host in hosts[1:9]]
        holds = (f"{named('identity', one.user)}#use",) if one.user else ()
        confidence = 0.8 if others else 0.7
        yield noticed(about, doer, f"{one.user}|{name}", why, *more, confidence=confidence, holds=holds)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()
