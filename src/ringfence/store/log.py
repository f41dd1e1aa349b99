"""A log of entries on disk that is read from a number on: what was appended and synced is there after a crash.

        append ─▶ │…0001.log│…0513.log│ ◀─ sync     read(after) ─▶ (number, body) …     forget(before) ─▶ whole files

A frame is the length, the CRC-32 and the body; the first number is the file's name. A frame that a crash cut off ends
its file when it is opened again: nobody was promised it. Nothing old makes room for what is new: over `most` bytes, or
on a full disk, appending fails, and the caller tells its senders to wait. One process at a time, by a lock.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from ringfence.errors import StateError
from ringfence.store.journal import durable

FILE = 64 << 20
_HEAD = 8
_LONGEST = 256 << 20


class Log:
    """An open log. Raises `StateError` where the folder cannot be used or another process has it."""

    def __init__(self, folder: Path, most: int = 8 << 30, file: int = FILE) -> None:
        self._folder, self._most, self._limit = folder, most, file
        try:
            durable.ensure(folder)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(f"{folder} is in use by another process", "name another folder, or end it") from None
        except OSError as error:
            raise StateError(f"{folder}: {error.strerror}", "name a folder that can be written") from None
        self._firsts = sorted(int(one.stem) for one in folder.glob("*.log"))
        self._sizes = {first: self._path(first).stat().st_size for first in self._firsts}
        self._next = 1
        self.lost = 0
        self._handle = -1
        self._recover()

    @property
    def last(self) -> int:
        """The newest entry's number, 0 for none ever."""
        return self._next - 1

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(self._sizes.values())

    def append(self, bodies: Sequence[bytes]) -> int:
        """Write entries; the number of the last. They are promised only after `sync`. All of them, or an error."""
        frames = b"".join(_frame(body) for body in bodies)
        if self.size + len(frames) > self._most:
            raise StateError(f"{self._folder} holds {self.size:,} bytes, its most", "what reads it is behind")
        if self._sizes[self._firsts[-1]] > self._limit:
            self._begin()
        current = self._firsts[-1]
        at = self._sizes[current]
        try:
            written = os.pwrite(self._handle, frames, at)
            if written != len(frames):
                raise OSError(28, "no space left on device")
        except OSError as error:
            os.ftruncate(self._handle, at)
            raise StateError(f"{self._folder} cannot grow: {error.strerror}", "make room; nothing was lost") from None
        self._sizes[current] += len(frames)
        self._next += len(bodies)
        return self.last

    def sync(self) -> None:
        """Have the disk keep what was appended. Raises `StateError` when it cannot."""
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            raise StateError(f"{self._folder}: {error.strerror}", "mend the disk") from None

    def read(self, after: int, count: bool = True) -> Iterator[tuple[int, bytes]]:
        """The entries after a number, with theirs. What a damaged file no longer has is counted in `lost`.

        A second reader, in a thread of its own, has that not counted again; files that went meanwhile it passes by.
        """
        firsts = [*self._firsts, self._next]
        for first, following in pairwise(firsts):
            if following <= after + 1:
                continue
            number = first - 1
            try:
                for number, (body, _) in enumerate(_frames(self._path(first)), first):
                    if after < number < following:
                        yield number, body
            except FileNotFoundError:
                if count:
                    raise
            if count:
                self.lost += max(0, following - 1 - max(number, after))

    def forget(self, before: int) -> None:
        """Remove the files whose entries are all older than a number."""
        while len(self._firsts) > 1 and self._firsts[1] <= before:
            gone = self._firsts.pop(0)
            del self._sizes[gone]
            self._path(gone).unlink(missing_ok=True)

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._handle)
        os.close(self._lock)

    def _recover(self) -> None:
        """Find the end, cut off what was not finished, go on in the last file."""
        if not self._firsts:
            self._begin()
            return
        first = self._firsts[-1]
        ends = [end for _, end in _frames(self._path(first))]
        end = ends[-1] if ends else 0
        self._next = first + len(ends)
        self._handle = os.open(self._path(first), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        os.ftruncate(self._handle, end)
        self._sizes[first] = end

    def _begin(self) -> None:
        path = self._path(self._next)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            durable.sync(self._folder)
        except OSError as error:
            raise StateError(f"{self._folder} cannot grow: {error.strerror}", "make room; nothing was lost") from None
        if self._handle >= 0:
            self.sync()
            os.close(self._handle)
        self._handle = handle
        self._firsts.append(self._next)
        self._sizes[self._next] = 0

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:020d}.log"


def _frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def _frames(path: Path) -> Iterator[tuple[bytes, int]]:
    """Every whole entry of a file, and where it ends."""
    end = 0
    with path.open("rb") as file:
        while True:
            head = file.read(_HEAD)
            size = int.from_bytes(head[:4], "big")
            if len(head) < _HEAD or not 0 < size <= _LONGEST:  # zeros are what a power failure leaves
                return
            body = file.read(size)
            if len(body) < size or zlib.crc32(body) != int.from_bytes(head[4:], "big"):
                return
            end += _HEAD + size
            yield body, end
