"""Where a log keeps what: the paths and widths of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

        checkpoint                  the signed head
        tile/entries/x001/067       256 entries, each behind its length in two bytes, big-endian
        tile/0/x001/067             their leaf hashes
        tile/1/004.p/43             the hashes of 43 full tiles of level 0: a partial tile

Tile `index` of `level` holds, at i, the hash over the 256**level entries from
(index * 256 + i) * 256**level. A full tile never changes; a partial one has its width in its name.
"""

from collections.abc import Iterator, Sequence

from ringfence.errors import InputError
from ringfence.store.journal.merkle import HASH

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

ENTRIES = -1
"""The level that stands for bundles of entries."""

CHECKPOINT = "checkpoint"
LONGEST_ENTRY = 0xFFFF
"""Bytes that a length of two bytes can tell."""


def path(level: int, index: int, width: int = WIDTH) -> str:
    """The path of a tile, or of a bundle for the level `ENTRIES`, within the log's folder."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    name = "entries" if level == ENTRIES else str(level)
    return f"tile/{name}/{number}" + (f".p/{width}" if width < WIDTH else "")


def width_of(level: int, index: int, size: int) -> int:
    """How many hashes (entries) of this tile (bundle) a log of `size` entries has: 0 to 256."""
    return max(0, min(WIDTH, (size >> 8 * max(level, 0)) - index * WIDTH))


def levels(size: int) -> int:
    """How many levels of tiles a log of `size` entries has."""
    return max(1, -(-size.bit_length() // 8)) if size else 0


def hashes_in(tile: bytes) -> list[bytes]:
    """The hashes of a tile, in order."""
    return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]


def pack(entries: Sequence[bytes]) -> bytes:
    """Entries as they stand in a bundle. Raises `InputError` for one beyond 65,535 bytes."""
    for at, entry in enumerate(entries):
        if len(entry) > LONGEST_ENTRY:
            raise InputError(f"entry {at} has {len(entry)} bytes, a journal takes {LONGEST_ENTRY}", remedy="split it")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack(bundle: bytes) -> Iterator[bytes]:
    """The entries of a bundle, up to the first whose length points past the end."""
    at = 0
    while (end := at + 2 + int.from_bytes(bundle[at : at + 2], "big")) <= len(bundle):
        yield bundle[at + 2 : end]
        at = end
