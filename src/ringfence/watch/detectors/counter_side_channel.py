"""D26: performance counters of an accelerator, read by somebody whose job does not hold it."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import NODE, About, View, signal
from ringfence.watch.holders import Holders
from ringfence.watch.planned import HOUR, MINUTE, Planned
from ringfence.watch.roster import Running
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D26",
    name="counter_side_channel",
    title="Somebody reads a neighbour's performance counters",
    meaning="An account whose job does not hold an accelerator reads its performance counters, again and again.",
    stage=NODE,
    sees=(classes.GPU, classes.JOB, classes.TELEMETRY),
    threats=("RF.T09",),
    attack=("T1082", "T1057"),
    false="A monitor that is new: the same program of the same account counts as one once several hosts have it. "
    "Whoever profiles his own job is left alone.",
    severity=75,
    seconds=60.0,
)

_PROFILE = 6
WINDOW = 30 * MINUTE
ENOUGH = 100
"""Reads within half an hour of which a picture of a neighbour can be made."""
KNOWN = 5
_MOST = 20_000


class State(msgspec.Struct):
    """`reads`: accelerator, account and program → since, reads, events. `monitors`: account|program → hosts."""

    planned: Planned = msgspec.field(default_factory=Planned)
    holders: Holders = msgspec.field(default_factory=Holders)
    reads: dict[str, tuple[int, int, int]] = {}
    monitors: dict[str, list[str]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every report of reads."""
    state.planned.take(batch)
    state.holders.take(batch, view.roster)
    rows = batch.rows(classes.GPU)
    for row in rows[batch.numbers("activity_id")[rows] == _PROFILE].tolist():
        yield from _read(state, batch, row, view)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _read(state: State, batch: Batch, row: int, view: View) -> Iterator[Signal]:
    host, uuid, at = (cut(batch.text("device.hostname", row)), cut(batch.text("gpu.uuid", row)), int(batch.times[row]))
    who, what = (_either(batch, row, name) for name in ("user.name", "name"))
    jobs = state.holders.of(uuid, host, at, view.roster)
    if _own(batch, row, who, jobs) or state.planned.covers(host, at):
        return
    since, reads, events = state.reads.get(f"{uuid}|{who}|{what}", (at, 0, 0))
    if not 0 <= at - since <= WINDOW:
        since, reads, events = at, 0, 0
    reads += min(int(np.clip(batch.numbers("gpu.samples")[row], 0, 1 << 40)), 1 << 40)
    put(state.reads, f"{uuid}|{who}|{what}", (since, reads, events + 1), _MOST)
    if reads < ENOUGH or _monitor(state, f"{who}|{what}", host) or not anew(state.told, f"{uuid}|{who}", at, HOUR):
        return
    source = batch.text("source", row)
    holding = ", ".join(f"{job.uid} of {job.user}" for job in jobs) or "no job"
    yield signal(
        about,
        key=f"{host}:{who}",
        time=at,
        since=since,
        entities=(f"host:{host}", f"gpu:{uuid}", *([f"identity:{who}"] if who else [])),
        sources=(source,),
        evidence=((source, int(batch.numbers("seq")[row])),),
        holds=(f"gpu:{uuid}#observe",),
        confidence=0.75 if jobs else 0.6,
        why=f"{what or 'a process'} of {who or 'an account not told'} read counters of {uuid} on {host} {reads} "
        f"times in {max(1, (at - since) // MINUTE)} minutes, while {holding} held it",
    )


def _either(batch: Batch, row: int, name: str) -> str:
    """Of the process that reads: told as the process itself, or as the actor."""
    actor = "actor.user.name" if name == "user.name" else "actor.process.name"
    return cut(batch.text(f"process.{name}", row) or batch.text(actor, row))


def _own(batch: Batch, row: int, who: str, jobs: list[Running]) -> bool:
    uid = batch.text("job.uid", row)
    return any(who == job.user for job in jobs) and (not uid or any(uid == job.uid for job in jobs))


def _monitor(state: State, key: str, host: str) -> bool:
    hosts = state.monitors.get(key, [])
    if host not in hosts and len(hosts) < KNOWN:
        hosts = [*hosts, host]
        put(state.monitors, key, hosts, _MOST)
    return len(hosts) >= KNOWN
