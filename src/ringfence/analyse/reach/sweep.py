"""Which jewels does every node reach? One bit per jewel, one pass over the components.

A row of bits per component, 64 to a word; rows begin on 64-byte boundaries where they are
8 words long, which is how more than 128 jewels are swept: 512 at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.jit import kernel
from ringfence.analyse.reach.scc import Condensed

Words = NDArray[np.uint64]
_WIDE = 8


@dataclass(frozen=True, eq=False)
class Sets:
    """For every node the set of jewels it reaches, itself included: `rows[component[node]]`.

    `rows` is uint64[components, ceil(jewels / 64)]; bit j % 64 of word j // 64 stands for jewel j.
    """

    component: Ints
    rows: Words
    jewels: int

    def expand(self) -> Words:
        """uint64[n, ceil(jewels / 64)]: one row per node."""
        return self.rows[self.component]

    def matrix(self) -> NDArray[np.bool_]:
        """bool[n, jewels]."""
        bits = np.unpackbits(np.ascontiguousarray(self.expand()).view(np.uint8), axis=1, bitorder="little")
        return bits[:, : self.jewels].astype(np.bool_)

    def of(self, node: int) -> list[int]:
        """The jewels (as indices into the list given) that one node reaches."""
        row = np.ascontiguousarray(self.rows[self.component[node]])
        return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")[: self.jewels]).tolist()

    def reaching(self) -> NDArray[np.int64]:
        """Per jewel, how many nodes reach it."""
        sizes = np.bincount(self.component, minlength=len(self.rows))
        counts = np.zeros(self.jewels, np.int64)
        for jewel in range(self.jewels):
            counts[jewel] = sizes[(self.rows[:, jewel // 64] >> np.uint64(jewel % 64)) & np.uint64(1) == 1].sum()
        return counts


def words_for(jewels: int) -> int:
    """How many words hold a bit for each jewel."""
    return -(-jewels // 64)


def sweep(condensed: Condensed, jewels: Sequence[int] | NDArray[np.int64]) -> Sets:
    """The jewels that every node reaches. `jewels` are node numbers; -1 (a jewel nothing leads to) is allowed."""
    targets = np.asarray(jewels, np.int64)
    there = targets >= 0
    components = np.full(len(targets), -1, np.int64)
    components[there] = condensed.component[targets[there]]
    words = words_for(len(targets))
    rows = sweep_rows(condensed, components, 2 if words <= 2 else -(-words // _WIDE) * _WIDE)
    return Sets(condensed.component, rows[:, :words], len(targets))


def sweep_rows(condensed: Condensed, targets: Ints | NDArray[np.int64], words: int) -> Words:
    """uint64[components, words]: which of `targets` (components, -1 allowed) each component reaches.

    `words` is 2 or a multiple of 8.
    """
    rows = _blank(condensed.count, words)
    which = np.flatnonzero(targets >= 0)
    np.bitwise_or.at(rows, (targets[which], which // 64), np.uint64(1) << (which % 64).astype(np.uint64))
    if words == 2:
        _narrow(condensed.first, condensed.to, rows)
    else:
        for word in range(0, words, _WIDE):
            _wide(condensed.first, condensed.to, rows, word)
    return rows


def _blank(count: int, words: int) -> Words:
    """Zeroed rows that begin on a 64-byte boundary."""
    space = np.zeros(count * words + 7, np.uint64)
    skip = (-space.ctypes.data // 8) % 8
    return space[skip : skip + count * words].reshape(count, words)


@kernel
def _narrow(first: Ints, to: Ints, rows: Words) -> None:
    for c in range(len(first) - 1):
        one, two = rows[c, 0], rows[c, 1]
        for k in range(first[c], first[c + 1]):
            one |= rows[to[k], 0]
            two |= rows[to[k], 1]
        rows[c, 0], rows[c, 1] = one, two


@kernel
def _wide(first: Ints, to: Ints, rows: Words, word: int) -> None:
    for c in range(len(first) - 1):
        own = rows[c, word : word + 8]
        # Eight variables, not an array: they stay in one vector register over all edges of c.
        a, b, d, e, f, g, h, i = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
        for k in range(first[c], first[c + 1]):
            row = rows[to[k], word : word + 8]
            a, b, d, e = a | row[0], b | row[1], d | row[2], e | row[3]
            f, g, h, i = f | row[4], g | row[5], h | row[6], i | row[7]
        own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7] = a, b, d, e, f, g, h, i
