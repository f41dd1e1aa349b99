"""Private files and addresses, as commands name them."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence.errors import StateError, UsageError
from ringfence.store.journal import durable

_MOST = 1 << 20


def write(folder: Path, name: str, data: bytes) -> None:
    """Put a private file (0600) in place, whole."""
    durable.sync(durable.put(folder, name, data))


@contextmanager
def alone(folder: Path, wait: float = 5.0) -> Iterator[None]:
    """One process at a time changes what is in a folder, which is made. Raises `StateError` after `wait` seconds."""
    try:
        durable.ensure(folder)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror}", "check the folder, its owner and disk") from None
    try:
        until = time.monotonic() + wait
        while not _locked(lock):
            if time.monotonic() > until:
                raise StateError(f"{folder} is in use by another process", "try again; nothing was changed")
            time.sleep(0.01)
        yield
    finally:
        os.close(lock)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def new(path: Path, data: bytes) -> None:
    """Make a private file (0600) that was not there. Raises `UsageError`."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a new file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def address(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT`, an IPv6 address in brackets. Raises `UsageError`."""
    name, _, port = text.rpartition(":")
    if not name or not port.isdigit() or not 0 <= int(port) < 65536:
        raise UsageError(f"{text!r} is not HOST:PORT", "for example fence01:8443 or [fd00::1]:8443")
    return name.strip("[]"), int(port)


def private(path: Path) -> bytes:
    """The bytes of a file that only its owner can read, or of standard input for `-`. Raises `UsageError`."""
    if str(path) == "-":
        with os.fdopen(os.dup(0), "rb") as file:
            return file.read(_MOST)
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise UsageError(f"{path} can be read by others", f"chmod 600 {path}")
            return file.read(_MOST)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
