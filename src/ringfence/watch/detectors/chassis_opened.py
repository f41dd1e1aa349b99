"""D52: a chassis that was opened, where nobody announced work."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, Planned, happened
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D52",
    name="chassis_opened",
    title="A chassis was opened",
    meaning="A controller reports that its chassis was opened, while no maintenance of the host was announced.",
    stage=JOINT,
    sees=(classes.HARDWARE, classes.JOB, classes.TELEMETRY),
    threats=("RF.T13",),
    attack=("T1200",),
    atlas=("AML.T0010.000",),
    false="A repair that nobody reserved the host for; a worn switch of the lid, which says so again and again.",
    severity=85,
)

_LOG, _INTRUSION = 1, 5
_WORDS = ("intrusion", "chassis open", "chassisopen", "lid open")
_CLOSED = ("deassert", "reset", "closed", "normal", "cleared")


class State(msgspec.Struct):
    """What is announced, and what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every report of an open lid; that it was closed again is none."""
    state.planned.take(batch)
    for one in happened(batch, classes.HARDWARE, (_LOG, _INTRUSION)):
        columns = ("hardware.message_id", "hardware.sensor", "message")
        said = " ".join(batch.text(name, one.row) for name in columns).lower()
        intrusion = batch.numbers("activity_id")[one.row] == _INTRUSION or any(word in said for word in _WORDS)
        if not intrusion or any(word in said for word in _CLOSED) or not one.entities:
            continue
        if state.planned.covers(one.host, one.at) or not anew(state.told, one.entities[0], one.at, HOUR):
            continue
        sensor = cut(batch.text("hardware.sensor", one.row))
        yield signal(
            about,
            key=one.entities[0],
            time=one.at,
            entities=one.entities,
            sources=one.sources,
            evidence=one.evidence,
            confidence=0.8,
            why=f"the chassis of {one.host or one.entities[0]} was opened ({sensor or 'intrusion'}); "
            "no maintenance was announced",
        )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()
