"""Events of a host go missing again and again: a drop under load is short, holding back is not."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, MINUTE, Among, Sums
from ringfence.watch.rows import named, noticed, sender, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D61",
    name="events_lost",
    title="Events are held back",
    meaning="Numbers of a host's events are missing in several five-minute spans of an hour.",
    stage=JOINT,
    sees=(classes.TELEMETRY,),
    threats=("RF.T22",),
    attack=("T1562.006", "T1070"),
    false="A network or relay that loses for an hour; a flood that the agent could not keep.",
    severity=65,
)

SPANS = 4
ALIKE = 40
"""Hosts that lose at once: then it is the way to the server, told once and not of each."""
_GAP = 1


class State(msgspec.Struct):
    """Spans with gaps by host, events lost in the hour, and hosts that lose at all."""

    spans: Among = msgspec.field(default_factory=lambda: Among(span=HOUR))
    lost: Sums = msgspec.field(default_factory=lambda: Sums(width=5 * MINUTE, slots=12))
    hosts: Among = msgspec.field(default_factory=lambda: Among(span=HOUR, items=4096))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Gaps that were counted here."""
    rows, activity = batch.rows(classes.TELEMETRY), batch.numbers("activity_id")
    for row in rows[activity[rows] == _GAP].tolist():
        one, source = who(batch, row), batch.text("telemetry.of", row)
        count = max(int(batch.numbers("telemetry.count")[row]), 1)
        spans = state.spans.add(one.host, str(one.time // (5 * MINUTE)), one.time)
        lost = state.lost.add(one.host, one.time, count)
        if spans < SPANS:
            continue
        losing = state.hosts.add("all", one.host, one.time)
        everywhere = losing >= ALIKE
        why = (
            f"{lost:,.0f} events of {one.host} are missing, in {spans} five-minute spans of an hour, lately of {source}"
        )
        why += f"; so it is with {losing} hosts" if everywhere else ""
        told = sender(batch, row, one)
        confidence = 0.4 if everywhere else 0.75
        key = "everywhere" if everywhere else one.host
        yield noticed(about, told, key, why, confidence=confidence, holds=(f"{named('host', one.host)}#root",))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing happens by waiting."""
    yield from ()
