"""Logins that follow one another from host to host, along edges that are new, to where the first never was."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, Learning, Seen, clock
from ringfence.watch.logins import Login, logins
from ringfence.watch.rows import named, noticed, shown
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D31",
    name="lateral_chain",
    title="Logins from host to host",
    meaning="Within hours a login follows another along hosts that nobody goes between, to one that the first origin "
    "never reached, or out of one that runs jobs, often under another account.",
    stage=JOINT,
    sees=(classes.AUTHENTICATION, classes.SSH, classes.JOB),
    threats=("RF.T19", "RF.T18"),
    attack=("T1021.004", "T1078", "T1570"),
    false="An operator who follows a fault from machine to machine.",
    severity=70,
    urgent=True,
)

SPAN = 4 * HOUR
"""Between one hop and the next; a chain may be longer."""
LONGEST = 32
MOST = 20_000
_START = 2


class Link(msgspec.Struct):
    """Who came to a host: the hosts so far from the first origin on, the accounts, how new its edges were, when.

    A new edge counts once, and twice where it begins at a host that runs jobs, or did: people come from elsewhere.
    """

    path: list[str]
    users: list[str]
    new: int
    when: int


class State(msgspec.Struct):
    """Known edges between hosts and (origin, target) pairs; hosts that ran jobs; the chains that end at each host."""

    learning: Learning = msgspec.field(default_factory=Learning)
    edges: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    pairs: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    nodes: Seen = msgspec.field(default_factory=lambda: Seen(most=50_000))
    at: dict[str, list[Link]] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Each login goes on with the chains that end where it begins."""
    learned = state.learning.done(clock(batch))
    activity = batch.numbers("activity_id")
    for row in batch.rows(classes.JOB).tolist():
        for host in batch.text("job.hosts", row).split(",")[:4096] if activity[row] == _START else ():
            state.nodes.add(host, int(batch.times[row]))
    for one in logins(batch, view.site):
        works = any(job.user == one.user for job in view.roster.at(one.host, one.time))
        fresh = state.edges.add(f"{one.origin}|{one.host}", one.time) and learned and not works
        node = one.origin in state.nodes.at or bool(view.roster.on.get(one.origin))
        found = _linked(state, one, (1 + node) * fresh)
        pair = state.pairs.add(f"{found.path[0]}|{one.host}", one.time)
        if len(found.path) > 2 and found.new >= 2 and (pair or (fresh and node)) and learned:
            yield _signal(one, found)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Chains that nobody went on with are forgotten."""
    state.learning.passed(now)
    if len(state.at) > MOST // 2:
        state.at = {host: links for host, links in state.at.items() if now - links[-1].when <= SPAN}
    yield from ()


def _linked(state: State, one: Login, new: int) -> Link:
    """The chain that this login ends; of several that it may go on with, the one with the most new edges."""
    before = [
        link
        for link in state.at.get(one.origin, ())
        if 0 <= one.time - link.when <= SPAN and one.host not in link.path and len(link.path) < LONGEST
    ]
    same = [link for link in before if link.users[-1] == one.user] or before
    best = max(same, key=lambda link: (link.new, link.when), default=None)
    if best is None:
        found = Link([one.origin, one.host], [one.user], new, one.time)
    else:
        found = Link([*best.path, one.host], [*best.users, one.user], best.new + new, one.time)
    if one.host not in state.at and len(state.at) >= MOST:
        del state.at[min(state.at, key=lambda host: (state.at[host][-1].when, host))]
    kept = [link for link in state.at.get(one.host, ()) if one.time - link.when <= SPAN]
    state.at[one.host] = [*kept, found][-8:]
    return found


def _signal(one: Login, found: Link) -> Signal:
    users = list(dict.fromkeys(found.users))
    why = f"logins from {' to '.join(shown(host, 60) for host in found.path)}, ways that nobody goes"
    why += f", under {', '.join(shown(user, 60) for user in users)}" if len(users) > 1 else ""
    more = [named("host", host) for host in found.path[1:-1]] + [named("identity", user) for user in users]
    holds = [f"{named('host', host)}#user" for host in found.path[1:]] + [f"{named('identity', u)}#use" for u in users]
    confidence = min(0.5 + 0.1 * found.new + (0.1 if len(users) > 1 else 0), 0.9)
    key = f"{found.path[0]}|{one.host}"
    return noticed(about, one.who, key, why, *more, confidence=confidence, holds=tuple(holds))
