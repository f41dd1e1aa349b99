"""Private files and addresses, as commands name them."""

import os
import stat
from pathlib import Path

from ringfence.errors import UsageError
from ringfence.store.journal import durable

_MOST = 1 << 20


def write(folder: Path, name: str, data: bytes) -> None:
    """Put a private file (0600) in place, whole."""
    durable.sync(durable.put(folder, name, data))


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
