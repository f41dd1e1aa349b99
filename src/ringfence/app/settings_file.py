"""Settings of one process: a TOML file, read into a frozen struct."""

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from ringfence.errors import InputError

T = TypeVar("T", bound=msgspec.Struct)

MOST = 4 << 20
"""Bytes of a settings file, at most."""
_AT = re.compile(r"at line (\d+)")
_NAME = re.compile(r"unknown field `([^`]+)`|at `\$\.([^`.\[]+)")


def read(path: Path, shape: type[T], page: str) -> T:
    """The settings in a regular file of at most `MOST` bytes; `page` is where they are described.

    Raises `InputError`. A pipe or a device is refused, and not waited for.
    """
    text = ""
    try:
        text = _bytes(path).decode("utf-8")
        return msgspec.convert(tomllib.loads(text), shape)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        line = _line(text, str(error))
        where = f"{path}:{line}" if line else str(path)
        raise InputError(f"{where}: {error}", line=line, remedy=f"{page} lists the settings") from None


def _bytes(path: Path) -> bytes:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(f"{path} is no regular file", remedy="name a file")
        found = file.read(MOST + 1)
    if len(found) > MOST:
        raise InputError(f"{path} has more than {MOST >> 20} MiB: no settings are as long")
    return found


def _line(text: str, error: str) -> int:
    """The line that an error is about, from 1; 0 where it tells none."""
    if told := _AT.search(error):
        return int(told[1])
    named = _NAME.search(error)
    begins = re.compile(rf"\s*\[*\s*[\"']?{re.escape(named[1] or named[2])}[\"']?\s*[=\].]") if named else None
    return next((at for at, line in enumerate(text.splitlines(), 1) if begins and begins.match(line)), 0)
