"""Members of a zip archive that may have been made to deceive, read within fixed limits.

Loaders differ on damaged archives: one trusts the central directory, another the local headers.
Both lists are read here, names are only names, flags that would make a careful reader refuse are
passed over, and whatever decompresses within the limits is handed out.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError

MAGIC = b"PK\x03\x04"
MOST_MEMBERS = 20_000
MOST_MEMBER = 64 << 20
MOST_TOTAL = 256 << 20
_CENTRAL, _END = b"PK\x01\x02", b"PK\x05\x06"
_STORED, _DEFLATED = 0, 8
_PIECE = 1 << 16


class Member(msgspec.Struct, frozen=True):
    """A member's name and where its compressed bytes begin and end."""

    name: str
    method: int
    start: int
    end: int


def looks_like(head: bytes) -> bool:
    return head.startswith((MAGIC, _END))


def members(data: bytes) -> list[Member]:
    """What the central directory lists and, besides, what only local headers show.

    Raises `InputError` where neither is there or they list too much.
    """
    found = {member.start: member for member in _local(data)}
    found.update((member.start, member) for member in _central(data))
    if not found:
        raise InputError("a zip archive without members, or cut short", remedy="capture the file whole")
    if len(found) > MOST_MEMBERS:
        raise InputError(f"more than {MOST_MEMBERS} members", remedy="no trainer writes that many; do not load it")
    return [found[start] for start in sorted(found)]


def _central(data: bytes) -> Iterator[Member]:
    at = data.find(_CENTRAL)
    for _ in range(MOST_MEMBERS + 1):
        if at < 0 or at + 46 > len(data):
            return
        method, size, names, extra, comment = struct.unpack_from("<10xH8xI4xHHH", data, at)
        (offset,) = struct.unpack_from("<I", data, at + 42)
        name = data[at + 46 : at + 46 + names]
        wide = data[at + 46 + names : at + 46 + names + extra]
        member = _member(data, offset, name, method, size, wide)
        if member:
            yield member
        at = data.find(_CENTRAL, at + 46 + names + extra + comment)


def _member(data: bytes, offset: int, name: bytes, method: int, size: int, wide: bytes) -> Member | None:
    """The member that a directory entry points to, sizes from the entry as loaders do."""
    if offset == 0xFFFFFFFF or size == 0xFFFFFFFF:
        size, offset = _zip64(wide, size, offset)
    if offset + 30 > len(data) or data[offset : offset + 4] != MAGIC:
        return None
    names, extra = struct.unpack_from("<HH", data, offset + 26)
    start = offset + 30 + names + extra
    return Member(name.decode("utf-8", "replace"), method, start, min(start + size, len(data)))


def _zip64(extra: bytes, size: int, offset: int) -> tuple[int, int]:
    """(compressed size, offset) from the wide extra field, which holds only those that overflow, in order."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            body = extra[at + 4 : at + 4 + length]
            numbers = [int.from_bytes(body[i : i + 8], "little") for i in range(0, len(body) - 7, 8)]
            if offset == 0xFFFFFFFF and numbers:
                offset = numbers.pop()
            return (numbers[-1] if size == 0xFFFFFFFF and numbers else size), offset
        at += 4 + length
    return size, offset


def _local(data: bytes) -> Iterator[Member]:
    at = data.find(MAGIC)
    for _ in range(MOST_MEMBERS + 1):
        if at < 0 or at + 30 > len(data):
            return
        method, size, names, extra = struct.unpack_from("<8xH8xI4xHH", data, at)
        start = at + 30 + names + extra
        following = data.find(MAGIC, at + 30)
        end = start + size if 0 < size < 0xFFFFFFFF else following if following > 0 else len(data)
        yield Member(data[at + 30 : at + 30 + names].decode("utf-8", "replace"), method, start, min(end, len(data)))
        at = following


def content(data: bytes, member: Member, most: int = MOST_MEMBER) -> bytes:
    """A member's bytes, at most `most`. Raises `InputError` for unknown methods and broken streams."""
    if member.method == _STORED:
        return data[member.start : min(member.end, member.start + most)]
    if member.method != _DEFLATED:
        raise InputError(f"{member.name[:80]!r} is packed by unknown method {member.method}")
    unpack, found, size = zlib.decompressobj(-zlib.MAX_WBITS), [], 0
    view = memoryview(data)
    try:
        # piece by piece: members may overlap, so none may cost more than what it really holds
        for at in range(member.start, member.end, _PIECE):
            rest: bytes | memoryview = view[at : min(at + _PIECE, member.end)]
            while len(rest) and size < most and not unpack.eof:
                found.append(unpack.decompress(rest, most - size))
                size += len(found[-1])
                rest = unpack.unconsumed_tail
            if unpack.eof or size >= most:
                break
    except zlib.error as error:
        raise InputError(f"{member.name[:80]!r} does not unpack: {error}") from None
    return b"".join(found)
