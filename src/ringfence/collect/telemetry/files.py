"""Log files as they grow: lines as they are finished, through rotation, truncation and restarts.

        path ─▶ new bytes, bounded ─▶ Heard(source, form, line) …
          │ renamed or removed: the old file is read to its end first, then the new one from its start
          └ cut to nothing and written again (copytruncate): from the start

A file's form is recognised when its first line is whole. `places` says how far each was read, so that a restart goes on
there. What was written to a file between its last reading and its cutting is gone; the cut is told as a problem.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ringfence.collect.telemetry.heard import Heard
from ringfence.errors import Problem
from ringfence.wire.logs import recognise
from ringfence.wire.logs.feed import Lines, spans_lines
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.head import HEAD

PIECE = 1 << 20
"""Bytes of one file that one look reads at most, so that a file in flood keeps no other waiting."""


class Place(msgspec.Struct, frozen=True):
    """How far a file was read: its device and inode, the bytes up to the last whole line, and its form's name."""

    device: int
    inode: int
    offset: int
    form: str


class Files:
    """Some files, each with its place. `look` again and again; nothing waits."""

    def __init__(self, paths: Iterable[Path], places: dict[str, Place] | None = None) -> None:
        every = list(dict.fromkeys(paths))
        names = Counter(path.name for path in every)
        self._open = {}
        for path in every:
            name = path.name if names[path.name] == 1 else str(path)
            self._open[str(path)] = _Growing(path, f"file/{name}", (places or {}).get(str(path)))

    def look(self) -> Iterator[Heard | Problem]:
        """What is new, at most `PIECE` bytes of each file."""
        for growing in self._open.values():
            yield from growing.look()

    def places(self) -> dict[str, Place]:
        """How far each file was read; of a file that was never there, nothing."""
        return {path: place for path, growing in self._open.items() if (place := growing.place()) is not None}

    def close(self) -> None:
        """End."""
        for growing in self._open.values():
            growing.close()


class _Growing:
    def __init__(self, path: Path, source: str, place: Place | None) -> None:
        self._path, self._source, self._from = path, source, place
        self._descriptor = -1
        self._read = self._whole = 0
        self._lines = Lines()
        self._head = bytearray()
        self._form: Form | None = None
        self._refused = ""
        self._ignored = False
        self._header: list[bytes] = []

    def place(self) -> Place | None:
        """How far it was read."""
        if self._descriptor < 0:
            return self._from
        found = os.fstat(self._descriptor)
        return Place(found.st_dev, found.st_ino, self._whole, self._form.name if self._form else "")

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def look(self) -> Iterator[Heard | Problem]:
        """The lines that are new, and what is wrong with the file."""
        try:
            if self._descriptor < 0 and not self._begin():
                return
            yield from self._cut()
            yield from self._heard(self._header)
            self._header = []
            data = os.read(self._descriptor, PIECE)
            self._refused = ""
            if data:
                yield from self._take(data)
            elif self._moved():
                yield from self._heard(self._lines.end())
                self.close()
        except OSError as error:
            self.close()
            if self._refused != str(error.strerror):  # once, not at every look
                self._refused = str(error.strerror)
                yield Problem(str(self._path), 0, f"cannot be read: {error.strerror}", "check the file and its mode")

    def _begin(self) -> bool:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        self._lines, self._form = Lines(), None
        self._head.clear()
        self._read = self._whole = 0
        self._ignored = False
        found = os.fstat(self._descriptor)
        known, self._from = self._from, None
        if known and (found.st_dev, found.st_ino) == (known.device, known.inode) and found.st_size >= known.offset:
            head = os.pread(self._descriptor, HEAD, 0)
            self._form = recognise(head)
            self._header = [line for line in head.split(b"\n") if line.startswith(b"#")]  # names of columns
            self._read = self._whole = os.lseek(self._descriptor, known.offset, os.SEEK_SET)
        return True

    def _cut(self) -> Iterator[Problem]:
        if os.fstat(self._descriptor).st_size < self._read:
            yield Problem(str(self._path), 0, "was cut; what was added since it was last read is lost")
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self._lines, self._read, self._whole = Lines(), 0, 0

    def _moved(self) -> bool:
        """Whether the path names another file by now, or none."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return True
        mine = os.fstat(self._descriptor)
        return (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino)

    def _take(self, data: bytes) -> Iterator[Heard | Problem]:
        self._read += len(data)
        if self._ignored:
            return
        if self._form is None:
            self._head += data
            if b"\n" not in self._head and len(self._head) < HEAD:
                return
            data = bytes(self._head)
            self._head.clear()
            self._form = recognise(data[:HEAD])
            if self._form is None or self._form.reader is None or spans_lines(self._form, data):
                why = f"{self._form.name} is no form that grows" if self._form else "no form of log that is known"
                self._form, self._ignored = None, True
                yield Problem(str(self._path), 0, why, "docs/logs.md lists the forms")
                return
        yield from self._heard(self._lines.feed(data))
        last = data.rfind(b"\n")
        if last >= 0:
            self._whole = self._read - (len(data) - last - 1)

    def _heard(self, lines: Iterable[bytes]) -> Iterator[Heard]:
        form = self._form
        if form is not None:
            for line in lines:
                yield Heard(self._source, form.name, line)
