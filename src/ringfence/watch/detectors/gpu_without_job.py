"""D23: work on an accelerator that is not the work of the job that holds it."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import NODE, About, View, signal
from ringfence.watch.holders import Holders, around
from ringfence.watch.planned import MINUTE, Planned
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D23",
    name="gpu_without_job",
    title="An accelerator works for somebody who does not hold it",
    meaning="A process of another account than the job's runs on its accelerator, or an accelerator that no job holds "
    "is busy for minutes.",
    stage=NODE,
    sees=(classes.GPU, classes.JOB, classes.TELEMETRY),
    threats=("RF.T15", "RF.T10", "RF.T09"),
    attack=("T1496.001",),
    atlas=("AML.T0034",),
    false="Tests of health that run as an account of their own, until they are known from several hosts; an "
    "administrator at work on a host that nobody reserved.",
    severity=80,
    seconds=10.0,
)

BUSY = 5.0
"""Percent of utilisation from which an accelerator works."""
LONG = 8 * MINUTE
"""So long without a job is more than a test between two jobs."""
PAUSE = 90_000_000
SYSTEM = ("root", "dcgm", "nvidia-dcgm", "nvidia-persistenced", "gdm", "nobody", "")
KNOWN = 4
"""Hosts on which an account ran the same program outside every job, before it counts as a service."""
_AGAIN = 60 * MINUTE
_MOST = 20_000


class State(msgspec.Struct):
    """`busy`: accelerator → first, last, samples without a job. `services`: account|program → hosts.

    `labelling` are sources whose samples name jobs: where one does not, it means something.
    """

    planned: Planned = msgspec.field(default_factory=Planned)
    holders: Holders = msgspec.field(default_factory=Holders)
    busy: dict[str, tuple[int, int, int]] = {}
    services: dict[str, list[str]] = {}
    told: dict[str, int] = {}
    labelling: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Processes one by one, samples only where they show work without a job."""
    state.planned.take(batch)
    state.holders.take(batch, view.roster)
    rows = batch.rows(classes.GPU)
    activity = batch.numbers("activity_id")[rows]
    for row in rows[activity == 2].tolist():
        yield from _started(state, batch, row, view)
    jobs = batch.codes("job.uid").codes[rows]
    told = np.unique(batch.codes("source").codes[rows[(activity == 1) & (jobs >= 0)]])
    for source in (batch.codes("source").values[code] for code in told.tolist() if code >= 0):
        put(state.labelling, cut(source), 1, _MOST)
    free = (activity == 1) & (jobs < 0)
    for row in rows[free & (batch.numbers("gpu.utilization")[rows] >= BUSY)].tolist():
        yield from _worked(state, batch, row, view)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _started(state: State, batch: Batch, row: int, view: View) -> Iterator[Signal]:
    host, uuid, at = (cut(batch.text("device.hostname", row)), cut(batch.text("gpu.uuid", row)), int(batch.times[row]))
    who, what = cut(batch.text("process.user.name", row)), cut(batch.text("process.name", row))
    jobs = state.holders.of(uuid, host, at, view.roster)
    uid = batch.text("job.uid", row)
    alive = [job for job in jobs if not job.ended]
    unheard = bool(uid) and not alive and uid not in view.roster.jobs  # a pod, or a job whose start comes late
    foreign = all(who != job.user for job in jobs) if who else bool(uid) and all(uid != job.uid for job in jobs)
    if not foreign or unheard or state.planned.covers(host, at) or (who in SYSTEM and not jobs):
        return
    if _service(state, f"{who}|{what}", host) or not anew(state.told, f"{host}|{who}|{uuid}", at, _AGAIN):
        return
    holding = ", ".join(f"{job.uid} of {job.user}" for job in jobs) or "no job"
    yield _signal(
        batch,
        row,
        key=f"{host}:{who}",
        confidence=0.75 if who not in SYSTEM else 0.35,
        entities=(f"host:{host}", f"gpu:{uuid}", *(f"identity:{one}" for one in (who,) if one)),
        holds=(f"gpu:{uuid}#memory",),
        why=f"{what or 'a process'} of {who or 'an account not told'} started on {uuid} of {host}, held by {holding}",
    )


def _service(state: State, key: str, host: str) -> bool:
    """Whether this program of this account is known from several hosts outside of jobs."""
    hosts = state.services.get(key, [])
    if host not in hosts and len(hosts) < KNOWN:
        hosts = [*hosts, host]
        put(state.services, key, hosts, _MOST)
    return len(hosts) >= KNOWN and key.partition("|")[0] in SYSTEM


def _worked(state: State, batch: Batch, row: int, view: View) -> Iterator[Signal]:
    host, uuid, at = (cut(batch.text("device.hostname", row)), cut(batch.text("gpu.uuid", row)), int(batch.times[row]))
    first, last, count = state.busy.get(uuid, (at, at, 0))
    if not 0 <= at - last <= PAUSE:
        first, count = at, 0
    put(state.busy, uuid, (first, at, count + 1), _MOST)
    if at - first < LONG or state.planned.covers(host, at):
        return
    if around(view.roster, host, at) and not _left_free(state, batch, row, view, host, at):
        return
    if anew(state.told, f"{uuid}|busy", at, _AGAIN):
        yield _signal(
            batch,
            row,
            key=f"{uuid}:busy",
            since=first,
            confidence=min(0.9, 0.6 + 0.02 * (at - first) / MINUTE),
            entities=(f"host:{host}", f"gpu:{uuid}"),
            holds=(f"host:{host}#user",),
            why=f"{uuid} of {host} has worked for {(at - first) // MINUTE} minutes and belongs to no job",
        )


def _left_free(state: State, batch: Batch, row: int, view: View, host: str, at: int) -> bool:
    """Whether jobs that are really there leave this accelerator free: its source tells of jobs, and here of none."""
    return bool(view.roster.at(host, at)) and cut(batch.text("source", row)) in state.labelling


def _signal(batch: Batch, row: int, **said: object) -> Signal:
    source = batch.text("source", row)
    seen = {"time": int(batch.times[row]), "sources": (source,)}
    return signal(about, evidence=((source, int(batch.numbers("seq")[row])),), **(seen | said))
