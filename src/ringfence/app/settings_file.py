"""Settings of one process: a TOML file, read into a frozen struct."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from ringfence.errors import InputError

T = TypeVar("T", bound=msgspec.Struct)

_AT = re.compile(r"at line (\d+)")
_NAME = re.compile(r"unknown field `([^`]+)`|at `\$\.([^`.\[]+)")


def read(path: Path, shape: type[T], page: str) -> T:
    """The settings in a file; `page` is where they are described. Raises `InputError`."""
    text = ""
    try:
        text = path.read_text("utf-8")
        return msgspec.convert(tomllib.loads(text), shape)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        line = _line(text, str(error))
        where = f"{path}:{line}" if line else str(path)
        raise InputError(f"{where}: {error}", line=line, remedy=f"{page} lists the settings") from None


def _line(text: str, error: str) -> int:
    """The line that an error is about, from 1; 0 where it tells none."""
    if told := _AT.search(error):
        return int(told[1])
    named = _NAME.search(error)
    begins = re.compile(rf"\s*\[*\s*[\"']?{re.escape(named[1] or named[2])}[\"']?\s*[=\].]") if named else None
    return next((at for at, line in enumerate(text.splitlines(), 1) if begins and begins.match(line)), 0)
