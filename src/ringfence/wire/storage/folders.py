r"""Folder listings: who owns and may read what lies under the data folders.

The capture writes them with `find FOLDER -printf '%#m\t%y\t%u\t%g\t%s\t%p\0'`: mode in octal,
type letter, owner, group, size in bytes, absolute path. Records end with a zero byte, since a
path may hold a line break; a listing without any zero byte is read by lines.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

FIND_FORMAT = r"%#m\t%y\t%u\t%g\t%s\t%p\0"
MOST_ENTRIES = 5_000_000
_ROW = re.compile(rb"0?[0-7]{1,5}\t[a-zA-Z?]\t[^\t\n]{1,100}\t[^\t\n]{1,100}\t\d{1,20}\t/")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One file or folder. `mode` are the permission bits; `kind` is find's type letter (d, f, l …)."""

    mode: int
    kind: str
    owner: str
    group: str
    size: int
    path: str

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0] or "/"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def looks_like(head: bytes) -> bool:
    """Whether the first record is one of a listing."""
    return _ROW.match(head) is not None


def parse(data: bytes) -> list[Entry]:
    """Read a listing. Raises `InputError` with the record's number as line; names stay as they are."""
    text = safe.bounded(data).decode("utf-8", "replace")
    records = text.split("\0" if "\0" in text else "\n")
    if len(records) > MOST_ENTRIES:
        raise InputError(f"more than {MOST_ENTRIES} entries", remedy="list fewer folders, or less deep")
    return [_entry(number, record) for number, record in enumerate(records, 1) if record]


def _entry(number: int, record: str) -> Entry:
    fields = record.split("\t", 5)
    try:
        mode, kind, owner, group, size, path = fields
        if not path.startswith("/") or len(kind) != 1:
            raise ValueError
        return Entry(int(mode, 8) & 0o7777, kind, owner, group, int(size), _normal(path))
    except ValueError:
        raise InputError("not mode, type, owner, group, size and path", line=number, remedy=_REMEDY) from None


_REMEDY = "write it with find -printf as the capture script does"


def _normal(path: str) -> str:
    """Without `//`, and never climbing: a listing has no reason to hold `..`."""
    if "/../" in path or path.endswith("/.."):
        raise ValueError
    return "/" + "/".join(part for part in path.split("/") if part) if "//" in path or path.endswith("/") else path
