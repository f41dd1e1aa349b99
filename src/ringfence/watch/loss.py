"""What of the telemetry is missing, told twice, late, forged or silent: a number per source makes loss visible.

        batch ──take──▶ which rows to keep, and TELEMETRY events: gap, drop, clock skew, resume, rejected
        time  ──tick──▶ TELEMETRY events: silence

Every enrolled source numbers its events from 1. A number that was skipped is a gap; one that comes late fills its gap;
one that was seen is a replay and is dropped and counted. A source may speak only for its own host, but for what
collectors tell. Sources that do not count (files: number 0) are not judged. The state is bounded: when too many sources
are known, the longest silent go.
"""

from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.watch.batch import Batch
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value

SECOND = 1_000_000
MOST_SOURCES = 100_000
MOST_GAPS = 64
"""Ranges of missing numbers kept per source; what comes for an older one counts as a replay."""
PATIENCE = 3
QUIET = 60 * SECOND
"""Silence is told after `PATIENCE` usual intervals, and not before this long."""
AHEAD, BEHIND = 5 * SECOND, 300 * SECOND
"""A clock this far ahead of the receiver's, or events this much older than now, are skew. Spooled events are old."""
AGAIN = 3600 * SECOND
"""Skew that goes on is told again after this long."""
LONGEST_HOLE = 4 * 3600 * SECOND
EVERY = 10 * SECOND
GAP, DROP, SKEW, SILENCE, RESUME, REJECTED, HOLE = 1, 2, 3, 4, 5, 6, 7
COLLECTED = (
    classes.BASE,
    classes.JOB,
    classes.HARDWARE,
    classes.FABRIC,
    classes.IB_PORT,
    classes.API,
    classes.CONFIG_STATE,
)
"""Classes that a collector on one host tells of others: the scheduler's, a controller's, the fabric's. What a host's
own agent tells (processes, files, flows, logins, accelerators) is never told by another. Who may be a collector is
learned by the detector of forged sources."""
CONTROLLERS = ("/bmc", "/redfish")
ACCOUNTS = (classes.AUTHENTICATION, classes.ACCOUNT_CHANGE, classes.USER_ACCESS)
"""Sensors that read management controllers tell of logins to those, too."""
_DECAY = 0.99
WHO = "ringfence/loss"


_NAMES = 1 << 17
"""Names whose host is known without asking again: every batch brings the same."""


class Source(msgspec.Struct, gc=False):
    """One source: its last number, when it was last heard, its usual interval, and what was told of it.

    `missing` are ranges of numbers not seen yet, `[from, to]`. `silent` is since when, 0 if it speaks. `hole` is until
    when its silence was announced. Times in microseconds.
    """

    host: str
    last: int = 0
    time: int = 0
    heard: int = 0
    usual: float = 0.0
    silent: int = 0
    hole: int = 0
    skewed: int = 0
    missing: list[list[int]] = []


class Loss(msgspec.Struct):
    """All sources by name, when silence was last looked for, and how many sources had to be forgotten."""

    sources: dict[str, Source] = {}
    checked: int = 0
    forgotten: int = 0


def take(state: Loss, batch: Batch) -> tuple[pa.Array | None, list[Event]]:
    """Which rows to keep (None: all), and what is to be told of the sources."""
    seq = batch.numbers("seq")
    names = batch.codes("source")
    counted = np.flatnonzero((seq > 0) & (names.codes >= 0))
    if not len(counted):
        return None, []
    found: list[Event] = []
    dropped = _forged(batch, found)
    counted = counted[~dropped[counted]] if dropped.any() else counted
    if len(counted):
        _number(state, batch, counted, dropped, found)
        _holes(state, batch, counted)
    return (pa.array(~dropped) if dropped.any() else None), found


def tick(state: Loss, now: int) -> list[Event]:
    """The sources that have fallen silent by now, by the clock of events."""
    if 0 <= now - state.checked < EVERY:
        return []
    state.checked = now
    found = []
    for name, one in state.sources.items():
        limit = max(PATIENCE * one.usual, QUIET)
        if one.silent or now - one.heard <= limit:
            continue
        one.silent = one.heard
        why = "announced" if one.heard <= one.hole and now <= one.hole else "unannounced"
        found.append(_event(SILENCE, now, one.host, name, why, seconds=(now - one.heard) / SECOND))
    return found


def _forged(batch: Batch, found: list[Event]) -> np.ndarray:
    """Rows whose source is another host's: `host:a/…` speaks for `a` alone."""
    names, hosts = batch.codes("source"), batch.codes("device.hostname")
    ids: dict[str, int] = {"": -1}
    told = np.array([ids.setdefault(_short(host), len(ids)) for host in hosts.values] + [-1])[hosts.codes]
    own = np.array([ids.setdefault(host_of(name), len(ids)) for name in names.values] + [-1])[names.codes]
    wrong: np.ndarray = (own != -1) & (told != -1) & (own != told)
    rows = np.flatnonzero(wrong)
    if len(rows):
        sensed = np.array([name.endswith(CONTROLLERS) for name in names.values] + [False])[names.codes[rows]]
        kinds = batch.classes[rows]
        allowed = np.isin(kinds, COLLECTED) | (sensed & np.isin(kinds, ACCOUNTS))
        wrong[rows[allowed]] = False
        rows = rows[~allowed]
    for code in np.unique(names.codes[rows]).tolist():
        mine = rows[names.codes[rows] == code]
        name, victim = names.values[code], hosts.of(int(mine[0]))
        when = int(_clocked(batch)[mine].max())
        found.append(_event(REJECTED, when, host_of(name), name, f"spoke for {victim[:200]}", count=len(mine)))
    return wrong


def _number(state: Loss, batch: Batch, rows: np.ndarray, dropped: np.ndarray, found: list[Event]) -> None:
    """Compare the numbers of every source with those that it used before."""
    names, seq, times, clocked = batch.codes("source"), batch.numbers("seq"), batch.times, _clocked(batch)
    order = rows[np.lexsort((seq[rows], names.codes[rows]))]
    codes, numbers = names.codes[order], seq[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    ends = np.r_[starts[1:], len(order)]
    steps = np.r_[1, np.diff(numbers)]
    steps[starts] = 1
    broken = np.add.reduceat((steps != 1).astype(np.int64), starts)
    heard = np.maximum.reduceat(clocked[order], starts)
    latest = np.maximum.reduceat(times[order], starts)
    first_time = np.minimum.reduceat(times[order], starts)
    received = batch.numbers("received")[order]
    ahead = np.maximum.reduceat(np.where(received > 0, times[order] - received, np.iinfo(np.int64).min), starts)
    columns = (
        codes[starts],
        numbers[starts],
        numbers[ends - 1],
        broken,
        heard,
        latest,
        first_time,
        ahead,
        starts,
        ends,
    )
    sources = state.sources
    for code, first, last, torn, when, newest, oldest, lead, start, end in zip(
        *(one.tolist() for one in columns), strict=True
    ):
        name = names.values[code]
        one = sources.get(name) or _source(state, name, when)
        if torn or first != one.last + 1:
            part = order[start:end]
            _compare(one, name, numbers[start:end], part, oldest, dropped, found, when)
        else:
            one.last = last
        if one.silent or when != one.heard:
            _heard(one, name, when, found)
        if newest > one.time:
            one.time = newest
        if (lead > AHEAD or lead < -BEHIND) and received[start] > 0 and not 0 <= when - one.skewed < AGAIN:
            one.skewed = when
            why = "its clock is ahead" if lead > 0 else "its clock is behind, or its events come late"
            found.append(_event(SKEW, when, one.host, name, why, seconds=lead / SECOND))


def _compare(
    one: Source,
    name: str,
    numbers: np.ndarray,
    rows: np.ndarray,
    oldest: int,
    dropped: np.ndarray,
    found: list[Event],
    when: int,
) -> None:
    """The slow way, for a source whose numbers do not just go on."""
    if not one.last and not one.missing:
        one.last = int(numbers[0]) - 1  # first met: what it sent before is not missing
    elif int(numbers[0]) == 1 and one.last > 1 and oldest > one.time:
        found.append(_event(RESUME, when, one.host, name, f"counts anew, was at {one.last}"))
        one.last, one.missing = 0, []
    lost = again = 0
    for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
        if number > one.last:
            if number > one.last + 1:
                lost += number - one.last - 1
                one.missing = [*one.missing, [one.last + 1, number - 1]][-MOST_GAPS:]
            one.last = number
        elif not _filled(one, number):
            dropped[row] = True
            again += 1
    if lost:
        found.append(_event(GAP, when, one.host, name, "numbers are missing", count=lost))
    if again:
        found.append(_event(DROP, when, one.host, name, "numbers that were seen before", count=again))


def _filled(one: Source, number: int) -> bool:
    """Whether a late number was missing; it is then no longer."""
    for at, (low, high) in enumerate(one.missing):
        if low <= number <= high:
            left = [[low, number - 1], [number + 1, high]]
            one.missing[at : at + 1] = [part for part in left if part[0] <= part[1]]
            return True
    return False


def _heard(one: Source, name: str, when: int, found: list[Event]) -> None:
    """A source spoke: its usual interval is the longest of late, forgotten slowly."""
    pause = when - one.heard
    if one.silent:
        seconds = max(pause, 0) / SECOND
        found.append(_event(RESUME, when, one.host, name, "speaks again", seconds=seconds))
        one.silent = 0
    if pause > 0:
        if one.heard:
            usual = max(PATIENCE * one.usual, QUIET)
            one.usual = max(min(pause, usual), _DECAY * one.usual)
        one.heard = when


def _holes(state: Loss, batch: Batch, counted: np.ndarray) -> None:
    """Announced silences: a hole that a source tells of its own host, or of one source there, all its lanes."""
    rows = batch.rows(classes.TELEMETRY)
    rows = rows[batch.numbers("activity_id")[rows] == HOLE]
    for row in rows[np.isin(rows, counted)].tolist():
        host = host_of(batch.text("source", row))
        seconds = float(batch.numbers("telemetry.seconds")[row]) or 1800.0
        until = int(batch.times[row]) + min(max(int(seconds), 0) * SECOND, LONGEST_HOLE)
        of = batch.text("telemetry.of", row)
        for name, one in state.sources.items():
            if one.host == host and (name.startswith(of) or "/" not in of):
                one.hole = max(one.hole, until)


def _source(state: Loss, name: str, when: int) -> Source:
    """A source that was not known."""
    if len(state.sources) >= MOST_SOURCES:
        oldest = sorted(state.sources, key=lambda known: state.sources[known].heard)[: MOST_SOURCES // 8]
        for known in oldest:
            del state.sources[known]
        state.forgotten += len(oldest)
    found = state.sources[name] = Source(host_of(name), heard=when)
    return found


@lru_cache(maxsize=_NAMES)
def host_of(source: str) -> str:
    """The host that an authenticated source may speak for, "" where it is none: `host:a/sockets` is of `a`."""
    return _short(source[5:].partition("/")[0]) if source.startswith("host:") else ""


@lru_cache(maxsize=_NAMES)
def _short(host: str) -> str:
    short = host.lower()
    return short if short.replace(".", "").isdigit() else short.partition(".")[0]


def _clocked(batch: Batch) -> np.ndarray:
    received = batch.numbers("received")
    return np.where(received > 0, received, batch.times)


def _event(activity: int, when: int, host: str, of: str, why: str, **said: Any) -> Event:
    fields: dict[str, Value] = {"telemetry.of": of, "telemetry.why": why}
    fields |= {f"telemetry.{name}": value for name, value in said.items()}
    return Event(classes.TELEMETRY, activity, when, host, "ringfence/telemetry/health", fields, WHO)
