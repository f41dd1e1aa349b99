"""What stands in a host's file tree, and what its programs answered: values, read by others.

`Seen` is all that a hardening plan knows of a host. What was not asked is not in it, and that is a fault of ours; what
could not be read stands in it as `UNREADABLE`, with the reason.
"""

import hashlib
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What is at a path. A link is told, never followed."""

    FILE = "file"
    ABSENT = "absent"
    LINK = "link"
    FOLDER = "folder"
    DEVICE = "device"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Entry(msgspec.Struct, frozen=True):
    """One path. `mode`: permission bits. `why`: of what is unreadable the reason, of a link where it leads."""

    path: str
    kind: Kind
    content: bytes = b""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    why: str = ""

    @property
    def there(self) -> bool:
        """Whether anything is at the path, as far as could be seen."""
        return self.kind not in (Kind.ABSENT, Kind.UNREADABLE)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal; "" where there is no file."""
        return hashlib.sha256(self.content).hexdigest() if self.kind is Kind.FILE else ""


class Said(msgspec.Struct, frozen=True):
    """What a program answered. `status` None: it was not run or did not end, and `why` says why."""

    argv: tuple[str, ...]
    status: int | None
    text: str = ""
    why: str = ""
    absent: bool = False
    """It is not installed."""


class Seen(msgspec.Struct, frozen=True):
    """Entries by path, paths by pattern (ascending), answers by command."""

    entries: dict[str, Entry] = {}
    matched: dict[str, tuple[str, ...]] = {}
    said: dict[tuple[str, ...], Said] = {}

    def at(self, pattern: str) -> list[Entry]:
        """The entries that a path or pattern names; of a path without wildcards always one."""
        if pattern in self.entries:
            return [self.entries[pattern]]
        return [self.entries[path] for path in self.matched.get(pattern, ())]
