"""Files that are whole or absent, and still there after the power fails."""

import os
from pathlib import Path

_NEXT = ".next"


def put(root: Path, name: str, data: bytes) -> Path:
    """Write `root/name` by way of one temporary file; gives the folder that `sync` must still be told of."""
    target = root / name
    ensure(target.parent)
    write(root / _NEXT, data)
    os.replace(root / _NEXT, target)
    return target.parent


def write(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, its content on disk before this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Put the names in `folder` on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def ensure(folder: Path) -> None:
    """Make a folder and what leads to it, 0700, each on disk."""
    if not folder.is_dir():
        ensure(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)
