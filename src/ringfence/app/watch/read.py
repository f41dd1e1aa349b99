"""Files of logs, whatever wrote them, as batches in the order of their times.

        FILE… ─▶ recognised by content ─▶ events ─┐
        FILE… ─▶ …                               ─┴▶ merged by time ─▶ batches

A file is read line by line where its form allows, so that its size does not matter. Two files are merged as they are
read; within a file the order of lines stays.
"""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ringfence.errors import InputError, Problem
from ringfence.watch.batch import Batch, of_events
from ringfence.wire.logs import recognise
from ringfence.wire.logs.feed import Following, read_as
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.head import HEAD
from ringfence.wire.ocsf.event import Event

ROWS = 4096
_PIECE = 1 << 20


def files_in(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those below the folders named, sorted. Raises `InputError` for what is not there."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(sorted(one for one in path.rglob("*") if one.is_file()))
        elif path.exists():
            found[path] = None
        else:
            raise InputError(f"{path} is not there", remedy="name log files, or folders of them")
    return list(found)


def batches(paths: Iterable[Path], problems: list[Problem], rows: int = ROWS) -> Iterator[Batch]:
    """All events of these files in batches; what cannot be read is added to `problems`."""
    streams = [_dated(events_of(path, problems)) for path in files_in(paths)]
    held: list[Event] = []
    for _, event in heapq.merge(*streams, key=lambda one: one[0]):
        held.append(event)
        if len(held) >= rows:
            yield of_events(held)
            held = []
    if held:
        yield of_events(held)


def events_of(path: Path, problems: list[Problem]) -> Iterator[Event]:
    """The events of one file; its name is the source of those that name none."""
    for one in _read(path):
        if isinstance(one, Problem):
            problems.append(one)
        else:
            yield one if one.source else msgspec.structs.replace(one, source=f"file/{path.name}")


def _read(path: Path) -> Iterator[Event | Problem]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            form = recognise(head)
            if form is None:
                yield Problem(str(path), 0, "a form of log that is not known", "docs/logs.md lists those that are read")
            elif form.whole is not None or _is_document(form, head):
                yield from read_as(form, str(path), head + file.read())
            else:
                following = Following(form, str(path))
                piece = head
                while piece:
                    yield from following.feed(piece)
                    piece = file.read(_PIECE)
                yield from following.end()
    except OSError as error:
        yield Problem(str(path), 0, f"cannot be read: {error.strerror}", "check the file and its mode")


def _is_document(form: Form, head: bytes) -> bool:
    """JSON that is not one object a line."""
    first = head.lstrip().partition(b"\n")[0].rstrip()
    return form.json and not (first.startswith(b"{") and first.endswith(b"}"))


def _dated(events: Iterator[Event]) -> Iterator[tuple[int, Event]]:
    """Each event with the time that it is merged by: its own, but never before the one above it."""
    last = 0
    for event in events:
        last = max(last, event.time)
        yield last, event
