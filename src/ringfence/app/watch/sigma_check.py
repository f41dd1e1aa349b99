"""`ringfence sigma check`: how often each rule holds in a file of events.

        RULES ──▶ ruleset ──▶ Matcher ◀── batches ◀── events ◀── FILE, whatever wrote it
                     │           └─▶ hits ──▶ count
                     └──▶ Correlator ◀── hits of the whole file, by time ──▶ firings ──▶ count

The file's origin is whatever can be told from it: a part of the log source that an event does not tell agrees with
every rule. A form that is not known is taken line by line: JSON as its fields, anything else as a message.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ringfence.app.watch.rules_cache import ruleset
from ringfence.errors import InputError, Problem
from ringfence.watch.batch import of_events
from ringfence.watch.correlate import Correlator, Firing, Plan, Points, Source, State, plans
from ringfence.watch.correlate.correlator import LATENESS
from ringfence.watch.sigma import Correlation, Matcher, Rule
from ringfence.wire.logs import read_as, recognise
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row, micros
from ringfence.wire.ocsf.classes import BASE
from ringfence.wire.ocsf.event import Event

ROWS = 4096
_TIMES = ("@timestamp", "timestamp", "time", "UtcTime", "SystemTime", "TimeCreated", "EventTime", "ts")
"""What tools call the time of an event, in the order in which they are asked."""
_ANY_LINE = "linux//syslog"
"""What the reader of syslog says of a line whose program it does not know; it may be any device's."""


class Checked(msgspec.Struct, frozen=True):
    """How many events each rule matches, in the order of the rules, and how often each correlation after them came
    true; how many events there were; and what went wrong.
    """

    counts: tuple[tuple[Rule | Correlation, int], ...]
    events: int
    problems: tuple[Problem, ...]


def check(rules: Sequence[Path], events: Path) -> Checked:
    """Count the matches of every rule and correlation in a file. Raises `InputError` where a path is not there."""
    loaded, problems = ruleset(rules, own=False)
    made, refused = plans(loaded)
    problems += refused
    matcher, source = Matcher(loaded, lenient=True), Source(made, loaded.rules)
    counts = np.zeros(len(loaded.rules), np.int64)
    points: list[Points] = []
    total = 0
    stream = _events(events, problems)
    while batch := list(islice(stream, ROWS)):
        columns = of_events(batch)
        hits = matcher.match(columns)
        counts += np.bincount(hits.rules, minlength=len(counts))
        points += source.points(columns, hits)
        total += len(batch)
    fired = _fired(made, points, str(events), problems)
    often: list[tuple[Rule | Correlation, int]] = [*zip(loaded.rules, counts.tolist(), strict=True)]
    often += [(one.rule, fired[one.rule.id]) for one in made]
    return Checked(tuple(often), total, tuple(problems))


def _fired(made: Sequence[Plan], points: Sequence[Points], file: str, problems: list[Problem]) -> Counter[str]:
    """How often each correlation came true. The file is taken by time: its lines may stand in any order."""
    order = sorted((time, at, row) for at, one in enumerate(points) for row, time in enumerate(one.times))
    if order and order[0][0] <= 0:
        untimed = sum(1 for time, *_ in order if time <= 0)
        what = f"{untimed} hits that correlations count tell no time; they are taken to be of one moment"
        problems.append(Problem(file, 0, what, "give events a time, as the tool that wrote them names it"))
    correlator = Correlator(made)
    state = State(until=-LATENESS)  # nothing is settled, not even what has no time
    found: Counter[str] = Counter()
    for begin in range(0, len(order), ROWS):
        here = order[begin : begin + ROWS]
        found.update(_told(correlator.take(state, _picked(points, here), max(0, here[-1][0]))))
    found.update(_told(correlator.end(state)))
    for name, lost in correlator.counts(state).items():
        if lost.shed or lost.evicted:
            what = f"{name}: {lost.shed} hits and {lost.evicted} groups were forgotten for want of room"
            problems.append(Problem(file, 0, what, "try fewer events, or a shorter time span"))
    return found


def _told(fired: Iterable[Firing]) -> Iterator[str]:
    return (one.correlation for one in fired if not one.again)


def _picked(points: Sequence[Points], order: Iterable[tuple[int, int, int]]) -> Iterator[Points]:
    """These hits alone, as (time, place of their points, row)."""
    rows: dict[int, list[int]] = {}
    for _, at, row in order:
        rows.setdefault(at, []).append(row)
    for at, chosen in rows.items():
        one = points[at]
        yield Points(
            one.correlation,
            one.step,
            [max(0, one.times[row]) for row in chosen],
            [one.groups[row] for row in chosen],
            [one.refs[row] for row in chosen],
            [one.values[row] for row in chosen] if one.values else [],
        )


def _events(path: Path, problems: list[Problem]) -> Iterator[Event]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", remedy="name a file of events") from None
    form = recognise(data) or (_JSON if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else _LINES)
    for one in read_as(form, str(path), data):
        if isinstance(one, Problem):
            problems.append(one)
        elif one.logsource == _ANY_LINE:
            yield msgspec.structs.replace(one, logsource="//")
        else:
            yield one


def _object(record: dict[str, Any]) -> Event:
    row = Row(BASE)
    row.take_all(record)
    when = (micros(record[name]) for name in _TIMES if name in record)
    return row.event(next(when, 0), "", "//")


class _Messages:
    """Each line as the message of an event."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        return (Event(BASE, 0, 0, "", "//", {"message": line}),) if line.strip() else ()

    def end(self) -> Iterable[Event]:
        return ()


_JSON = Form("json", "objects of no known tool", lambda head: True, lambda: Objects(_object), json=True)
_LINES = Form("lines", "lines of no known tool", lambda head: True, _Messages)
