"""Files of logs, whatever wrote them, as batches in the order of their times.

        FILE… ─▶ recognised by content ─▶ events ─┐
        FILE… ─▶ …                               ─┴▶ merged by time ─▶ batches

A file is read line by line where its form allows, so that its size does not matter. Two files are merged as they are
read; within a file the order of lines stays.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ringfence.app.watch.filled import filled
from ringfence.errors import InputError, Problem
from ringfence.watch.batch import Batch, of_events
from ringfence.wire.logs import FORMS, form_named, mapping, recognise
from ringfence.wire.logs.feed import Following, read_as, spans_lines
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.head import HEAD, PASSED_OVER
from ringfence.wire.ocsf.event import Event

ROWS = 4096
_PIECE = 1 << 20


class Forms(msgspec.Struct, frozen=True):
    """The forms that are recognised: those named by the user first. `cluster` is that of Slurm logs that name none."""

    named: tuple[Form, ...] = ()
    cluster: str = ""

    def of(self, head: bytes) -> Form | None:
        """The form of a log by its first bytes."""
        return recognise(head, (*self.named, *FORMS))

    def named_as(self, name: str) -> Form:
        """The form of this name. Raises `InputError` where there is none."""
        found = next((form for form in self.named if form.name == name), None) or form_named(name)
        if found is None:
            raise InputError(f"no form of log is called {name!r}", remedy="docs/logs.md lists them")
        return found


def files_in(paths: Iterable[Path]) -> dict[Path, str]:
    """The files named, and those below the folders named, each with a name that no other has.

    Two files of one name are two sources: a folder's are called by their path below it. Raises `InputError` for what
    is not there.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            found |= {one: str(one.relative_to(path)) for one in sorted(path.rglob("*")) if one.is_file()}
        elif path.exists():
            found[path] = path.name
        else:
            raise InputError(f"{path} is not there", remedy="name log files, or folders of them")
    names = Counter(found.values())
    return {path: name if names[name] == 1 else str(path) for path, name in found.items()}


def batches(
    paths: Iterable[Path], problems: list[Problem], forms: Forms | None = None, rows: int = ROWS
) -> Iterator[Batch]:
    """All events of these files in batches; what cannot be read is added to `problems`."""
    streams = [_dated(events_of(path, name, problems, forms or Forms())) for path, name in files_in(paths).items()]
    held: list[Event] = []
    for _, event in heapq.merge(*streams, key=lambda one: one[0]):
        held.append(event)
        if len(held) >= rows:
            yield of_events(held)
            held = []
    if held:
        yield of_events(held)


def events_of(path: Path, name: str, problems: list[Problem], forms: Forms) -> Iterator[Event]:
    """The events of one file; its name is their source."""
    for one in _read(path, forms):
        if isinstance(one, Problem):
            problems.append(one)
        else:
            yield filled(one, f"file/{name}", forms.cluster, counted=True)


def _read(path: Path, forms: Forms) -> Iterator[Event | Problem]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            form = forms.of(head) or _below(file, head, forms)
            if form is None:
                yield Problem(str(path), 0, "a form of log that is not known", "docs/logs.md lists those that are read")
            elif form.whole is not None or spans_lines(form, head):
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


def _below(file: BinaryIO, head: bytes, forms: Forms) -> Form | None:
    """The form of what stands below lines at the start that are longer than the head; the file stays where it was."""
    if not file.seekable():
        return None
    here, form, window = file.tell(), None, head
    for _ in range(PASSED_OVER):
        if form is not None or len(window) < HEAD or window.count(b"\n") > PASSED_OVER:
            break
        piece = file.read(_PIECE)
        while piece and b"\n" not in piece:
            piece = file.read(_PIECE)
        window = piece.partition(b"\n")[2]
        window = (window + file.read(max(0, HEAD - len(window))))[:HEAD]
        form = forms.of(window)
    file.seek(here)
    return form


def forms_of(mappings: Iterable[Path], cluster: str) -> Forms:
    """The forms with those of some mapping files (docs/logs.md). Raises `InputError`."""
    return Forms(tuple(mapping.form(_mapping(path)) for path in mappings), cluster)


def _mapping(path: Path) -> mapping.Mapping:
    try:
        return mapping.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", remedy="name a mapping file") from None


def _dated(events: Iterator[Event]) -> Iterator[tuple[int, Event]]:
    """Each event with the time that it is merged by: its own, but never before the one above it."""
    last = 0
    for event in events:
        last = max(last, event.time)
        yield last, event
