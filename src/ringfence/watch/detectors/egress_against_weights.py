"""As many bytes leave the cluster as matter: sums of an hour against the weights that the sender may read."""

import math
from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, MINUTE, Learning, Spread, Sums, Usual, clock
from ringfence.watch.outflow import LEAST, limit
from ringfence.watch.rows import account, foothold, noticed, shown, who
from ringfence.watch.talk import talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D04",
    name="egress_against_weights",
    title="Bytes leave on the scale of weights",
    meaning="What an account sent out of the cluster from one host within an hour is a part of the weights that it may "
    "read, and more than it ever sent there.",
    stage=NODE,
    sees=(classes.NETWORK,),
    threats=("RF.T02", "RF.T03", "RF.T16"),
    atlas=("AML.T0025",),
    attack=("T1041", "T1048", "T1567"),
    false="The first upload of a large result to a place that was never used.",
    severity=80,
    urgent=True,
)

PART = 0.01
SLOT = 5 * MINUTE
FAMILIAR = 3
"""Hours of sending that make a destination a habit of an account; what is above three times its most is not."""
TIMES = 3.0
GROSS = 0.5
"""The part of known weights that is told even before any habit is known."""


class State(msgspec.Struct):
    """Sums of the last hour by host and account, habits by account and destination, who else sends there."""

    learning: Learning = msgspec.field(default_factory=Learning)
    sent: Sums = msgspec.field(default_factory=lambda: Sums(width=SLOT, slots=12))
    usual: Usual = msgspec.field(default_factory=lambda: Usual(width=HOUR))
    shared: Spread = msgspec.field(default_factory=lambda: Spread(owners=5))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Flows to outside that send more than they fetch."""
    flows = talk(batch, view.site, classes.NETWORK)
    learned = state.learning.done(clock(batch))
    for at in (flows.outside & (flows.out > flows.back) & (flows.out >= 4096)).nonzero()[0].tolist():
        one, target, sent = who(batch, int(flows.first[at])), flows.target(at), float(flows.out[at])
        mine = account(view, one.job, one.user) or one.user
        sender = one.user if one.user not in ("", "root") else f"{one.user} on {one.host}"
        _, hour, most, hours, _ = state.usual.add(f"{sender}|{target}", one.time, sent)
        senders = state.shared.add(target, mine, one.time)
        if (hours >= FAMILIAR or senders >= 5) and learned:
            sent = max(min(sent, hour - TIMES * most), 0.0)
        total = state.sent.add(f"{one.host}|{sender}", one.time, sent)
        if total < LEAST:
            continue
        bytes_, weights = limit(view, one, PART)
        if total < (bytes_ if learned else max(bytes_, GROSS * weights.size if weights else math.inf)):
            continue
        what = f", {total / weights.size:.1%} of {weights.entity}" if weights else ""
        why = f"{one.process or 'a process'} of {sender} sent {total / 1e6:,.0f} MB out within an hour"
        why += f", lately to {shown(target)}{what}"
        confidence = 0.85 if total > 4 * bytes_ else 0.7
        more = (weights.entity,) if weights else ()
        holds = (*foothold(one), *(f"{name}#read" for name in more))
        yield noticed(
            about, one, f"{one.host}|{sender}", why, *more, confidence=confidence, holds=holds, peers=(target,)
        )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()
