"""D56: another subnet manager rules the fabric."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, Planned, happened
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D56",
    name="manager_takeover",
    title="Another subnet manager took over the fabric",
    meaning="A subnet manager that was not known, or that nobody announced, has become the fabric's master.",
    stage=JOINT,
    sees=(classes.FABRIC, classes.JOB, classes.TELEMETRY),
    threats=("RF.T21",),
    attack=("T1557", "T1565"),
    false="A standby that takes over because the master died: one that was master before is told with less confidence.",
    severity=90,
    urgent=True,
)

_LOG, _TAKEOVER, _REFUSED = 1, 3, 4


class State(msgspec.Struct):
    """Managers that were named by the fabric's own log before, and when; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    known: dict[str, int] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every word of who is master."""
    state.planned.take(batch)
    for one in happened(batch, classes.FABRIC, (_LOG, _TAKEOVER, _REFUSED)):
        manager = cut(batch.text("ib.manager", one.row))
        activity = int(batch.numbers("activity_id")[one.row])
        first = state.known.get(manager)
        if activity == _LOG or state.planned.covers(one.host, one.at):
            if manager and first is None:
                put(state.known, manager, one.at, 1000)
            continue
        if not anew(state.told, manager, one.at, HOUR):
            continue
        standby = first is not None and one.at - first > HOUR
        yield signal(
            about,
            key=manager or one.host,
            time=one.at,
            entities=(*one.entities, *([f"ibport:{manager}"] if manager else [])),
            sources=one.sources,
            evidence=one.evidence,
            holds=(f"ibport:{manager}#manage",) if manager and activity == _TAKEOVER else (),
            confidence=0.55 if standby else 0.85,
            why=f"{manager or 'a manager not told'} "
            + ("became master of the fabric" if activity == _TAKEOVER else "asked to rule the fabric and was refused")
            + (", a standby that was known" if standby else "; it was not known as a manager"),
        )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()
