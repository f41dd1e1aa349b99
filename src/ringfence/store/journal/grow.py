"""What appending entries adds to a log's folder: pure, in O(batch + log n)."""

from collections.abc import Sequence

import msgspec

from ringfence.store.journal import layout, merkle
from ringfence.store.journal.layout import ENTRIES, WIDTH


class Growth(msgspec.Struct, frozen=True):
    """The files to write, by path in the order of their index, and the right edge they leave."""

    files: dict[str, bytes]
    edge: list[list[bytes]]
    tail: list[bytes]
    """The entries of the partial bundle."""

    @property
    def root(self) -> bytes:
        """The root of the tree that is then there."""
        return merkle.root_of_edge(self.edge)


def grow(size: int, edge: Sequence[Sequence[bytes]], tail: Sequence[bytes], entries: Sequence[bytes]) -> Growth:
    """The log of `size` entries, whose right edge and last bundle these are, with `entries` added.

    Raises `InputError` for an entry that is too long.
    """
    files: dict[str, bytes] = {}
    rest = list(tail)
    for index, bundle in enumerate(_cut([*tail, *entries]), size // WIDTH):
        files[layout.path(ENTRIES, index, len(bundle))] = layout.pack(bundle)
        rest = bundle if len(bundle) < WIDTH else []
    new, grown, level = [merkle.leaf(entry) for entry in entries], [list(one) for one in edge], 0
    while new:
        if level == len(grown):
            grown.append([])
        tiles = _cut([*grown[level], *new])
        for index, tile in enumerate(tiles, size >> 8 * (level + 1)):
            files[layout.path(level, index, len(tile))] = b"".join(tile)
        grown[level] = tiles[-1] if len(tiles[-1]) < WIDTH else []
        new = [merkle.root(tile) for tile in tiles if len(tile) == WIDTH]
        level += 1
    return Growth(files, grown, rest)


def _cut(values: Sequence[bytes]) -> list[list[bytes]]:
    return [list(values[at : at + WIDTH]) for at in range(0, len(values), WIDTH)]
