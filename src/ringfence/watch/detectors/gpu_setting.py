"""D24: a mode of an accelerator that was changed outside of what prologs and announced work do."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.administrators import Administrators
from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, MINUTE, Planned, happened
from ringfence.watch.roster import Running
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D24",
    name="gpu_setting",
    title="A setting of an accelerator was changed",
    meaning="A mode of an accelerator (ECC, MIG, compute mode, profiling, confidential computing, limits) was changed "
    "in the middle of a job or outside every job, by somebody other than the prolog or announced work.",
    stage=JOINT,
    sees=(classes.GPU, classes.AUTHENTICATION, classes.JOB, classes.TELEMETRY),
    threats=("RF.T09", "RF.T10", "RF.T24"),
    attack=("T1562", "T1496.001"),
    false="A setting that configuration management rolls out, until it is seen on several hosts. A job that sets "
    "clocks or power of its own accelerators is left alone, and so is an administrator who does so.",
    severity=75,
)

_CONFIGURE = 5
_EDGE = 4 * MINUTE
"""Prologs and epilogs set modes within this time of a job's start or end."""
_MILD = ("clock", "power", "fan", "persistence", "boost")
"""What the holder of an accelerator, or an administrator who is there, may do to it: no wall is taken down by it."""
_MILDLY = ("default", "enabled")
_SYSTEM = ("root", "slurm", "")
_KNOWN = 6
"""Hosts on which the same account set the same at the edge of jobs or under announcement, before it is a habit."""
_MOST = 20_000


class State(msgspec.Struct):
    """What is announced; `account|setting` → hosts where that was honest; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    administrators: Administrators = msgspec.field(default_factory=Administrators)
    habits: dict[str, list[str]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every change of a setting."""
    state.planned.take(batch)
    state.administrators.take(batch, view.roster)
    for one in happened(batch, classes.GPU, (_CONFIGURE,)):
        if not one.host:
            continue
        who, setting = cut(batch.text("actor.user.name", one.row)), cut(batch.text("gpu.setting", one.row)).lower()
        uuid = cut(batch.text("gpu.uuid", one.row))
        jobs = [view.roster.jobs[uid] for uid in view.roster.on.get(one.host, ())]
        value = cut(batch.text("gpu.value", one.row))
        if _honest(state, jobs, one.host, one.at, who, setting):
            continue
        attended = state.administrators.at(one.host, one.at)
        if attended and (any(word in setting for word in _MILD) or value.lower() in _MILDLY):
            continue
        if not anew(state.told, f"{uuid or one.host}|{setting}", one.at, HOUR):
            continue
        running = view.roster.at(one.host, one.at)
        yield signal(
            about,
            key=f"{one.host}:{who}",
            time=one.at,
            entities=(f"host:{one.host}", *([f"gpu:{uuid}"] if uuid else []), *([f"identity:{who}"] if who else [])),
            sources=one.sources,
            evidence=one.evidence,
            confidence=0.5 if attended else 0.75 if running else 0.65,
            holds=(f"host:{one.host}#root",),
            why=f"{setting or 'a setting'} of {uuid or 'an accelerator'} on {one.host} was set to "
            f"{value or 'a value not told'} by {who or 'somebody not told'}, "
            + (f"while {running[0].uid} ran" if running else "with no job there"),
        )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _honest(state: State, jobs: list[Running], host: str, at: int, who: str, setting: str) -> bool:
    running = [job for job in jobs if job.started <= at and not job.ended]
    if any(who == job.user and any(word in setting for word in _MILD) for job in running):
        return True
    edge = any(abs(at - job.started) <= _EDGE or (job.ended and abs(at - job.ended) <= _EDGE) for job in jobs)
    key = f"{who}|{setting}"
    known = state.habits.get(key, [])
    if state.planned.covers(host, at) or (edge and who in _SYSTEM):
        if host not in known and len(known) < _KNOWN:
            put(state.habits, key, [*known, host], _MOST)
        return True
    return len(known) >= _KNOWN and not running and who in _SYSTEM
