"""D51: firmware that is not what it was, on a host for which nobody announced work."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, Happening, Planned, happened
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D51",
    name="firmware_changed",
    title="Firmware was changed without announcement",
    meaning="A part's firmware was written, or reports another version than before, while no maintenance of its host "
    "was announced.",
    stage=JOINT,
    sees=(classes.HARDWARE, classes.JOB, classes.TELEMETRY),
    threats=("RF.T12", "RF.T11"),
    attack=("T1542.001", "T1495"),
    atlas=("AML.T0010.000",),
    false="An update that nobody reserved the host for. A version that other hosts got under an announcement is told "
    "with less confidence.",
    severity=80,
)

_LOG, _INSERT, _UPDATE, _CONFIGURE = 1, 2, 4, 7
_MOST = 200_000


class State(msgspec.Struct):
    """`host|part` → the version it last reported; `part|version` → installs that were announced; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    versions: dict[str, str] = {}
    announced: dict[str, int] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every version that a controller tells of."""
    state.planned.take(batch)
    for one in happened(batch, classes.HARDWARE, (_LOG, _INSERT, _UPDATE, _CONFIGURE)):
        yield from _told(state, batch, one, int(batch.numbers("activity_id")[one.row]) == _UPDATE)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _told(state: State, batch: Batch, one: Happening, written: bool) -> Iterator[Signal]:
    part, version = (cut(batch.text(f"hardware.{name}", one.row)) for name in ("component", "version"))
    before = cut(batch.text("hardware.previous", one.row)) if written else ""
    place = f"{one.host}|{part}"
    before = before or state.versions.get(place, "")
    if version:
        put(state.versions, place, version, _MOST)
    if not one.entities or not (written or (version and before and before != version)):
        return
    if state.planned.covers(one.host, one.at):
        put(state.announced, f"{part}|{version}", state.announced.get(f"{part}|{version}", 0) + 1, 10_000)
        return
    if not anew(state.told, f"{place}|{version}", one.at, HOUR):
        return
    known = state.announced.get(f"{part}|{version}", 0)
    yield signal(
        about,
        key=place,
        time=one.at,
        entities=one.entities,
        sources=one.sources,
        evidence=one.evidence,
        holds=(f"{one.entities[0]}#root",),
        confidence=0.6 if known >= 3 else 0.8,
        why=f"firmware of {part or 'a part'} on {one.host or one.entities[0]} went from "
        f"{before or 'a version not told'} to {version or 'one not told'}; no maintenance was announced"
        + (f", though {known} announced updates brought this version" if known else ""),
    )
