"""Settings of one process: a TOML file, read into a frozen struct."""

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from ringfence.errors import InputError

T = TypeVar("T", bound=msgspec.Struct)


def read(path: Path, shape: type[T], page: str) -> T:
    """The settings in a file; `page` is where they are described. Raises `InputError`."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), shape)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{path}: {error}", remedy=f"{page} lists the settings") from None
