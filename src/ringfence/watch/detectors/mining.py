"""D22: accelerators that compute hard without what learning looks like."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import NODE, About, View, signal
from ringfence.watch.ledger import Ledger
from ringfence.watch.planned import HOUR, MINUTE
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D22",
    name="mining",
    title="Accelerators seem to mine",
    meaning="For hours a job's accelerators are busy and hot without the tensor cores, all of the time or in turns "
    "with the job's own work, maybe with a small steady connection to one address outside.",
    stage=NODE,
    sees=(classes.GPU, classes.NETWORK),
    threats=("RF.T15",),
    attack=("T1496.001",),
    atlas=("AML.T0034",),
    false="Simulations and other work in plain arithmetic, which keep no tensor core busy either: their accounts are "
    "learned from the operator's verdicts.",
    severity=75,
    seconds=10.0,
)

BUSY, PLAIN = 25.0, 0.015
"""A sample is busy from this utilisation on, and plain below this part of tensor activity."""
WINDOW = 20 * MINUTE
WINDOWS = 2
"""Windows in a row before anything is told."""
FEWEST = 40
_IN_TURNS = 0.04
_WARM = 0.6
"""A plain sample that draws this part of the power of the others works; one that draws less waits."""
_SMALL = 1 << 16
_MOST = 40_000
_N, _BUSY, _PLAIN, _POWER, _PLAIN_POWER, _SQUARES, _WIDTH = range(7)


class State(msgspec.Struct):
    """Sums of the window by `host|job`; windows in a row; who is looked at, and the small connections he has."""

    sums: Ledger = msgspec.field(default_factory=lambda: Ledger(_WIDTH, _MOST))
    window: int = 0
    odd: dict[str, int] = {}
    suspects: dict[str, int] = {}
    peers: dict[str, tuple[int, int]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Samples are added up; connections are looked at only of hosts that are suspected."""
    rows = batch.rows(classes.GPU)
    jobs, hosts = batch.codes("job.uid"), batch.codes("device.hostname")
    rows = rows[(batch.numbers("activity_id")[rows] == 1) & (jobs.codes[rows] >= 0)]
    if len(rows) and batch.array("gpu.tensor_active") is not None:
        key = hosts.codes[rows].astype(np.int64) * (len(jobs.values) + 1) + jobs.codes[rows]
        present, which = np.unique(key, return_inverse=True)
        pairs = (divmod(one, len(jobs.values) + 1) for one in present.tolist())
        names = [f"{hosts.values[host]}|{jobs.values[job]}" for host, job in pairs]
        state.sums.add(names, _sums(batch, rows, which, len(present)))
    if state.suspects:
        _connections(state, batch, view)
    yield from ()


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Every window is judged when it is over."""
    if state.window == 0 or abs(now - state.window) > 4 * WINDOW:
        state.window = now
    if now - state.window < WINDOW:
        return
    state.window = now
    odd: dict[str, int] = {}
    for key in list(state.sums.places):
        share, sure = _judged(state.sums.take(key))
        if not share:
            continue
        odd[key] = state.odd.get(key, 0) + 1
        host, _, job = key.partition("|")
        put(state.suspects, host, now, _MOST)
        if odd[key] >= WINDOWS and anew(state.told, key, now, HOUR):
            yield _told(state, host, job, now, share, sure, odd[key])
    state.odd = odd
    state.suspects = {host: when for host, when in state.suspects.items() if now - when < 4 * WINDOW}
    state.peers = {key: seen for key, seen in state.peers.items() if key.partition("|")[0] in state.suspects}


def _sums(batch: Batch, rows: np.ndarray, which: np.ndarray, groups: int) -> np.ndarray:
    """Sums of the samples of each group."""
    busy = batch.numbers("gpu.utilization")[rows] >= BUSY
    plain = busy & (batch.numbers("gpu.tensor_active", 1.0)[rows] < PLAIN)
    power = np.clip(batch.numbers("gpu.power")[rows], 0, 1e5)
    found = np.empty((groups, _WIDTH))
    for at, column in enumerate((None, busy, plain, power * busy, power * plain, power * power * plain)):
        found[:, at] = np.bincount(which, weights=column, minlength=groups)
    return found


def _judged(sums: np.ndarray) -> tuple[float, float]:
    """The part of busy samples that are plain, and how sure that makes it; nothing where it is honest."""
    if sums[_N] < FEWEST or sums[_BUSY] < 10 or sums[_PLAIN] < 5:
        return 0.0, 0.0
    share = sums[_PLAIN] / sums[_BUSY]
    mean = sums[_PLAIN_POWER] / sums[_PLAIN]
    if share > 0.9:
        spread = max(0.0, sums[_SQUARES] / sums[_PLAIN] - mean * mean) ** 0.5
        return share, 0.64 if spread < 0.1 * mean else 0.5
    other = (sums[_POWER] - sums[_PLAIN_POWER]) / (sums[_BUSY] - sums[_PLAIN])
    return (share, 0.64) if share >= _IN_TURNS and mean >= _WARM * other else (0.0, 0.0)


def _connections(state: State, batch: Batch, view: View) -> None:
    rows = batch.rows(classes.NETWORK)
    hosts, targets = batch.codes("device.hostname"), batch.codes("dst_endpoint.ip")
    there = np.array([host in state.suspects for host in hosts.values] + [False])
    sizes = batch.numbers("traffic.bytes_out")[rows] + batch.numbers("traffic.bytes_in")[rows]
    for row in rows[there[hosts.codes[rows]] & (sizes < _SMALL)].tolist():
        target = targets.of(row)
        if target and not view.site.is_inside(target):
            key = f"{hosts.of(row)}|{cut(target)}:{int(batch.numbers('dst_endpoint.port')[row])}"
            first, count = state.peers.get(key, (int(batch.times[row]), 0))
            put(state.peers, key, (first, count + 1), _MOST)


def _told(state: State, host: str, job: str, now: int, share: float, sure: float, windows: int) -> Signal:
    pool = max(
        ((count, key) for key, (_, count) in state.peers.items() if key.startswith(f"{host}|") and count >= 4),
        default=(0, ""),
    )
    turns = "all of the time" if share > 0.9 else f"in {100 * share:.0f} % of its busy samples"
    peer = f", and {pool[0]} small connections to {pool[1].partition('|')[2]}" if pool[0] else ""
    return signal(
        about,
        key=f"{job}:{host}",
        time=now,
        since=now - windows * WINDOW,
        entities=(f"host:{host}", job),
        sources=(f"host:{host}",),
        confidence=min(0.9, sure + 0.05 * (windows - WINDOWS) + (0.15 if pool[0] else 0.0)),
        holds=(f"{job}#code",),
        why=f"accelerators of {job} on {host} work {turns} without tensor cores for {windows * 20} minutes{peer}",
    )
