"""A job talks as jobs of its kind do not: to a port, inside or outside, that none of them uses, and it goes on."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, Among, Learning, Seen, Spread, clock
from ringfence.watch.roster import Running
from ringfence.watch.rows import foothold, named, noticed, shown, who
from ringfence.watch.talk import Talk, talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D03",
    name="odd_traffic",
    title="Traffic that a job of this kind does not have",
    meaning="A job opens connections to a port that no job of its kind on other hosts uses, more than once.",
    stage=JOINT,
    sees=(classes.FLOW_INTERVAL,),
    threats=("RF.T08", "RF.T19"),
    attack=("T1571", "T1071"),
    false="The first use of a new service, framework version or dataset mirror.",
    severity=45,
    seconds=30,
)

USUAL = 3
"""Hosts, in different jobs, that make a port usual for a kind of job."""
HIGH = 32768
"""Ports from here on are drawn at random by systems and count as one."""
SPAN = 5 * HOUR


class State(msgspec.Struct):
    """(kind, where, port) → who used it; (account, where, port); and what is odd so far by job and host."""

    learning: Learning = msgspec.field(default_factory=Learning)
    usual: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))
    own: Seen = msgspec.field(default_factory=Seen)
    odd: Among = msgspec.field(default_factory=lambda: Among(span=SPAN))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Flows of jobs, to outside, to other hosts and to their own gang."""
    flows = talk(batch, view.site, classes.FLOW_INTERVAL)
    learned = state.learning.done(clock(batch))
    outside = flows.outside.tolist()
    targets, connections = flows.codes(1).tolist(), batch.numbers("traffic.connections")
    for at, (target, port) in enumerate(zip(targets, flows.port.tolist(), strict=True)):
        job = view.roster.jobs.get(flows.job(at))
        peer = flows.peers[target]
        if job is None or peer == flows.host(at):
            continue
        where = "outside" if outside[at] else "gang" if peer in job.hosts else "inside"
        key = f"{where}|{port if port < HIGH else 'high'}"
        if _known(state, job, key, flows, at, int(batch.times[int(flows.first[at])])) or not learned:
            continue
        seen = max(int(connections[int(flows.first[at])]), 1)
        yield from _odd(state, flows, at, batch, job, where, seen)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _known(state: State, job: Running, key: str, flows: Talk, at: int, when: int) -> bool:
    """Whether jobs of the kind do this, or this account did it in another job; it is learned either way."""
    owner = f"{job.account or job.user}|{job.uid}"
    usual = state.usual.add(f"{job.kind}|{key}", owner, when) >= USUAL
    before = state.own.at.get(f"{job.account or job.user}|{key}|{flows.process(at)}")
    state.own.add(f"{job.account or job.user}|{key}|{flows.process(at)}", before or when)
    return usual or (before is not None and before < job.started - HOUR)


def _odd(state: State, flows: Talk, at: int, batch: Batch, job: Running, where: str, seen: int) -> Iterator[Signal]:
    one = who(batch, int(flows.first[at]))
    port, target = int(flows.port[at]), flows.target(at)
    group = f"{job.uid}|{one.host}"
    count = 0
    for turn in range(min(seen, 8)):
        count = state.odd.add(group, f"{target}:{port}:{one.time}:{turn}", one.time)
    if count < 2:
        return
    peer = flows.peers[int(flows.codes(1)[at])]
    why = f"{one.process or 'a process'} opened port {port} of {peer or shown(target)} ({where}); "
    why += f"no {job.kind or 'other'} job does, and it came {count} times"
    more = [named("host", peer)] if peer else []
    confidence = min(0.45 + 0.05 * count, 0.75)
    yield noticed(about, one, f"{group}|{port}", why, *more, confidence=confidence, holds=foothold(one))
