"""The learned model of each job's phases, and what departs from it."""

import math
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.watch.habit import BENIGN, Verdict
from ringfence.watch.phases.infer import CHECKPOINT, EVALUATE, Levels, phase
from ringfence.watch.phases.sketch import Sketch
from ringfence.watch.roster import Roster, Running
from ringfence.wire.ocsf import classes

SECOND = 1_000_000
INTERVAL, GRACE = 30 * SECOND, 75 * SECOND
NAMES = ("utilisation", "fabric", "read", "written", "sent")
_COLUMNS = (
    ("host.gpu_utilization",),
    ("host.ib_xmit", "host.ib_rcv"),
    ("host.read",),
    ("host.written",),
    ("host.net_out",),
)
JUDGED: Mapping[str, float] = {"read": 1e6, "written": 1e6, "sent": 5e4}
"""What is judged, and the unit below which it does not matter (bytes a second and host)."""

SURE = 400.0
"""Intervals of a kind's phase before it is judged by."""
OWN = 40
"""Intervals of a job's own phase before it is judged."""
TOLD = 30.0
"""Surprise, in nats beyond what is usual, at which a departure is told."""
_USUAL, _ONCE = 2.5, 5.0
"""What an interval's surprise is lowered by, and the most that one interval adds."""
_LONG, _PHASES_SEEN = 4.0, 30.0
_MOST_KINDS, _MOST_JOBS, _MOST_OPEN = 64, 20_000, 64
_SPAN = 900 * SECOND
"""What a batch may span; a row further ahead than this of the middle one has a wrong clock."""
_STRICTEST, _MILDEST = 0.5, 8.0


class Kind(msgspec.Struct):
    """What jobs of a kind do: by `phase/name` how a job's value compares with its own mean; by phase how long it lasts.

    `caution` multiplies what it takes to tell: operators' verdicts raise and lower it.
    """

    ratios: dict[str, Sketch] = {}
    seconds: dict[str, Sketch] = {}
    caution: float = 1.0


class Doing(msgspec.Struct):
    """What one job does. `open` are sums by interval; `means` by `phase/name` are mean and count."""

    kind: str
    levels: Levels = msgspec.field(default_factory=Levels)
    phase: str = ""
    since: int = 0
    last: int = 0
    open: dict[int, list[float]] = {}
    means: dict[str, tuple[float, float]] = {}
    surprise: dict[str, float] = {}
    first: dict[str, int] = {}


class Model(msgspec.Struct):
    """All kinds and jobs."""

    kinds: dict[str, Kind] = {}
    jobs: dict[str, Doing] = {}
    clock: int = 0


class Departure(msgspec.Struct, frozen=True):
    """A job does what neither it nor its kind usually does."""

    job: str
    kind: str
    phase: str
    what: str
    at: int
    since: int
    value: float
    usual: float
    surprise: float


def take(model: Model, batch: Batch, roster: Roster) -> None:
    """Add the intervals of hosts to their jobs."""
    rows = batch.rows(classes.HOST_INTERVAL)
    jobs = batch.codes("job.uid")
    rows = rows[jobs.codes[rows] >= 0]
    if not len(rows):
        return
    times = batch.times[rows]
    model.clock = max(model.clock, min(int(times.max()), int(np.median(times)) + _SPAN))
    slots = times // INTERVAL
    key = np.stack([jobs.codes[rows].astype(np.int64), slots], axis=1)
    present, which = np.unique(key, axis=0, return_inverse=True)
    values = np.ones((len(rows), len(NAMES) + 1))
    for at, columns in enumerate(_COLUMNS):
        values[:, at] = sum(np.clip(np.nan_to_num(batch.numbers(name)[rows]), 0, 1e15) for name in columns)
    sums = np.zeros((len(present), values.shape[1]))
    np.add.at(sums, which.reshape(-1), values)
    for at, (code, slot) in enumerate(present.tolist()):
        doing = _doing(model, jobs.values[code], roster, slot * INTERVAL)
        if doing is not None and doing.last < slot <= model.clock // INTERVAL + 2:
            before = doing.open.get(slot, [0.0] * values.shape[1])
            put(doing.open, slot, [a + b for a, b in zip(before, sums[at].tolist(), strict=True)], _MOST_OPEN)


def departures(model: Model, now: int, roster: Roster) -> Iterator[Departure]:
    """Close the intervals that are over, learn from them, and tell what departs."""
    model.clock = max(model.clock, now)
    for uid in list(model.jobs):
        doing, job = model.jobs[uid], roster.jobs.get(uid)
        for slot in sorted(slot for slot in doing.open if (slot + 1) * INTERVAL + GRACE <= model.clock):
            yield from _closed(model, uid, doing, slot, doing.open.pop(slot))
        if job is None or (job.ended and job.ended + INTERVAL + GRACE < model.clock):
            del model.jobs[uid]


def phase_of(model: Model, uid: str, now: int) -> str:
    """What a job is doing, "" where not known or not heard of for five minutes."""
    doing = model.jobs.get(uid)
    if doing is None or now - (doing.last + 1) * INTERVAL > 300 * SECOND:
        return ""
    return doing.phase


def phases_of(model: Model) -> dict[str, str]:
    """Job → what it is doing, of all that are known."""
    return {uid: doing.phase for uid, doing in model.jobs.items() if doing.phase}


def learn(model: Model, verdict: Verdict) -> None:
    """An operator's word: what he calls benign takes more to be told for that kind again, what he confirms less."""
    kind = _kind(model, verdict.job_class.partition("/")[0])
    factor = 1.6 if verdict.said == BENIGN else 0.8
    kind.caution = min(_MILDEST, max(_STRICTEST, kind.caution * factor))


def _kind(model: Model, name: str) -> Kind:
    kind = model.kinds.get(name)
    if kind is None:
        name = cut(name) if len(model.kinds) < _MOST_KINDS else ""
        kind = model.kinds.setdefault(name, Kind())
    return kind


def _doing(model: Model, uid: str, roster: Roster, when: int) -> Doing | None:
    """What is known of a job; nothing is learned where it shares its host, whose interval is then not its own."""
    doing = model.jobs.get(uid)
    job: Running | None = roster.jobs.get(uid)
    if job is not None and job.hosts and len(roster.at(job.hosts[0], when)) > 1:
        return None
    if doing is None and job is not None and not job.ended and len(model.jobs) < _MOST_JOBS:
        doing = model.jobs[uid] = Doing(cut(job.kind), Levels(gang=len(set(job.hosts)) > 1))
    return doing


def _closed(model: Model, uid: str, doing: Doing, slot: int, sums: list[float]) -> Iterator[Departure]:
    shown = {name: value / max(sums[-1], 1.0) for name, value in zip(NAMES, sums, strict=False)}
    doing.last = max(doing.last, slot)
    doing.levels.rise(shown)
    now, kind, at = phase(doing.levels, shown), _kind(model, doing.kind), (slot + 1) * INTERVAL
    if now != doing.phase:
        if doing.phase:
            kind.seconds.setdefault(doing.phase, Sketch()).add((slot * INTERVAL - doing.since) / SECOND, 1.0)
        doing.phase, doing.since = now, slot * INTERVAL
    yield from _too_long(uid, doing, kind, at)
    for name, unit in JUDGED.items():
        surprise = _surprise(doing, kind, f"{now}/{name}", shown[name], unit)
        found = max(0.0, doing.surprise.get(name, 0.0) + min(surprise - _USUAL, _ONCE))
        if not found or name not in doing.first:
            doing.first[name] = slot * INTERVAL
        doing.surprise[name] = min(found, 2 * TOLD * kind.caution)
        if found >= TOLD * kind.caution:
            usual = doing.means.get(f"{now}/{name}", (0.0, 0.0))[0]
            yield Departure(uid, doing.kind, now, name, at, doing.first[name], shown[name], usual, found)


def _surprise(doing: Doing, kind: Kind, key: str, value: float, unit: float) -> float:
    """How unlikely the value is beside the job's own mean, in nats, as the kind goes; both learn from it then."""
    mean, count = doing.means.get(key, (0.0, 0.0))
    sketch = kind.ratios.setdefault(key, Sketch())
    found = 0.0
    if count >= OWN:
        ratio = (value + unit) / (mean + unit)
        found = -math.log(sketch.beyond(ratio, 0.1)) if sketch.total >= SURE and value > unit else 0.0
        sketch.add(ratio, 0.1)
    if found < _USUAL + _ONCE / 2:  # what is strange is not learned as the job's own at once
        count = min(count + 1, 10.0 * OWN)
        doing.means[key] = (mean + (value - mean) / count, count)
    return found


def _too_long(uid: str, doing: Doing, kind: Kind, at: int) -> Iterator[Departure]:
    """A checkpoint or an evaluation that lasts far longer than any of its kind."""
    known = kind.seconds.get(doing.phase)
    if doing.phase not in (CHECKPOINT, EVALUATE) or known is None or known.total < _PHASES_SEEN:
        return
    lasts, usual = (at - doing.since) / SECOND, known.quantile(0.995, 1.0)
    if lasts > max(1800.0, _LONG * usual) * kind.caution:
        yield Departure(uid, doing.kind, doing.phase, "seconds", at, doing.since, lasts, usual, TOLD)
