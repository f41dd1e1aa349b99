"""One bound kept up to date: rows of jewel bits per component, and who leads to whom.

Built from a condensed graph. Edges added later go into lists beside it, and bits flow along both to
whatever leads there until nothing changes: monotone, so that the order does not matter and cycles
closed by new edges need no new components. Taking later edges away begins again from the rows of the
condensed graph (`restart`); taking away one of its own needs a new `Level`.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.incremental.arrays import roomy
from ringfence.analyse.reach.adjacency import Ints, adjacency
from ringfence.analyse.reach.jit import kernel
from ringfence.analyse.reach.scc import Condensed
from ringfence.analyse.reach.sweep import Words, sweep


class Level:
    """`component[position]` (int32, -1 if not placed yet) and `rows[component]`."""

    def __init__(self, condensed: Condensed, component: Ints, jewels: NDArray[np.int64]) -> None:
        """`condensed` may be over other nodes than positions: `component` maps these, `jewels` are such nodes."""
        self.jewels = len(jewels)
        rows = sweep(condensed, jewels).rows
        self.count = condensed.count
        self.rows: Words = np.zeros((self.count + self.count // 16 + 1_024, rows.shape[1]), np.uint64)
        self.rows[: self.count] = rows
        self._swept = rows
        self.component = component
        source = np.repeat(np.arange(self.count, dtype=np.int32), np.diff(condensed.first))
        self._back = adjacency(self.count, condensed.to, source)
        self._head: Ints = np.full(len(self.rows), -1, np.int32)
        self._next: Ints = np.zeros(1_024, np.int32)
        self._from: Ints = np.zeros(1_024, np.int32)
        self._listed = 0
        self._waiting = np.zeros(len(self.rows), np.bool_)
        self._stack: Ints = np.zeros(len(self.rows), np.int32)

    def place(self, positions: int) -> None:
        """Give every position up to this number a component of its own if it has none."""
        before = len(self.component)
        if positions <= before:
            return
        more = positions - before
        self.component = np.concatenate([self.component, np.arange(self.count, self.count + more, dtype=np.int32)])
        self.count += more
        self.rows, self._head = roomy(self.rows, self.count), roomy(self._head, self.count, -1)
        self._waiting, self._stack = roomy(self._waiting, self.count), roomy(self._stack, self.count)

    def add(self, source: Ints, target: Ints) -> int:
        """Take in edges between placed positions and let bits flow; how many rows changed."""
        one, other = self.component[source], self.component[target]
        apart = one != other
        one, other = one[apart], other[apart]
        begin, end = self._listed, self._listed + len(one)
        self._next, self._from = roomy(self._next, end), roomy(self._from, end)
        self._listed = end
        return _flow(
            one, other, self.rows, *self._back, self._head, self._next, self._from, begin, self._waiting, self._stack
        )

    def restart(self, source: Ints, target: Ints) -> int:
        """Forget all later edges but these; how many rows changed on the way."""
        base = len(self._swept)
        self.rows[:base] = self._swept
        self.rows[base:] = 0
        self._head[:] = -1
        self._listed = 0
        return self.add(source, target)

    def of(self, position: int) -> list[int]:
        """The jewels that a position reaches, by index."""
        row = self.rows[self.component[position]]
        return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")[: self.jewels]).tolist()


@kernel
def _merge(rows: Words, below: int, above: int, waiting: NDArray[np.bool_], stack: Ints, size: int) -> int:
    """Give `above` the bits of `below`; if it lacked some, see that it is on the stack, whose new size is returned."""
    grew = False
    for word in range(rows.shape[1]):
        if rows[below, word] & ~rows[above, word] != 0:
            rows[above, word] |= rows[below, word]
            grew = True
    if grew and not waiting[above]:
        waiting[above] = True
        stack[size] = above
        return size + 1
    return size


@kernel
def _flow(
    source: Ints,
    target: Ints,
    rows: Words,
    first: Ints,
    back: Ints,
    head: Ints,
    following: Ints,
    came: Ints,
    begin: int,
    waiting: NDArray[np.bool_],
    stack: Ints,
) -> int:
    """How many times a row grew. `stack` has room for every component, `waiting` says which are on it."""
    base, size, changed = len(first) - 2, 0, 0
    for k in range(len(source)):
        following[begin + k] = head[target[k]]
        came[begin + k] = source[k]
        head[target[k]] = begin + k
    for k in range(len(source)):
        size = _merge(rows, target[k], source[k], waiting, stack, size)
    while size > 0:
        size -= 1
        c = stack[size]
        waiting[c] = False
        changed += 1
        if c < base:
            for at in range(first[c], first[c + 1]):
                size = _merge(rows, c, back[at], waiting, stack, size)
        entry = head[c]
        while entry >= 0:
            size = _merge(rows, c, came[entry], waiting, stack, size)
            entry = following[entry]
    return changed
