"""A job's process opens a connection to a host that another tenant's jobs hold, or that the policy keeps from it."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import MINUTE, Learning, Seen, Spread, clock
from ringfence.watch.rows import Who, account, allowed, foothold, named, noticed, shown, who
from ringfence.watch.talk import Talk, talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D01",
    name="cross_compartment_flow",
    title="A job reaches into another compartment",
    meaning="A process of a job opens a connection to a host whose jobs are another tenant's, or which the "
    "policy keeps from it.",
    stage=NODE,
    sees=(classes.NETWORK,),
    threats=("RF.T20", "RF.T19"),
    attack=("T1021", "T1046"),
    false="A host that changed tenants a moment ago, or a service that a job offers to others and nobody used before.",
    severity=65,
    urgent=True,
)

GRACE = 3 * MINUTE
"""A host whose job ended this recently may still be spoken to by its old peers."""
SERVICE = 3
"""Hosts that must have used a port of a host before it counts as a service that is offered."""


class State(msgspec.Struct):
    """Who used which port of which host, and since when that is learned."""

    learning: Learning = msgspec.field(default_factory=Learning)
    services: Spread = msgspec.field(default_factory=lambda: Spread(owners=SERVICE))
    used: Seen = msgspec.field(default_factory=Seen)


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """One question for each job and target, asked further only where the target is none of the job's own hosts."""
    flows = talk(batch, view.site, classes.NETWORK)
    learned = state.learning.done(clock(batch))
    own: dict[tuple[int, int], bool] = {}
    jobs, targets = flows.codes(2).tolist(), flows.codes(1).tolist()
    for at, (job, target) in enumerate(zip(jobs, targets, strict=True)):
        if job < 0 or not flows.peers[target]:
            continue
        gang = own.get((job, target))
        if gang is None:
            running = view.roster.jobs.get(flows.values(2)[job])
            gang = own[job, target] = running is not None and flows.peers[target] in running.hosts
        if not gang:
            yield from _judge(state, flows, at, batch, view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _judge(state: State, flows: Talk, at: int, batch: Batch, view: View, learned: bool) -> Iterator[Signal]:
    row = int(flows.first[at])
    one, peer, port = who(batch, row), flows.peers[int(flows.codes(1)[at])], int(flows.port[at])
    if peer == one.host:
        return
    mine = account(view, one.job, one.user) or one.user
    service = f"{peer}|{port}"
    offered = state.services.add(service, one.host, one.time) >= SERVICE and learned
    habit = not state.used.add(f"{mine}|{service}", one.time) and learned and not _recent(state, service)
    if offered or habit or not one.job:
        return
    found = _foreign(one, mine, peer, view)
    protocol = batch.text("connection_info.protocol_name", row) or "tcp"
    judged = allowed(view, one.host, peer, protocol, port) if found or learned else True
    if judged or not (found or judged is False):
        return
    why = f"{one.process or 'a process'} of {one.job} opened {shown(protocol)}/{port} of {peer}"
    why += f", which {found} holds" if found else ", which the policy keeps from it"
    confidence = 0.85 if found and judged is False else 0.7 if found else 0.4
    key = f"{one.host}|{peer}|{port}"
    ends = {"holds": foothold(one), "peers": (flows.target(at),)}
    yield noticed(about, one, key, why, named("host", peer), confidence=confidence, **ends)


def _recent(state: State, service: str) -> bool:
    """Whether only one host ever used it: a habit of a single intruder is none."""
    return state.services.count(service) < 2


def _foreign(one: Who, mine: str, peer: str, view: View) -> str:
    """The other tenant's job that holds the peer, "" where some job there is the caller's own or a friend's."""
    there = [view.roster.jobs[uid] for uid in view.roster.on.get(peer, ())]
    near = [
        job for job in there if job.started <= one.time + GRACE and (not job.ended or one.time <= job.ended + GRACE)
    ]
    if any(job.user == one.user or (job.account or job.user) == mine for job in near):
        return ""
    now = [job for job in near if job.started + GRACE <= one.time and (not job.ended or one.time <= job.ended)]
    return now[0].uid if now else ""
