"""What a receipt keeps of one change: the change itself, and exactly what was there before; what others made of it."""

import msgspec

from ringfence.assess.harden.changes import Change
from ringfence.errors import StateError


class Was(msgspec.Struct, frozen=True):
    """What was at a path, or what a program said. `content` None: nothing was there.

    `attributes`: extended ones, access lists among them. `made`: folders that the change has to make, the outermost
    first. `changed`: the file's time, nanoseconds.
    """

    content: bytes | None
    mode: int = 0
    uid: int = 0
    gid: int = 0
    changed: int = 0
    attributes: dict[str, bytes] = {}
    made: tuple[str, ...] = ()


class Kept(msgspec.Struct, frozen=True):
    """One line of a receipt."""

    change: Change
    was: Was


class Theirs(msgspec.Struct, frozen=True):
    """One place that holds neither what was nor what was set.

    `was`, `ours`, `now`: the SHA-256 of a file, or the value; "" where nothing is. `difference`: lines that are not
    ours (`+`) and lines of ours that are gone (`-`). `content`: a file's bytes, None where there is no plain file.
    """

    place: str
    what: str
    was: str
    ours: str
    now: str
    difference: tuple[str, ...] = ()
    content: bytes | None = None


_DECODE = msgspec.json.Decoder(Kept).decode


def encode(kept: Kept) -> bytes:
    return msgspec.json.encode(kept)


def decode(data: bytes) -> Kept:
    """Raises `StateError`."""
    try:
        return _DECODE(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StateError(f"the receipt is damaged: {error}"[:200], "restore state.sqlite from a copy") from None
