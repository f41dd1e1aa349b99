"""From bytes to events: whole files at once, streams as they come; what is no event is a `Problem` with its line.

        bytes ──lines──▶ text, number ──Reader.feed──▶ Event …
                  └ too long, not UTF-8, NUL ──▶ Problem

A byte that is not text cannot hide a line: it is replaced by U+FFFD, told as a problem, and the line is read.
"""

import csv
from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.wire import safe
from ringfence.wire.logs.form import LONGEST_LINE, Form, Found, Reader
from ringfence.wire.ocsf.event import Event

_MARK = b"\xef\xbb\xbf"
_REMEDY = "see docs/logs.md for the forms that are read"
BAD = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError),
    *(msgspec.MsgspecError, csv.Error),
)
"""What a reader may raise on a line that is not its own."""


class Lines:
    """A stream cut at its line feeds. A line that is too long comes once, cut one byte beyond `most`."""

    def __init__(self, most: int = LONGEST_LINE) -> None:
        self._most = most
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete, without their ends."""
        *whole, rest = data.split(b"\n")
        for part in whole:
            if self._skipping:
                self._skipping = False
            else:
                self._rest += part
                yield self._taken()
        if not self._skipping:
            self._rest += rest
        if len(self._rest) > self._most:
            yield self._taken()
            self._skipping = True

    def end(self) -> Iterator[bytes]:
        """The last line, if it had no end."""
        if self._rest:
            yield self._taken()

    def _taken(self) -> bytes:
        line = bytes(self._rest[: self._most + 1])
        self._rest.clear()
        return line


class Following:
    """A stream of one form: `feed` takes bytes as they arrive, `end` gives what was still open.

    `name` is the stream's, for problems. Holds one unfinished line at most, and that no longer than `LONGEST_LINE`.
    """

    def __init__(self, form: Form, name: str) -> None:
        if form.reader is None:
            raise InputError(f"{form.name} is read as a whole, it cannot be followed")
        self._reader: Reader = form.reader()
        self._name = name
        self._lines = Lines()
        self.number = 0

    def feed(self, data: bytes) -> Found:
        """The events of the lines that these bytes complete."""
        for raw in self._lines.feed(data):
            yield from self.record(raw)

    def record(self, raw: bytes, number: int = 0) -> Found:
        """The events of one line or message, without its end. A line feed in it is a character like any other.

        `number` is its line where it is not the next.
        """
        self.number = number or self.number + 1
        if len(raw) > LONGEST_LINE:
            yield Problem(self._name, self.number, f"a line of more than {LONGEST_LINE:,} bytes was dropped", _REMEDY)
            return
        text, problem = _text(raw.removeprefix(_MARK) if self.number == 1 else raw)
        if problem:
            yield Problem(self._name, self.number, problem, "the line was read with them replaced")
        if text.strip():
            yield from guarded(self._reader, text, self._name, self.number)

    def end(self) -> Found:
        """The last line, if it had no end, and whatever the reader still holds."""
        for raw in self._lines.end():
            yield from self.record(raw)
        yield from ending(self._reader, self._name, self.number)


class Streams:
    """Many streams at once, each with its own reader: what the listeners hear, by who sent it.

    Of more than `most` the one that was silent longest is ended; what its reader held is not lost.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._open: dict[tuple[str, str], Following] = {}

    def take(self, source: str, form: Form, raw: bytes) -> Iterator[tuple[str, Event | Problem]]:
        """The events of one line or message of a source, each with whose it is: another's too, where that one ends."""
        key = (source, form.name)
        following = self._open.pop(key, None) or Following(form, source)
        self._open[key] = following  # the newest stands last
        yield from ((source, one) for one in following.record(raw))
        if len(self._open) > self._most:
            yield from self._ended()

    def end(self) -> Iterator[tuple[str, Event | Problem]]:
        """What every reader still holds, with whose it is."""
        while self._open:
            yield from self._ended()

    def _ended(self) -> Iterator[tuple[str, Event | Problem]]:
        key = next(iter(self._open))
        yield from ((key[0], one) for one in self._open.pop(key).end())


def guarded(reader: Reader, text: str, name: str, number: int) -> Found:
    """What a reader makes of one line; its complaint as a problem."""
    try:
        yield from reader.feed(text, number)
    except BAD as error:
        yield Problem(name, number, f"not an event: {said(error)}", _REMEDY)


def ending(reader: Reader, name: str, number: int) -> Found:
    """What a reader still holds at the end."""
    try:
        yield from reader.end()
    except BAD as error:
        yield Problem(name, number, f"cut short: {said(error)}", _REMEDY)


def read_as(form: Form, name: str, data: bytes) -> Iterator[Event | Problem]:
    """The events of a whole file that is known to be of a form."""
    if form.whole is not None:
        try:
            yield from form.whole(name, safe.bounded(data))
        except InputError as error:
            yield Problem.of(name, error)
        return
    following = Following(form, name)
    if spans_lines(form, data):
        for number, raw in documents(data):
            yield from following.record(raw, number)
    else:
        yield from following.feed(data)
    yield from following.end()


def spans_lines(form: Form, head: bytes) -> bool:
    """Whether the file that begins so is pretty-printed or an array: no stream, but to be read as a whole."""
    first = head[:LONGEST_LINE].removeprefix(_MARK).lstrip().partition(b"\n")[0].rstrip()
    return form.json and first.startswith((b"{", b"[")) and not (first.startswith(b"{") and first.endswith(b"}"))


def documents(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, JSON text) of each object in a file: one a line, an array of them, or pretty-printed.

    A pretty-printed object begins with `{` and ends with `}` in the first column, so that one which is damaged does
    not swallow the next.
    """
    data = data.removeprefix(_MARK)
    if data.lstrip().startswith(b"["):
        try:
            parts = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError):
            parts = None
        if parts is not None:
            yield from _elements(data, parts)
            return
    held: list[bytes] = []
    since = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        line = line.rstrip(b"\r")
        opens = line.startswith(b"{")
        if held and opens:  # the one before was cut short
            yield since, b"\n".join(held)
            held = []
        if held:
            held.append(line)
            if line.startswith(b"}"):
                yield since, b"\n".join(held).rstrip(b", ")
                held = []
        elif opens and not line.endswith((b"}", b"},", b"}]", b" ")):
            held, since = [line], number
        elif line.strip(b" \t,[]"):
            yield number, line.strip(b" \t,[]")
    if held:
        yield since, b"\n".join(held)


def _elements(data: bytes, parts: list[msgspec.Raw]) -> Iterator[tuple[int, bytes]]:
    at, number = 0, 1
    for part in parts:
        raw = bytes(part)
        found = data.index(raw, at)
        number += data.count(b"\n", at, found)
        at = found + len(raw)
        yield number, raw
        number += raw.count(b"\n")


def _text(raw: bytes) -> tuple[str, str]:
    """A line as text, and what was wrong with its bytes, "" for nothing."""
    raw = raw.rstrip(b"\r")
    what = "NUL bytes in the line" if b"\0" in raw else ""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte {error.start + 1} of the line"
        text = raw.decode("utf-8", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if what else text, what


def said(error: Exception) -> str:
    """What an error says of hostile input, in one clean line."""
    if isinstance(error, KeyError) and error.args:
        return f"{ids.clean(str(error.args[0]))} is missing"
    return ids.clean(safe.type_name(error)) or type(error).__name__
