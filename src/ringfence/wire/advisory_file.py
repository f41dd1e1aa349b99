"""What a JSON file of a publisher's folder is, before anybody reads it as an advisory."""

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
REMEDY = "fetch it again; advisories are JSON in UTF-8"


def text(data: bytes) -> bytes:
    """Without the mark that some editors set before UTF-8, which JSON does not allow."""
    return data.removeprefix(_BOM)


def check(data: bytes) -> None:
    """Whether it is JSON at all, of whatever kind. Raises `InputError` with the reason where it is not."""
    if not data.strip():
        raise InputError("empty", remedy=REMEDY)
    if data[:2] in _WIDE or b"\0" in data[:2]:
        raise InputError("UTF-16 or UTF-32, not UTF-8", remedy=REMEDY)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not text: byte {error.start} is not UTF-8", remedy=REMEDY) from None
    try:
        safe.json(data, msgspec.Raw)  # looked through, not built
    except InputError as error:
        raise InputError(error.what, line=error.line, remedy=REMEDY) from None
