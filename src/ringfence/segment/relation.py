"""Who may reach whom, as unions of blocks, compared exactly without listing the pairs.

A *block* says that every endpoint of one set may send something to every endpoint of another. To compare
relations over 100,000 endpoints, endpoints that stand in the same sets are taken together: partition refinement
over all sets of all blocks (Paige and Tarjan, "Three partition refinement algorithms", 1987) leaves *classes*
whose members no block can tell apart, and ports fall into *atoms* that no block cuts. What holds for one pair of a
class pair and one port of an atom holds for all of them, so boolean matrices of classes decide everything.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.segment.what import LAST, What

Ints = NDArray[np.int64]
NAMED = ("tcp", "udp", "sctp", "icmp")
"""Protocols that a block of `other` leaves out."""
_ROWS = 1024


class Block(msgspec.Struct, frozen=True):
    """Every endpoint of `sources` may send `what` to every endpoint of `targets` (both: indices, none twice)."""

    sources: Ints
    targets: Ints
    what: What


class Gap(msgspec.Struct, frozen=True):
    """A class pair on which two relations differ; `source` and `target` are one pair of it, `pairs` counts all.

    `kind`: `leak` (in the second only) or `break` (in the first only).
    """

    kind: str
    source: int
    target: int
    what: What
    pairs: int


def classes(count: int, sets: Iterable[Ints]) -> Ints:
    """The class of each of `count` endpoints: two share one exactly if no set holds just one of them."""
    label = np.zeros(count, np.int64)
    size, fresh = np.zeros(count + 1, np.int64), 1
    size[0] = count
    for members in sets:
        mine = label[members]
        times = np.bincount(mine, minlength=fresh)
        cut = np.flatnonzero((times > 0) & (times < size[:fresh]))
        if not len(cut):
            continue
        new = np.arange(fresh)
        new[cut] = np.arange(fresh, fresh + len(cut))
        size[cut] -= times[cut]
        size[fresh : fresh + len(cut)] = times[cut]
        fresh += len(cut)
        label[members] = new[mine]
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


class Compared(msgspec.Struct, frozen=True):
    """`gaps`, the leaks first; `meant` and `tolerated` count pairs per atom: those meant, those open but told."""

    gaps: tuple[Gap, ...]
    meant: int
    tolerated: int


def compare(
    count: int,
    meant: Sequence[Block],
    found: Sequence[Sequence[Block]],
    tolerated: Sequence[Block] = (),
    *,
    symmetric: bool = False,
    most: int = 1000,
) -> Compared:
    """What `meant` and `found` disagree on, among `count` endpoints.

    `found` is the intersection of the relations it lists: a packet must be let out *and* let in. A pair in
    `tolerated` is no leak. Pairs of an endpoint with itself are not looked at. Beyond `most` gaps of a kind, the
    last one counts the rest.
    """
    small = _Small(count, [meant, tolerated, *found], symmetric)
    ends = _examples(small.label)
    gaps: dict[str, list[Gap]] = {"leak": [], "break": []}
    asked = told = 0
    for rows, parts in small.chunks():
        for alike, (want, known, *got) in parts:
            have = np.logical_and.reduce(got)
            asked += len(alike) * _pairs(want, rows, small.size)
            told += len(alike) * _pairs(have & known & ~want, rows, small.size)
            for kind, wrong in (("leak", have & ~want & ~known), ("break", want & ~have)):
                gaps[kind].extend(_gaps(kind, wrong, rows, small.size, ends, alike))
    return Compared(tuple(gap for kind in gaps for gap in _capped(_joined(gaps[kind]), most)), asked, told)


def excess(count: int, meant: Sequence[Block], found: Sequence[Sequence[Block]]) -> list[tuple[Ints, Ints, int]]:
    """What `found` lets pass, of whatever kind, and `meant` does not: (sources, targets, pairs).

    Sources with the same targets stand together; a pair of an endpoint with itself is none.
    """
    small = _Small(count, [meant, *found], symmetric=False)
    alike: dict[bytes, list[int]] = {}
    for rows, parts in small.chunks():
        wrong = np.zeros((rows.stop - rows.start, len(small.size)), np.bool_)
        for _, (want, *got) in parts:
            wrong |= np.logical_and.reduce(got) & ~want
        own = np.arange(rows.start, rows.stop)
        wrong[own - rows.start, own] &= small.size[own] > 1
        for row in np.flatnonzero(wrong.any(axis=1)).tolist():
            alike.setdefault(np.packbits(wrong[row]).tobytes(), []).append(rows.start + row)
    return [small.spread(sources, key) for key, sources in alike.items()]


class _Small:
    """Sides of a comparison, shrunk to classes."""

    def __init__(self, count: int, sides: Iterable[Iterable[Block]], symmetric: bool) -> None:
        whole = [list(blocks) for blocks in sides]
        self.label = classes(count, _sets(whole))
        self.size = np.bincount(self.label) if count else np.zeros(0, np.int64)
        self._symmetric = symmetric
        shrunk: dict[bytes, Ints] = {}
        self._sides = [[_shrunk(block, self.label, len(self.size), shrunk) for block in side] for side in whole]

    def chunks(self) -> Iterator[tuple[slice, Iterator[tuple[list[What], list[NDArray[np.bool_]]]]]]:
        """Per slice of rows: the atoms that are alike, and each side's matrix for them."""
        every = [[block for block in side if block.what.protocol == "any"] for side in self._sides]
        atoms = list(_by_atom(self._sides))
        for first in range(0, len(self.size), _ROWS):
            rows = slice(first, min(first + _ROWS, len(self.size)))
            yield rows, self._matrices(rows, every, atoms)

    def _matrices(
        self, rows: slice, every: list[list[Block]], atoms: list[tuple[list[What], list[list[Block]]]]
    ) -> Iterator[tuple[list[What], list[NDArray[np.bool_]]]]:
        width = len(self.size)
        always = [_matrix(side, rows, width, self._symmetric) for side in every]  # most blocks are of every atom
        for alike, chosen in atoms:
            sides = zip(chosen, always, strict=True)
            yield alike, [_matrix(side, rows, width, self._symmetric, start) for side, start in sides]

    def spread(self, sources: Sequence[int], targets: bytes) -> tuple[Ints, Ints, int]:
        """Classes as endpoints, and how many pairs they are. `targets`: a bit a class."""
        to = np.unpackbits(np.frombuffer(targets, np.uint8), count=len(self.size)).astype(np.bool_)
        start = np.zeros(len(self.size), np.bool_)
        start[sources] = True
        pairs = int(self.size[start].sum()) * int(self.size[to].sum()) - int(self.size[start & to].sum())
        return np.flatnonzero(start[self.label]), np.flatnonzero(to[self.label]), pairs


def _examples(label: Ints) -> tuple[Ints, Ints]:
    """Per class its first and its last endpoint: two different ones where it has two."""
    last = len(label) - 1 - np.unique(label[::-1], return_index=True)[1]
    return np.unique(label, return_index=True)[1], last


def _sets(sides: Iterable[Iterable[Block]]) -> Iterator[Ints]:
    seen: set[bytes] = set()
    for side in sides:
        for block in side:
            for members in (block.sources, block.targets):
                if (content := members.tobytes()) not in seen:  # the same set often stands in many blocks
                    seen.add(content)
                    yield members


def _shrunk(block: Block, label: Ints, count: int, known: dict[bytes, Ints]) -> Block:
    ends = []
    for members in (block.sources, block.targets):
        content = members.tobytes()
        if content not in known:
            there = np.zeros(count, np.bool_)
            there[label[members]] = True
            known[content] = np.flatnonzero(there)
        ends.append(known[content])
    return Block(ends[0], ends[1], block.what)


def _by_atom(sides: list[list[Block]]) -> Iterator[tuple[list[What], list[list[Block]]]]:
    """Atoms that all sides treat alike, with the blocks that cover them, but those of `any`, which cover all."""
    cuts: dict[str, set[int]] = {}
    for side in sides:
        for block in side:
            if block.what.protocol == "other":
                for name in NAMED:
                    cuts.setdefault(name, set())
            elif block.what.protocol != "any":
                cuts.setdefault(_base(block.what), set()).update((block.what.low, block.what.high + 1))
    atoms = [What("any")]  # stands for every protocol that no block names
    for protocol, at in sorted(cuts.items()):
        edges = sorted(at | {0, LAST + 1})
        atoms += [What(protocol, low, high - 1) for low, high in pairwise(edges)]
    if "ro" in cuts:
        atoms.append(What("rw"))
    named = [[block for block in side if block.what.protocol != "any"] for side in sides]
    alike: dict[tuple[tuple[int, ...], ...], tuple[list[What], list[list[Block]]]] = {}
    for atom in atoms:
        chosen = [[block for block in side if _covers(block.what, atom)] for side in named]
        key = tuple(tuple(id(block) for block in side) for side in chosen)
        alike.setdefault(key, ([], chosen))[0].append(atom)
    yield from alike.values()


def _base(what: What) -> str:
    return "ro" if what.protocol == "rw" else what.protocol


def _covers(what: What, atom: What) -> bool:
    if what.protocol == "other":  # any but what has a name, as a rule that drops one protocol leaves it
        return atom.protocol == "any"
    if atom.protocol in ("ro", "rw"):  # who may write may read
        return what.protocol in ("rw", atom.protocol)
    return what.protocol == atom.protocol and what.low <= atom.low and atom.high <= what.high


def _matrix(
    blocks: list[Block], rows: slice, width: int, symmetric: bool, start: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    if start is not None and not blocks:
        return start
    matrix = np.zeros((rows.stop - rows.start, width), np.bool_) if start is None else start.copy()
    for block in blocks:
        for sources, targets in ((block.sources, block.targets), (block.targets, block.sources))[: 1 + symmetric]:
            here = sources[(sources >= rows.start) & (sources < rows.stop)] - rows.start
            if len(here):
                matrix[here[:, None], targets] = True
    return matrix


def _pairs(matrix: NDArray[np.bool_], rows: slice, size: Ints) -> int:
    alone = np.diagonal(matrix, rows.start).astype(np.int64)  # an endpoint and itself is no pair
    return int(size[rows] @ (matrix @ size)) - int(alone @ size[rows][: len(alone)])


def _gaps(
    kind: str, wrong: NDArray[np.bool_], rows: slice, size: Ints, ends: tuple[Ints, Ints], atoms: Sequence[What]
) -> Iterator[Gap]:
    for row, target in np.argwhere(wrong).tolist() if wrong.any() else ():
        source = rows.start + row
        pairs = int(size[source]) * (int(size[target]) - (source == target))
        witness = int(ends[0][source]), int(ends[source == target][target])
        yield from (Gap(kind, *witness, atom, pairs) for atom in atoms if pairs)


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Neighbouring atoms with the same witness become one."""
    done: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: (one.source, one.target, one.what.protocol, one.what.low)):
        before = done[-1] if done else None
        if before and _follows(before, gap):
            done[-1] = msgspec.structs.replace(before, what=What(gap.what.protocol, before.what.low, gap.what.high))
        else:
            done.append(gap)
    return done


def _follows(before: Gap, gap: Gap) -> bool:
    same = (before.source, before.target, before.what.protocol) == (gap.source, gap.target, gap.what.protocol)
    return same and before.what.high + 1 == gap.what.low


def _capped(gaps: list[Gap], most: int) -> list[Gap]:
    if len(gaps) <= most:
        return gaps
    rest = sum(gap.pairs for gap in gaps[most - 1 :])
    return [*gaps[: most - 1], msgspec.structs.replace(gaps[most - 1], pairs=rest)]
