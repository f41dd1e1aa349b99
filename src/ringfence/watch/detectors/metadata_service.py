"""A job asks the cloud's metadata service, where a role's credentials are given to whoever is on the host."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import Learning, Spread, clock
from ringfence.watch.rows import Who, foothold, matching, noticed, shown, who
from ringfence.watch.talk import talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D09",
    name="metadata_service",
    title="The metadata service is asked",
    meaning="A process of a job, or a program that other hosts do not have there, asks the cloud's metadata service.",
    stage=NODE,
    sees=(classes.NETWORK, classes.DNS, classes.HTTP, classes.PROCESS),
    threats=("RF.T17", "RF.T18"),
    attack=("T1552.005", "T1078.004"),
    false="A job whose tools take their own role's credentials from there, the first times.",
    severity=60,
    urgent=True,
)

ADDRESSES = frozenset(("169.254.169.254", "fd00:ec2::254", "169.254.170.2", "100.100.100.200", "168.63.129.16"))
NAMES = frozenset(("metadata.google.internal", "metadata", "instance-data"))
COMMAND = r"169\.254\.169\.254|metadata\.google\.internal|169\.254\.170\.2|fd00:ec2::254"
USUAL = 3
"""Hosts on which a program of the system asks before that is habit."""


class State(msgspec.Struct):
    """Which programs ask, on which hosts."""

    learning: Learning = msgspec.field(default_factory=Learning)
    askers: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Flows to its addresses, its names, and commands that hold either."""
    learned = state.learning.done(clock(batch))
    flows = talk(batch, view.site, classes.NETWORK, classes.HTTP)
    there = np.array([one in ADDRESSES for one in flows.values(1)] + [False])
    rows = flows.first[there[flows.codes(1)]].tolist()
    names = batch.codes("query.hostname")
    asked = np.array([one.lower().rstrip(".") in NAMES for one in names.values] + [False])
    dns = batch.rows(classes.DNS)
    rows += dns[asked[names.codes[dns]]].tolist()
    rows += matching(
        batch, "process.cmd_line", batch.rows(classes.PROCESS), COMMAND, ("169.254.", "metadata.google", "fd00:ec2")
    ).tolist()
    for row in rows:
        yield from _judge(state, who(batch, row), learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _judge(state: State, one: Who, learned: bool) -> Iterator[Signal]:
    program = one.process or "unknown"
    habit = state.askers.count(f"{one.user}|{program}|{bool(one.job)}") >= USUAL and learned
    state.askers.add(f"{one.user}|{program}|{bool(one.job)}", one.host, one.time)
    if habit or (not one.job and not learned):
        return
    why = f"{shown(program)} of {one.job or one.user or 'the system'} asked the metadata service"
    holds = foothold(one)
    confidence = 0.75 if one.job else 0.55
    yield noticed(about, one, f"{one.host}|{one.user}|{program}", why, confidence=confidence, holds=holds)
