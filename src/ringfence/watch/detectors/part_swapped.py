"""D53: a part that was not there before, where nobody announced work."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, Happening, Planned, happened
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D53",
    name="part_swapped",
    title="A part was put in or swapped",
    meaning="A part was inserted or removed, or another serial number answers in its place, while no maintenance of "
    "the host was announced.",
    stage=JOINT,
    sees=(classes.HARDWARE, classes.JOB, classes.TELEMETRY),
    threats=("RF.T11", "RF.T13"),
    attack=("T1195.003", "T1200"),
    atlas=("AML.T0010.000",),
    false="A repair that nobody reserved the host for; a part with a loose contact, which comes back with the serial "
    "number that it had.",
    severity=80,
)

_LOG, _INSERT, _REMOVE = 1, 2, 3
_MOST = 200_000


class State(msgspec.Struct):
    """`host|part` → the serial number that last answered there; what is announced; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    serials: dict[str, str] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every insertion, removal and serial number."""
    state.planned.take(batch)
    for one in happened(batch, classes.HARDWARE, (_LOG, _INSERT, _REMOVE)):
        yield from _told(state, batch, one, int(batch.numbers("activity_id")[one.row]))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _told(state: State, batch: Batch, one: Happening, activity: int) -> Iterator[Signal]:
    part, serial = (cut(batch.text(f"hardware.{name}", one.row)) for name in ("component", "serial"))
    place = f"{one.host}|{part}"
    known = state.serials.get(place, "")
    before = known or (cut(batch.text("hardware.previous", one.row)) if activity == _INSERT else "")
    if serial:
        put(state.serials, place, serial, _MOST)
    swapped = bool(serial and before and serial != before)
    if not one.entities or (activity == _LOG and not swapped) or state.planned.covers(one.host, one.at):
        return
    back = activity != _LOG and bool(serial) and serial == before
    if not anew(state.told, f"{place}|{'back' if back else 'new'}", one.at, HOUR):
        return
    parts = tuple(f"component:{name}" for name in (serial, before if swapped else "") if name)
    yield signal(
        about,
        key=place,
        time=one.at,
        entities=(*one.entities, *parts),
        sources=one.sources,
        evidence=one.evidence,
        confidence=0.3 if back else 0.75,
        why=_why(part, one, serial, before, activity) + "; no maintenance was announced",
    )


def _why(part: str, one: Happening, serial: str, before: str, activity: int) -> str:
    where = f"{part or 'a part'} of {one.host or one.entities[0]}"
    if serial and before and serial != before:
        return f"{where} was {before} and is {serial}"
    did = "taken out" if activity == _REMOVE else "put in"
    return f"{where} ({serial or 'no serial number told'}) was {did}"
