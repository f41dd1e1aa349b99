"""The windows of each gang: rows are added as they come, and each window that is over is judged."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.gang.features import AT, FEATURES, WIDTH, matrix
from ringfence.watch.gang.robust import differences, spread
from ringfence.watch.gang.sequential import SHIFTS, TOLD, scored
from ringfence.watch.roster import Roster, Running
from ringfence.wire.ocsf import classes

SECOND = 1_000_000
WINDOW = 300 * SECOND
GRACE = 90 * SECOND
"""A window is judged when this long over: the intervals of all hosts have come by then."""
FEWEST = 4
"""Ranks below which there is no middle to speak of."""
INTERVALS = 10
"""Intervals of 30 seconds in a window."""
_MOST_JOBS, _MOST_OPEN = 20_000, 4
_LEARN = 0.02
"""How fast a rank's and a gang's habits are learned, a window, once the first are over."""
_FIRST, _PRIOR = 12, 12
_USED = np.array([feature.used for feature in FEATURES])
_ALONE = np.flatnonzero([not feature.bursts for feature in FEATURES])
_SIDES = np.array([[feature.high for feature in FEATURES], [feature.low for feature in FEATURES]])


class Window(msgspec.Struct):
    """Sums of one window: ranks by features as float64, and the intervals of each rank as int64."""

    sums: bytearray
    counts: bytearray


class Gang(msgspec.Struct):
    """One job. `scores` are speeds by sides (more, less) by ranks by features; `since` when each left nothing."""

    ranks: dict[str, int]
    usual: bytearray
    scores: bytearray
    since: bytearray
    spread: bytearray
    seen: int = 0
    open: dict[int, Window] = {}
    closed: int = 0


class Gangs(msgspec.Struct):
    """All gangs, and the clock."""

    jobs: dict[str, Gang] = {}
    clock: int = 0


class Odd(msgspec.Struct, frozen=True):
    """A rank that differs: by which features, each with its score (below nothing: less) and its last deviation.

    `slowed` is the score of its accelerators' clock being less than the others'.
    """

    job: str
    host: str
    ranks: int
    at: int
    since: int
    features: dict[str, tuple[float, float]]
    slowed: float = 0.0


def take(state: Gangs, batch: Batch, roster: Roster) -> None:
    """Add the intervals of hosts to their gangs' windows."""
    rows = batch.rows(classes.HOST_INTERVAL)
    if not len(rows):
        return
    state.clock = max(state.clock, int(np.median(batch.times[rows])))
    jobs, hosts, slots = batch.codes("job.uid"), batch.codes("device.hostname"), batch.times[rows] // WINDOW
    values = matrix(batch, rows)
    of_job = jobs.codes[rows]
    for code in np.unique(of_job).tolist():
        gang = _gang(state, jobs.values[code], roster) if code >= 0 else None
        if gang is None:
            continue
        mine = np.flatnonzero(of_job == code)
        names = (hosts.values[at] for at in hosts.codes[rows[mine]].tolist())
        ranks = np.array([gang.ranks.get(name, -1) for name in names])
        for slot in np.unique(slots[mine]).tolist():
            there = (slots[mine] == slot) & (ranks >= 0)
            window = _window(gang, slot, state.clock)
            if window is not None:
                np.add.at(_grid(window.sums), ranks[there], values[mine[there]])
                np.add.at(np.frombuffer(window.counts, np.int64), ranks[there], 1)


def judged(state: Gangs, now: int, roster: Roster) -> Iterator[Odd]:
    """Judge every window that is over; the ranks that differ. Jobs that have ended are forgotten."""
    state.clock = max(state.clock, now)
    for uid in list(state.jobs):
        gang, job = state.jobs[uid], roster.jobs.get(uid)
        for slot in sorted(slot for slot in gang.open if (slot + 1) * WINDOW + GRACE <= state.clock):
            yield from _judge(uid, gang, slot, gang.open.pop(slot))
        if job is None or (job.ended and job.ended + WINDOW + GRACE < state.clock):
            del state.jobs[uid]


def _gang(state: Gangs, uid: str, roster: Roster) -> Gang | None:
    gang, job = state.jobs.get(uid), roster.jobs.get(uid)
    if gang is not None or job is None or job.ended or len(job.hosts) < FEWEST:
        return gang
    if len(state.jobs) >= _MOST_JOBS:
        return None
    state.jobs[uid] = gang = _begun(job)
    return gang


def _begun(job: Running) -> Gang:
    ranks = {host: at for at, host in enumerate(dict.fromkeys(job.hosts))}
    size = len(ranks) * WIDTH * 8
    first = job.started // WINDOW  # the first window is not whole: ranks do not start at the same second
    tests = 2 * len(SHIFTS)
    return Gang(
        ranks, bytearray(size), bytearray(tests * size), bytearray(tests * size), bytearray(WIDTH * 8), closed=first
    )


def _window(gang: Gang, slot: int, clock: int) -> Window | None:
    found = gang.open.get(slot)
    if found is None and gang.closed < slot <= clock // WINDOW + 1 and len(gang.open) < _MOST_OPEN:
        ranks = len(gang.ranks)
        found = gang.open[slot] = Window(bytearray(ranks * WIDTH * 8), bytearray(ranks * 8))
    return found


def _grid(data: bytearray, *sides: int) -> np.ndarray:
    return np.frombuffer(data, np.float64).reshape(*sides, -1, WIDTH)


def _judge(uid: str, gang: Gang, slot: int, window: Window) -> Iterator[Odd]:
    gang.closed = max(gang.closed, slot)
    counts = np.frombuffer(window.counts, np.int64)
    there = np.flatnonzero(counts >= INTERVALS * 0.8)
    if len(there) < max(FEWEST, len(counts) // 2):
        return
    differing = differences(_grid(window.sums)[there] / counts[there, None], INTERVALS)
    usual, scores, since = _grid(gang.usual), _grid(gang.scores, len(SHIFTS), 2), np.frombuffer(gang.since, np.int64)
    middle, wide = spread(differing)
    differing -= middle
    wide = _spread(gang, wide, len(there))
    deviations = (differing - usual[there]) / wide
    both = _sides(differing, usual[there]) / wide
    scores[:, :, there] = scored(scores[:, :, there], both * _SIDES[:, None, :])
    begun = since.reshape(scores.shape)
    begun[scores == 0] = 0
    begun[(scores > 0) & (begun == 0)] = slot * WINDOW
    if gang.seen <= _FIRST:
        scores[:, :, 0] = 0.0  # what the first rank does more than the others is learned first
    _learn(gang, usual, differing, there, both.max(axis=0))
    for rank in np.flatnonzero((scores[..., _ALONE] >= TOLD).any(axis=(0, 1, 3))).tolist():
        yield _odd(uid, gang, rank, slot, scores, begun, deviations[np.searchsorted(there, rank)])


def _sides(differing: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """How much more, and how much less: than usual, and never what only comes back towards the gang's middle.

    A host that was slow when its job began is used to less; when it is well again it is as the others, not odd.
    """
    return np.stack([differing - np.maximum(usual, 0), np.minimum(usual, 0) - differing])


def _spread(gang: Gang, now: np.ndarray, ranks: int) -> np.ndarray:
    """One deviation of each feature: of this window, and of those before the more, the fewer ranks there are."""
    kept = np.frombuffer(gang.spread, np.float64)
    gang.seen += 1
    kept += max(_LEARN, 1 / gang.seen) * (now - kept)
    trusted = ranks / (ranks + 8)
    found: np.ndarray = trusted * now + (1 - trusted) * kept
    return found


def _learn(gang: Gang, usual: np.ndarray, differing: np.ndarray, there: np.ndarray, off: np.ndarray) -> None:
    """What a rank is used to: the first rank may be anything, the others only a little off."""
    others = there != 0
    calm = (off < 3) | (gang.seen <= _FIRST)
    prior = np.where(others, _PRIOR, 0)[:, None]
    share = np.maximum(1 / (gang.seen + prior), _LEARN)
    learned = usual[there] + np.where(calm, share * (differing - usual[there]), 0.0)
    learned[others] = np.clip(learned[others], -_USED, _USED)
    usual[there] = learned


def _odd(
    uid: str, gang: Gang, rank: int, slot: int, scores: np.ndarray, begun: np.ndarray, deviations: np.ndarray
) -> Odd:
    found, first = {}, []
    mine = scores[:, :, rank]
    for name, at in AT.items():
        speed, side = np.unravel_index(int(mine[:, :, at].argmax()), mine.shape[:2])
        score = float(mine[speed, side, at])
        if score >= TOLD / 2:
            found[name] = (round(-score if side else score, 1), round(float(deviations[at]), 1))
            first.append(int(begun[speed, side, rank, at]))
    host = next(name for name, at in gang.ranks.items() if at == rank)
    return Odd(uid, host, len(gang.ranks), (slot + 1) * WINDOW, min(first), found, float(mine[:, 1, AT["clock"]].max()))
