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
    """`component[position]` (int32, as far as `placed`) and `rows[component]`."""

    def __init__(self, condensed: Condensed, component: Ints, jewels: NDArray[np.int64]) -> None:
        """`condensed` may be over other nodes than positions: `component` maps these, `jewels` are such nodes."""
        self.jewels = len(jewels)
        self._swept = sweep(condensed, jewels).rows
        self.count = condensed.count
        self.component, self.placed = component, len(component)
        room = self.count + self.count // 16 + 1_024
        self.rows: Words = np.zeros((room, self._swept.shape[1]), np.uint64)
        self.rows[: self.count] = self._swept
        source = np.repeat(np.arange(self.count, dtype=np.int32), np.diff(condensed.first))
        self._back = adjacency(self.count, condensed.to, source)
        self._head: Ints = np.full(room, -1, np.int32)
        self._waiting = np.zeros(room, np.bool_)
        self._stack: Ints = np.zeros(room, np.int32)
        self._later: Ints = np.zeros((1_024, 4), np.int32)  # source, target, edge, next with the same target
        self._listed = 0

    def place(self, positions: int) -> None:
        """Give every position up to this number a component of its own if it has none."""
        more = positions - self.placed
        if more <= 0:
            return
        self.component = roomy(self.component, positions)
        self.component[self.placed : positions] = np.arange(self.count, self.count + more)
        self.placed, self.count = positions, self.count + more
        self.rows, self._head = roomy(self.rows, self.count), roomy(self._head, self.count, -1)
        self._waiting, self._stack = roomy(self._waiting, self.count), roomy(self._stack, self.count)

    def add(self, source: Ints, target: Ints, edge: Ints) -> int:
        """Take in edges (by number) between placed positions and let bits flow; how many times a row grew."""
        one, other = self.component[source], self.component[target]
        apart = np.flatnonzero(one != other)
        begin, end = self._listed, self._listed + len(apart)
        self._later = roomy(self._later, end)
        self._later[begin:end, 0], self._later[begin:end, 1] = one[apart], other[apart]
        self._later[begin:end, 2] = edge[apart]
        self._listed = end
        return _flow(self.rows, *self._back, self._head, self._later, begin, end, self._waiting, self._stack)

    def restart(self, alive: NDArray[np.bool_]) -> int:
        """Forget the later edges that are not alive; how many times a row grew on the way back."""
        base = len(self._swept)
        self.rows[:base] = self._swept
        self.rows[base : self.count] = 0
        self._head[:] = -1
        self._listed = _keep(self._later, self._listed, alive)
        return _flow(self.rows, *self._back, self._head, self._later, 0, self._listed, self._waiting, self._stack)

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
def _keep(later: Ints, listed: int, alive: NDArray[np.bool_]) -> int:
    """Close the gaps that dead edges leave; how many are left."""
    kept = 0
    for k in range(listed):
        if alive[later[k, 2]]:
            for part in range(3):
                later[kept, part] = later[k, part]
            kept += 1
    return kept


@kernel
def _flow(
    rows: Words,
    first: Ints,
    back: Ints,
    head: Ints,
    later: Ints,
    begin: int,
    end: int,
    waiting: NDArray[np.bool_],
    stack: Ints,
) -> int:
    """How many times a row grew. `stack` has room for every component, `waiting` says which are on it."""
    base, size, changed = len(first) - 2, 0, 0
    for k in range(begin, end):
        later[k, 3] = head[later[k, 1]]
        head[later[k, 1]] = k
    for k in range(begin, end):
        size = _merge(rows, later[k, 1], later[k, 0], waiting, stack, size)
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
            size = _merge(rows, c, later[entry, 0], waiting, stack, size)
            entry = later[entry, 3]
    return changed
