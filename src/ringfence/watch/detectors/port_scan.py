"""A host asks around: many addresses or ports that its account never used, and next to nothing comes back."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, Among, Learning, Seen, clock
from ringfence.watch.rows import account, foothold, noticed, shown, who
from ringfence.watch.talk import talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D07",
    name="port_scan",
    title="A host asks around",
    meaning="From one host many addresses or ports are tried that its account never used, and little comes back.",
    stage=NODE,
    sees=(classes.NETWORK,),
    threats=("RF.T19", "RF.T20"),
    attack=("T1046", "T1018"),
    false="A new monitor or inventory tool on its first round; a service that was moved and is looked for.",
    severity=55,
)

SPAN = 4 * HOUR
MANY = 8
LITTLE = 1500
"""Bytes that an answer may have: a refusal, a banner."""


class State(msgspec.Struct):
    """What accounts used, and what was tried lately by host and account."""

    learning: Learning = msgspec.field(default_factory=Learning)
    used: Seen = msgspec.field(default_factory=lambda: Seen(most=200_000))
    tried: Among = msgspec.field(default_factory=lambda: Among(span=SPAN, items=512))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Targets that are none of the job's own hosts."""
    flows = talk(batch, view.site, classes.NETWORK)
    learned = state.learning.done(clock(batch))
    times = batch.times[flows.first].tolist()
    peers, targets = flows.peers, flows.codes(1).tolist()
    for at in (flows.back <= LITTLE).nonzero()[0].tolist():
        port, when = int(flows.port[at]), times[at]
        host, user, target = flows.host(at), flows.user(at), flows.target(at)
        mine = f"{user}|{target}|{port}" if user not in ("", "root") else f"{host}|{target}|{port}"
        before = state.used.at.get(mine)
        if before is None:
            state.used.add(mine, when)
        if not learned or (before is not None and before < when - SPAN):
            continue
        job = view.roster.jobs.get(flows.job(at))
        if job is not None and peers[targets[at]] in job.hosts:
            continue
        many = state.tried.add(f"{host}|{user}", f"{target}:{port}", when)
        if many < MANY:
            continue
        one = who(batch, int(flows.first[at]))
        name = account(view, one.job, one.user) or one.user or "nobody known"
        why = f"{one.process or 'a process'} of {name} tried {many} addresses and ports that it never used, lately "
        why += f"{shown(target)}:{port}, and little came back"
        confidence = 0.85 if many >= 4 * MANY else 0.6
        yield noticed(about, one, f"{host}|{user}", why, confidence=confidence, holds=foothold(one))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()
