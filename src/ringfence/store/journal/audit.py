"""Is every byte of a log what was signed? And if one is not: which.

Each hash can be had in two ways, from what lies below it and from where it is stored; where the two
differ, the tile above (for the right edge, the signed root) says which of them is the changed one.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ringfence.errors import InputError, Problem
from ringfence.store.journal import layout, merkle
from ringfence.store.journal.checkpoint import Checkpoint, verify_checkpoint
from ringfence.store.journal.layout import CHECKPOINT, ENTRIES, WIDTH
from ringfence.store.journal.notes import Verifier


def check(folder: Path, keys: Sequence[Verifier], origin: str = "") -> list[Problem]:
    """What is wrong with the log in `folder`; empty if nothing is. Reads all of it, a tile at a time.

    `file` of a problem is the path in the log; a changed entry is named by its number. A head
    that no key of `keys` has signed is the only problem told, since nothing can be judged by it.
    """
    try:
        head = verify_checkpoint((folder / CHECKPOINT).read_bytes().decode(), keys, origin)
    except InputError as error:
        return [Problem.of(CHECKPOINT, error)]
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(CHECKPOINT, 0, f"cannot be read: {error}")]
    return _Audit(folder, head).problems


class _Audit:
    def __init__(self, folder: Path, head: Checkpoint) -> None:
        self.folder = folder
        self.head = head
        self.problems: list[Problem] = []
        self.edge = [self._stored(level, head.size >> 8 * (level + 1)) for level in range(layout.levels(head.size))]
        bundles = range(-(-head.size // WIDTH))
        full = self._level(0, map(self._leaves, bundles))
        for level in range(1, len(self.edge)):
            full = self._level(level, (full[at : at + WIDTH] for at in range(0, len(full), WIDTH)))
        if not self.problems and merkle.root_of_edge(self.edge) != head.root:
            self._tell("tile", "entries and tiles fit one another, but not the root of the checkpoint")

    def _level(self, level: int, derived: Iterable[list[bytes]]) -> list[bytes]:
        """Judge the tiles of a level against what lies below them; gives the hashes of the full ones."""
        full = []
        for index, found in enumerate(derived):
            settled = self._settle(level, index, found, self._stored(level, index))
            for kind in (ENTRIES, level) if level == 0 else (level,):
                self._older(kind, index, settled)
            if layout.width_of(level, index, self.head.size) == WIDTH:
                full.append(merkle.root(settled))
            else:
                self.edge[level] = settled
        return full

    def _settle(self, level: int, index: int, found: list[bytes], stored: list[bytes]) -> list[bytes]:
        """The hashes of the tile as they were, and whatever says otherwise told."""
        width = layout.width_of(level, index, self.head.size)
        if found == stored:
            return stored
        below, here = self._fits(level, index, found), self._fits(level, index, stored)
        if not below:
            for path, what in self._changed_below(level, index, found, stored):
                self._tell(path, what)
        if not here:
            self._tell(layout.path(level, index, width), _places(found, stored) if below else "does not fit the root")
        return found if below else stored

    def _fits(self, level: int, index: int, hashes: list[bytes]) -> bool:
        """Whether the tile above, or the signed root, speaks for these hashes."""
        width = layout.width_of(level, index, self.head.size)
        if len(hashes) != width:
            return False
        if width < WIDTH:
            return merkle.root_of_edge([*self.edge[:level], hashes, *self.edge[level + 1 :]]) == self.head.root
        above = self._stored(level + 1, index // WIDTH)
        return above[index % WIDTH :][:1] == [merkle.root(hashes)]

    def _changed_below(
        self, level: int, index: int, found: list[bytes], stored: list[bytes]
    ) -> Iterator[tuple[str, str]]:
        size = self.head.size
        wrong = [at for at, one in enumerate(stored) if found[at : at + 1] != [one]]
        if level:
            for at in (index * WIDTH + one for one in wrong):
                name = layout.path(level - 1, at, layout.width_of(level - 1, at, size))
                yield name, f"does not have the hash that level {level} has of it, nor has what lies below"
            return
        name = layout.path(ENTRIES, index, layout.width_of(ENTRIES, index, size))
        if not (self.folder / name).exists():
            yield name, "is missing"
        elif wrong:
            more = f", and {len(wrong) - 1} behind it" if len(wrong) > 1 else ""
            yield name, f"entry {index * WIDTH + wrong[0]} is not what was written{more}"
        else:
            yield name, "there are bytes behind the last entry"

    def _older(self, level: int, index: int, settled: list[bytes]) -> None:
        """Partial tiles of earlier checkpoints that are still there must be beginnings of this one."""
        width = layout.width_of(level, index, self.head.size)
        full = self.folder / layout.path(level, index)
        partial = full.with_name(f"{full.name}.p")
        for file in sorted(partial.iterdir()) if partial.is_dir() else ():
            older = int(file.name) if file.name.isdecimal() else WIDTH
            if older < width and self._hashes(level, layout.path(level, index, older)) != settled[:older]:
                self._tell(layout.path(level, index, older), "is not the beginning of what came after it")

    def _stored(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile as it stands there; none if it is missing."""
        width = layout.width_of(level, index, self.head.size)
        return self._hashes(level, layout.path(level, index, width)) if width else []

    def _leaves(self, index: int) -> list[bytes]:
        """The leaf hashes that the entries of a bundle have."""
        return self._hashes(ENTRIES, layout.path(ENTRIES, index, layout.width_of(ENTRIES, index, self.head.size)))

    def _hashes(self, level: int, name: str) -> list[bytes]:
        try:
            data = (self.folder / name).read_bytes()
        except OSError:
            return []
        if level != ENTRIES:
            return layout.hashes_in(data)
        entries = list(layout.unpack(data))
        whole = layout.pack(entries) == data
        return [merkle.leaf(entry) for entry in entries] + ([] if whole else [b"left over"])

    def _tell(self, path: str, what: str) -> None:
        self.problems.append(Problem(path, 0, what, "restore it from a copy of the journal"))


def _places(found: list[bytes], stored: list[bytes]) -> str:
    if not stored:
        return "is missing"
    wrong = [at for at, one in enumerate(found) if stored[at : at + 1] != [one]]
    return f"hash {wrong[0]} is not that of what lies below" if wrong else "there are bytes behind the last hash"
