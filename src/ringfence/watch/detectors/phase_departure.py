"""D21: a job departs from what it, and its kind, do in their phases."""

from collections.abc import Iterator

import msgspec

from ringfence.watch import phases
from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, MINUTE
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D21",
    name="phase_departure",
    title="A job departs from its phases",
    meaning="For minutes to hours a job reads, writes or sends more in a phase than it did before and than jobs of its "
    "kind do, or stays in a phase far longer than they.",
    stage=JOINT,
    sees=(classes.HOST_INTERVAL, classes.JOB),
    threats=("RF.T03", "RF.T15", "RF.T16"),
    attack=("T1041", "T1005"),
    atlas=("AML.T0025", "AML.T0035"),
    false="A job that changes what it does: another dataset, a longer evaluation. Told with little confidence, it "
    "counts where something else agrees; an operator's verdicts make it slower or quicker to tell for that kind.",
    severity=60,
    seconds=30.0,
)

_WORDS = {"read": "reads", "written": "writes", "sent": "sends", "seconds": "stays in it for"}
_EVERY = MINUTE // 2


class State(msgspec.Struct):
    """The model; it is also where a job's phase is asked for."""

    model: phases.Model = msgspec.field(default_factory=phases.Model)
    told: dict[str, int] = {}
    judged: int = 0


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Intervals are added to their jobs."""
    phases.take(state.model, batch, view.roster)
    yield from ()


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Intervals that are over are judged, and learned from."""
    if abs(now - state.judged) < _EVERY:
        return
    state.judged = now
    for one in phases.departures(state.model, now, view.roster):
        if anew(state.told, f"{one.job}|{one.what}", one.at, HOUR):
            unit = "s" if one.what == "seconds" else "B/s a host"
            yield signal(
                about,
                key=f"{one.job}:{one.what}",
                time=one.at,
                since=one.since,
                entities=(one.job,),
                sources=(),
                confidence=0.5,
                why=f"{one.job} ({one.kind or 'kind not told'}) {_WORDS[one.what]} {one.value:.3g} {unit} in its "
                f"{one.phase} phase, usually {one.usual:.3g}",
            )
