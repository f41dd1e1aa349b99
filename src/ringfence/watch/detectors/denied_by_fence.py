"""A host's fence denies many more packets than ever: told beside what else happens there, never by itself."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, Usual, cut
from ringfence.watch.rows import noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D45",
    name="denied_by_fence",
    title="The fence denies more than ever",
    meaning="Within an hour a host's fence denies several times as many packets in one direction as in any hour "
    "before.",
    stage=NODE,
    sees=(classes.FENCE,),
    threats=("RF.T19", "RF.T20"),
    false="A new service that the policy does not know yet; broadcasts on a new network. It opens no incident.",
    severity=30,
)

DENIED = 1
LEAST, TIMES = 100, 4.0
"""Packets an hour, and how many times the most of any hour before."""


class State(msgspec.Struct):
    """Packets by host and direction, and what was told."""

    usual: Usual = msgspec.field(default_factory=lambda: Usual(width=HOUR))
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Counters of denied packets that grew."""
    activity, packets = batch.numbers("activity_id"), batch.numbers("fence.packets")
    for row in batch.rows(classes.FENCE).tolist():
        if activity[row] != DENIED or packets[row] <= 0:
            continue
        one, counter = who(batch, row), batch.text("fence.rule", row)
        key = cut(f"{one.host}|{counter}")
        _, hour, most, _, _ = state.usual.add(key, one.time, float(packets[row]))
        if hour >= LEAST and hour > TIMES * most and anew(state.told, key, one.time, HOUR):
            why = f"the fence of {one.host or 'no known host'} denied {hour:,.0f} packets within an hour"
            yield noticed(about, one, key, f"{why} ({shown(counter)})", confidence=0.3)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing is owed to time alone."""
    yield from ()
