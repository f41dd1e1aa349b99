"""Plain files, whole and bounded: what an estate or a small file of settings is read with.

A pipe would be waited for without end, a device has none: neither is read, and what a name leads to is looked at
after it was opened, so that nothing can take its place in between.
"""

import io
import os
import stat
from pathlib import Path

from ringfence.errors import UsageError

SMALL = 16 << 20
"""Bytes of a file that a person writes, at most."""

_MARK = 32
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind(mode: int) -> str:
    """What a file of this mode is in words, "" for a plain one."""
    return next((what for test, what in _KINDS if test(mode)), "")


def read(path: Path, most: int = SMALL, remedy: str = "", begins: tuple[bytes, ...] = ()) -> bytes:
    """All bytes of a plain file, or of one that a link leads to.

    `most`: how many at most. `begins`: what it must begin with; of another only the beginning is read and given back.
    Raises `UsageError` with `remedy` where it is none, longer, or cannot be read.
    """
    try:
        with _opened(path) as file:
            about = os.fstat(file.fileno())
            if what := kind(about.st_mode):
                raise UsageError(f"{path} is {what}, which is not read", remedy or "name a plain file")
            if begins and not file.peek(_MARK).startswith(begins):
                return file.read(_MARK)
            data = file.read(_room(about.st_size, most)) if about.st_size <= most else None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", remedy) from None
    if data is None or len(data) > most:
        raise UsageError(f"{path} has more than {most >> 20:,} MiB, which is not read", remedy)
    return data


def _room(size: int, most: int) -> int:
    """How many bytes to ask for: as many as it says it has and one more; memory is taken for all that is asked for."""
    return (size or min(most, SMALL)) + 1  # files of /proc say that they have none


def text(path: Path, remedy: str = "") -> str:
    """The text of a plain file that a person writes (UTF-8). Raises `UsageError`."""
    try:
        return read(path, remedy=remedy).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", remedy) from None


def begins_with(path: Path, marks: tuple[bytes, ...]) -> bool:
    """Whether it is a plain file that begins with one of these (32 bytes each at most)."""
    try:
        with _opened(path) as file:
            return not kind(os.fstat(file.fileno()).st_mode) and file.peek(_MARK).startswith(marks)
    except OSError:
        return False


def _opened(path: Path) -> io.BufferedReader:
    flags = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return open(path, "rb", opener=lambda name, wanted: os.open(name, wanted | flags))
