"""Files of ours among those of others: replaced whole or not at all, and commands that have to succeed."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ringfence.errors import EnforceError, MissingPart

PATIENCE = 30.0
"""Seconds that a command may take."""


def text(path: Path) -> str:
    """What stands in a file; "" where there is none. Raises `EnforceError`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise EnforceError(f"{path} cannot be read: {error}") from error


def replace(path: Path, content: str, mode: int = 0o600) -> None:
    """Put `content` in place of a file, atomically and on disk; "" takes the file away. Raises `EnforceError`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if content:
            beside.unlink(missing_ok=True)  # of a process of this number that was killed
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        else:
            path.unlink(missing_ok=True)
        _settle(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise EnforceError(f"{path} cannot be written: {error}", remedy="nothing was changed") from error


def _settle(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, given: str = "", patience: float = PATIENCE
) -> str:
    """What a command prints. Raises `EnforceError` with what it said if it fails, `MissingPart` if it is not here."""
    try:
        done = subprocess.run(
            argv, input=given, env=env, capture_output=True, text=True, timeout=patience, check=False, errors="replace"
        )
    except FileNotFoundError as error:
        raise MissingPart(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise EnforceError(f"{argv[0]} did not answer within {patience:g} s", left=(" ".join(argv),)) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise EnforceError(f"{' '.join(argv)[:200]} failed: {said}")
    return done.stdout
