"""Many bytes at once to a place that was never used: seen while the first hundredth of the weights is on its way."""

from collections.abc import Iterator, Sequence

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, SECOND, Learning, Seen, Spread, Sums, clock
from ringfence.watch.outflow import readable
from ringfence.watch.rows import account, allowed, foothold, noticed, shown, who
from ringfence.watch.talk import talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D43",
    name="burst_to_stranger",
    title="A burst of bytes to a place never used",
    meaning="An account that may read weights sends many bytes within seconds to a place outside that "
    "neither it nor several others used in the hours before.",
    stage=NODE,
    sees=(classes.NETWORK,),
    threats=("RF.T02", "RF.T03", "RF.T16"),
    atlas=("AML.T0025",),
    attack=("T1041", "T1048", "T1567"),
    false="The first upload of a large result to a new place: it is told once, and is a habit an hour later.",
    severity=70,
    urgent=True,
)

LEAST, MOST = 4 << 20, 8 << 20
"""Bytes within two seconds: of small weights less."""
PART = 0.002
WORTH = 1 << 20
"""Bytes of a flow in one batch from which it is looked at."""
KNOWN = HOUR
"""How long ago a place has to have been met first to be no stranger."""
OTHERS = 5


class State(msgspec.Struct):
    """When an account first met a place, who else sends there, sums of the last seconds, and places told already."""

    learning: Learning = msgspec.field(default_factory=Learning)
    first: Seen = msgspec.field(default_factory=Seen)
    shared: Spread = msgspec.field(default_factory=lambda: Spread(owners=OTHERS))
    sent: Sums = msgspec.field(default_factory=lambda: Sums(width=SECOND, slots=2))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Flows to outside that send much more than they fetch; a batch may span minutes, so each row counts by itself."""
    flows = talk(batch, view.site, classes.NETWORK)
    learned = state.learning.done(clock(batch))
    for at in flows.outside.nonzero()[0].tolist():
        one, target, sent = who(batch, int(flows.first[at])), flows.target(at), float(flows.out[at])
        mine = account(view, one.job, one.user) or one.user
        place = f"{mine}|{target}"
        if place not in state.first.at:
            state.first.add(place, one.time)
        senders = state.shared.add(target, mine, one.time)
        stranger = one.time - state.first.at.get(place, one.time) < KNOWN and senders < OTHERS
        if stranger and sent >= WORTH and sent >= 4 * float(flows.back[at]):
            may = allowed(view, one.host, target, "tcp", int(flows.port[at]))
            if learned or may is False:
                yield from _judge(state, batch, flows.rows(at), target, may, view)


def _judge(
    state: State, batch: Batch, rows: Sequence[int], target: str, may: bool | None, view: View
) -> Iterator[Signal]:
    """The rows of one flow, one after the other."""
    weights = min(readable(view, who(batch, rows[0])), key=lambda data: (data.size, data.entity), default=None)
    if weights is None:
        return
    enough, bytes_out = min(max(PART * weights.size, LEAST), MOST), batch.numbers("traffic.bytes_out")
    for row in rows:
        one = who(batch, row)
        key = f"{one.host}|{one.user}|{target}"
        total = state.sent.add(key, one.time, float(bytes_out[row]))
        if total < enough:
            continue
        why = f"{one.process or 'a process'} of {one.job or one.user or 'nobody known'} sent {total / 1e6:,.0f} MB "
        why += f"within seconds to {shown(target)}, which it never used; it may read {weights.entity}"
        why += "; the policy does not let it" if may is False else ""
        confidence = 0.75 if may is False else 0.6
        holds = (*foothold(one), f"{weights.entity}#read")
        yield noticed(about, one, key, why, weights.entity, confidence=confidence, holds=holds, peers=(target,))
        return


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()
