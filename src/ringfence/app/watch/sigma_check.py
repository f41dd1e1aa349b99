"""`ringfence sigma check`: how often each rule holds in a file of events.

        RULES ──▶ ruleset ──▶ Matcher ◀── batches ◀── events ◀── FILE, whatever wrote it

The file's origin is whatever can be told from it: a part of the log source that an event does not tell agrees with
every rule. A form that is not known is taken line by line: JSON as its fields, anything else as a message.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ringfence.app.watch.rules_cache import ruleset
from ringfence.errors import InputError, Problem
from ringfence.watch.batch import of_events
from ringfence.watch.sigma import Matcher, Rule
from ringfence.wire.logs import read_as, recognise
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row
from ringfence.wire.ocsf.classes import BASE
from ringfence.wire.ocsf.event import Event

ROWS = 4096
_ANY_LINE = "linux//syslog"
"""What the reader of syslog says of a line whose program it does not know; it may be any device's."""


class Checked(msgspec.Struct, frozen=True):
    """How many events each rule matches, in the order of the rules; how many there were; and what went wrong."""

    counts: tuple[tuple[Rule, int], ...]
    events: int
    problems: tuple[Problem, ...]


def check(rules: Sequence[Path], events: Path) -> Checked:
    """Count the matches of every rule in a file of events. Raises `InputError` where a path is not there."""
    loaded, problems = ruleset(rules, own=False)
    matcher = Matcher(loaded, lenient=True)
    counts = np.zeros(len(loaded.rules), np.int64)
    total = 0
    stream = _events(events, problems)
    while batch := list(islice(stream, ROWS)):
        counts += np.bincount(matcher.match(of_events(batch)).rules, minlength=len(counts))
        total += len(batch)
    return Checked(tuple(zip(loaded.rules, counts.tolist(), strict=True)), total, tuple(problems))


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
    return row.event(0, "", "//")


class _Messages:
    """Each line as the message of an event."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        return (Event(BASE, 0, 0, "", "//", {"message": line}),) if line.strip() else ()

    def end(self) -> Iterable[Event]:
        return ()


_JSON = Form("json", "objects of no known tool", lambda head: True, lambda: Objects(_object), json=True)
_LINES = Form("lines", "lines of no known tool", lambda head: True, _Messages)
