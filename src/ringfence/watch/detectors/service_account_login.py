"""A service's account logs in as a person would: a way, an origin or a host that it never used."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import Learning, Seen, clock
from ringfence.watch.logins import Hubs, Login, is_service, logins
from ringfence.watch.rows import foothold, noticed, shown
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D32",
    name="service_account_login",
    title="A service's account logs in",
    meaning="An account that only services use logs in from an origin, or to a host, where it never did.",
    stage=JOINT,
    sees=(classes.AUTHENTICATION, classes.SSH),
    threats=("RF.T17", "RF.T18"),
    attack=("T1078.003", "T1021.004"),
    false="A service that was moved; an operator who tries something as the service.",
    severity=70,
)


class State(msgspec.Struct):
    """Ways that service accounts log in: (account, origin, host) and (account, origin); and hubs."""

    learning: Learning = msgspec.field(default_factory=Learning)
    hubs: Hubs = msgspec.field(default_factory=Hubs)
    ways: Seen = msgspec.field(default_factory=lambda: Seen(most=100_000))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Logins of accounts that are services' by their name."""
    learned = state.learning.done(clock(batch))
    for one in logins(batch, view.site):
        works = _works(one, view)
        state.hubs.take(one, works)
        if not is_service(one.user):
            continue
        known = not state.ways.add(f"{one.user}|{one.origin}", one.time)
        target = not state.ways.add(f"{one.user}|{one.origin}|{one.host}", one.time)
        if not learned or (known and (target or works)) or state.hubs.knows(one.origin):
            continue
        what = "from where it never came" if not known else "where it never went"
        why = f"{one.user} logged in to {one.host} from {shown(one.origin)}, {what}, by {one.method or 'unknown means'}"
        confidence = 0.65 if not known else 0.45
        key = f"{one.user}|{one.origin}|{one.host}"
        yield noticed(about, one.who, key, why, confidence=confidence, holds=foothold(one.who))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _works(one: Login, view: View) -> bool:
    """Whether a job of the account runs on the host."""
    return any(job.user == one.user for job in view.roster.at(one.host, one.time))
