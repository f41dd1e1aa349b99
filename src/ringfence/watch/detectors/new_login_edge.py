"""An account logs in from where it is not: no session and no job of it there, or a place that it never came from."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import DAY, HOUR, Among, Learning, Seen, Spread, clock
from ringfence.watch.logins import Hubs, Login, is_service, logins
from ringfence.watch.rows import foothold, named, noticed, shown
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D30",
    name="new_login_edge",
    title="A login from where the account is not",
    meaning="An account logs in from a host on which it has neither a session nor a job, or from an address outside "
    "that it never came from.",
    stage=JOINT,
    sees=(classes.AUTHENTICATION, classes.SSH),
    threats=("RF.T18", "RF.T19"),
    attack=("T1078", "T1021.004", "T1563.001"),
    false="A person who travels, or who has a new workstation; a session that began before telemetry did.",
    severity=70,
)

SESSION = 3 * DAY
"""How long after a login a person may still sit on that host."""
SHARED = 4
"""Accounts that come from one address before it counts as a gate of many."""
SPAN = 2 * HOUR
SEVERAL, OFTEN = 3, 4
"""Hosts that an account must reach, or logins it must make, from an address that is only new: people travel."""


class State(msgspec.Struct):
    """Edges (account, from, to) and places (account, from); who was on which host; who comes from where."""

    learning: Learning = msgspec.field(default_factory=Learning)
    edges: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    places: Seen = msgspec.field(default_factory=lambda: Seen(most=100_000))
    sessions: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    gates: Spread = msgspec.field(default_factory=lambda: Spread(owners=SHARED))
    hubs: Hubs = msgspec.field(default_factory=Hubs)
    fresh: Among = msgspec.field(default_factory=lambda: Among(span=SPAN, items=16))
    often: Among = msgspec.field(default_factory=lambda: Among(span=SPAN, items=32))
    reached: Among = msgspec.field(default_factory=lambda: Among(span=SPAN))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Logins that succeeded, in order."""
    learned = state.learning.done(clock(batch))
    for one in logins(batch, view.site):
        new_edge = state.edges.add(f"{one.user}|{one.origin}|{one.host}", one.time)
        new_place = state.places.add(f"{one.user}|{one.origin}", one.time)
        gate = state.gates.add(one.origin, one.user, one.time) >= SHARED
        here = one.inside and (
            state.sessions.within(f"{one.user}|{one.origin}", one.time, SESSION) or _works(view, one, one.origin)
        )
        state.sessions.add(f"{one.user}|{one.host}", one.time)
        state.hubs.take(one, _works(view, one, one.host))
        service = is_service(one.user)
        lately = one.origin in state.fresh.of.get(one.user, ())
        if not learned or not (new_edge or lately):
            continue
        if one.inside and view.roster.on.get(one.origin) and not _works(view, one, one.host):
            yield from _from_node(one, here)
        elif one.inside and new_place and not here and not gate and not (service and state.hubs.knows(one.origin)):
            yield from _switched(one)
        elif not one.inside and (new_place or lately):
            state.fresh.add(one.user, one.origin, one.time)
            yield from _outside(state, one, gate, view)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _from_node(one: Login, here: bool) -> Iterator[Signal]:
    """From a host that runs jobs to one where the account has none: people come from login nodes."""
    why = f"{one.user} logged in to {one.host}, where it has no job, from {one.origin}, which runs jobs"
    why += "" if here else f" but none of {one.user}'s"
    more = (named("host", one.origin),)
    holds = (*foothold(one.who), f"{named('host', one.origin)}#user")
    key = f"{one.user}|{one.origin}|{one.host}"
    yield noticed(about, one.who, key, why, *more, confidence=0.45 if here else 0.65, holds=holds)


def _switched(one: Login) -> Iterator[Signal]:
    """Somebody on a host uses the key of an account that is not there."""
    why = f"{one.user} logged in to {one.host} from {one.origin}, where {one.user} has neither a session nor a job"
    more = (named("host", one.origin),)
    holds = (*foothold(one.who), f"{named('host', one.origin)}#user")
    key = f"{one.user}|{one.origin}|{one.host}"
    yield noticed(about, one.who, key, why, *more, confidence=0.65, holds=holds)


def _outside(state: State, one: Login, gate: bool, view: View) -> Iterator[Signal]:
    """From an address that is not the account's: another's, or one from which it reaches host after host."""
    many = state.reached.add(f"{one.user}|{one.origin}", one.host, one.time)
    often = state.often.add(f"{one.user}|{one.origin}", str(one.time), one.time)
    foreign = not gate and state.gates.count(one.origin) > 1
    if not foreign and (view.site.is_inside(one.origin) or (many < SEVERAL and often < OFTEN)):
        return
    why = f"{one.user} logged in to {one.host} from {shown(one.origin)}, where it never came from"
    why += f" but {state.gates.count(one.origin) - 1} others did" if foreign else ""
    why += f", {often} times" if often > 1 else ""
    confidence = min(0.3 + 0.05 * (many + often), 0.8)
    yield noticed(about, one.who, f"{one.user}|{one.origin}", why, confidence=confidence, holds=foothold(one.who))


def _works(view: View, one: Login, host: str) -> bool:
    """Whether a job of the account runs on a host."""
    return any(job.user == one.user for job in view.roster.at(host, one.time))
