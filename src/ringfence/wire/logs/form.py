"""What a reader of logs is: recognised by content, fed line by line or all at once, yielding events and problems.

head ──looks──▶ the form ──reader()──▶ feed, feed, … end ──▶ Event | Problem
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from ringfence.errors import Problem
from ringfence.wire.ocsf.event import Event

LONGEST_LINE = 1 << 20
"""Bytes: a longer line is a counted problem, never an event."""

Found = Iterator[Event | Problem]


class Reader(Protocol):
    """One file or stream, from its first line to its last. Keeps what spans lines: a header, a record in pieces."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The events that this line completes. Raises `ValueError`, `KeyError` or `TypeError` where it is none."""

    def end(self) -> Iterable[Event]:
        """What was still open."""


class Form(msgspec.Struct, frozen=True):
    """One form of log: its name, what it is, how its first bytes look, and its reader.

    `looks` sees up to 64 KiB. Where `whole` stands the form is binary or one document and is read at once; then
    `reader` is absent. `whole` raises `InputError`. `json`: each record is a JSON object, which a file may also hold
    pretty-printed or as one array; the reader is fed one object at a time either way.
    """

    name: str
    meaning: str
    looks: Callable[[bytes], bool]
    reader: Callable[[], Reader] | None = None
    whole: Callable[[str, bytes], Found] | None = None
    json: bool = False
