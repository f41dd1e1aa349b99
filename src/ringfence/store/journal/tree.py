"""A log as its tiles tell it: entries, the root and both proofs, read from a folder. Needs no lock.

Whoever writes the log replaces whole files and drops a partial tile only once the full one is
there, so a reader at a checkpoint sees that tree for as long as the folder exists.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import layout, merkle, notes
from ringfence.store.journal.checkpoint import Checkpoint, verify_checkpoint

_DAMAGED = "audit the journal (the fence's: `ringfence fence journal`) to locate the damage; restore it from a copy"


class Tree:
    """The log in `folder` at one checkpoint. Every method raises `StateError` for a file that is gone or damaged."""

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        self.folder = folder
        self.checkpoint = checkpoint

    @property
    def size(self) -> int:
        """How many entries the checkpoint covers."""
        return self.checkpoint.size

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries (all by default), computed from tiles."""
        size = self._within(size)
        return self._hash(0, size) if size else merkle.EMPTY

    def entry(self, index: int) -> bytes:
        """One entry. Raises `UsageError` beyond the end."""
        if not 0 <= index < self.size:
            raise UsageError(f"the journal has {self.size} entries, none at {index}")
        return next(self.entries(index, index + 1))

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The entries from `start` up to `end`, each compared with its leaf hash on the way."""
        start, end = self._within(start), self._within(end)
        for bundle in range(start // layout.WIDTH, -(-end // layout.WIDTH)):
            first = bundle * layout.WIDTH
            found = self.bundle(bundle)
            for at in range(max(start - first, 0), min(end - first, len(found))):
                yield found[at]

    def bundle(self, index: int) -> list[bytes]:
        """The entries of one bundle; a changed one raises `StateError` with its number."""
        leaves = self.tile(0, index)
        name = layout.path(layout.ENTRIES, index)
        found: list[bytes] = []
        for at, entry in zip(range(len(leaves)), layout.unpack(self._read(layout.ENTRIES, index)), strict=False):
            if merkle.leaf(entry) != leaves[at]:
                raise StateError(f"{name}: entry {index * layout.WIDTH + at} does not have its hash", _DAMAGED)
            found.append(entry)
        if len(found) < len(leaves):
            raise StateError(f"{name}: {len(found)} entries of {len(leaves)}", _DAMAGED)
        return found

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of one tile, as many as the checkpoint covers."""
        width = layout.width_of(level, index, self.size)
        hashes = layout.hashes_in(self._read(level, index))[:width]
        if len(hashes) < width or any(len(one) != merkle.HASH for one in hashes[-1:]):
            raise StateError(f"{layout.path(level, index, width)}: not {width} hashes", _DAMAGED)
        return hashes

    def edge(self) -> list[list[bytes]]:
        """Per level, lowest first, the hashes of its partial tile; none where the last tile is full."""
        last = [(level, self.size >> 8 * (level + 1)) for level in range(layout.levels(self.size))]
        return [self.tile(*one) if layout.width_of(*one, self.size) else [] for one in last]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that the entry at `index` is in the tree of `size` entries (RFC 6962, 2.1.1)."""
        size = self._within(size)
        if not 0 <= index < size:
            raise UsageError(f"a tree of {size} entries has none at {index}")
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of `new` entries begins with that of `old` (RFC 6962, 2.1.2)."""
        new = self._within(new)
        if not 0 <= old <= new:
            raise UsageError(f"a tree of {new} entries does not begin with one of {old}")
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while 0 < old != end:
            middle = start + merkle.split(end - start)
            if old <= middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(start, middle))
                start, whole = middle, False
        return (proof if whole else [*proof, self._hash(start, end)])[::-1]

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        proof = []
        while end - start > 1:
            middle = start + merkle.split(end - start)
            if index < middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(start, middle))
                start = middle
        return proof[::-1]

    def _hash(self, start: int, end: int) -> bytes:
        """The hash over entries from `start` to `end`, where `start` is a multiple of a power of two >= the count."""
        count = end - start
        if count & (count - 1):
            middle = start + merkle.split(count)
            return merkle.node(self._hash(start, middle), self._hash(middle, end))
        level = (count.bit_length() - 1) // 8
        first = start >> 8 * level
        hashes = self.tile(level, first // layout.WIDTH)
        at = first % layout.WIDTH
        return merkle.root(hashes[at : at + (count >> 8 * level)])

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise UsageError(f"the journal has {self.size} entries, not {size}")
        return size

    def _read(self, level: int, index: int) -> bytes:
        """The file at this checkpoint's width, or the full one that took its place."""
        width = layout.width_of(level, index, self.size)
        for name in (layout.path(level, index, width), layout.path(level, index)):
            try:
                return (self.folder / name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StateError(f"{self.folder / name}: {error.strerror}") from None
        raise StateError(f"{self.folder / layout.path(level, index, width)} is missing", _DAMAGED)


def read(folder: Path, keys: Sequence[notes.Verifier], origin: str = "") -> Tree:
    """The log at its newest checkpoint, for reading beside its writer. Raises `StateError`.

    The checkpoint must be signed by one of `keys` and its root be that of the tiles.
    """
    return at_checkpoint(folder, layout.CHECKPOINT, keys, origin)


def at_checkpoint(folder: Path, name: str, keys: Sequence[notes.Verifier], origin: str) -> Tree:
    """The log at the checkpoint in the file `name`."""
    file = folder / name
    try:
        tree = Tree(folder, verify_checkpoint(file.read_bytes().decode(), keys, origin))
    except InputError as error:
        raise StateError(f"{file}: {error.what}", error.remedy or _DAMAGED) from None
    except UnicodeDecodeError:
        raise StateError(f"{file}: not UTF-8", _DAMAGED) from None
    except OSError as error:
        raise StateError(f"{file}: {error.strerror}") from None
    if merkle.root_of_edge(tree.edge()) != tree.checkpoint.root:
        raise StateError(f"{folder}: the last tiles do not have the root of the checkpoint", _DAMAGED)
    return tree
