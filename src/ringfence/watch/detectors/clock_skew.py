"""A host's clock is wrong by more than drift can make it."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, Among
from ringfence.watch.rows import named, noticed, sender, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D63",
    name="clock_skew",
    title="A clock is wrong",
    meaning="The events of a host carry times a minute or more ahead of when they were received, or far behind.",
    stage=JOINT,
    sees=(classes.TELEMETRY,),
    threats=("RF.T22",),
    attack=("T1070.006",),
    false="A host that begins without a time server; an agent that was cut off and sends what it kept.",
    severity=35,
)

AHEAD, BEHIND = 60.0, 3600.0
"""Seconds."""
ALIKE = 10
"""Hosts that are behind at once: then events were held up on the way."""
_SKEW = 3


class State(msgspec.Struct):
    """Hosts whose clocks are behind in the hour."""

    behind: Among = msgspec.field(default_factory=lambda: Among(span=HOUR))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Skews that were measured on receipt."""
    rows, activity = batch.rows(classes.TELEMETRY), batch.numbers("activity_id")
    for row in rows[activity[rows] == _SKEW].tolist():
        one, seconds = who(batch, row), float(batch.numbers("telemetry.seconds")[row])
        if -BEHIND < seconds < AHEAD:
            continue
        if seconds < 0 and state.behind.add("all", one.host, one.time) >= ALIKE:
            continue
        told = sender(batch, row, one)
        why = f"the clock of {one.host} is {abs(seconds):,.0f} s {'ahead' if seconds > 0 else 'behind'}"
        confidence = 0.5 if seconds > 0 else 0.35
        yield noticed(about, told, one.host, why, confidence=confidence, holds=(f"{named('host', one.host)}#root",))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing happens by waiting."""
    yield from ()
