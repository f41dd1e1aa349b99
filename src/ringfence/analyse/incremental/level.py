"""One bound kept up to date: rows of jewel bits per component, and who leads to whom.

Built from a condensed graph. Edges added later go into lists beside it, and bits flow along both to
whatever leads there until nothing changes: monotone, so that the order does not matter and cycles
closed by new edges need no new components.

Taking later edges away (`retract`) first takes away every bit that may have rested on them, then gives back
those that something else still supports ("delete and rederive"). Bits that the condensed
graph alone gives are never in doubt, which keeps this small. Where it does not (later edges close
a great cycle), all bits flow again from the rows of the condensed graph. Taking away an edge
of the condensed graph itself needs a new `Level`.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.incremental.arrays import roomy
from ringfence.analyse.reach.adjacency import Ints, adjacency
from ringfence.analyse.reach.jit import kernel
from ringfence.analyse.reach.scc import Condensed
from ringfence.analyse.reach.sweep import Words, sweep

_MOST_DOUBTS = 4_096


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
        self._forward = condensed.first, condensed.to
        self._head: Ints = np.full((room, 2), -1, np.int32)  # lists of later edges by target and by source
        self._lost: Words = np.zeros_like(self.rows)
        self._marks = np.zeros(room, np.int8)
        self._lists: Ints = np.zeros((room, 2), np.int32)
        self._waiting = np.zeros(room, np.bool_)
        self._stack: Ints = np.zeros(room, np.int32)
        self._later: Ints = np.zeros((1_024, 5), np.int32)  # source (-1: dead), target, edge, nexts
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
        self._lost, self._lists = roomy(self._lost, self.count), roomy(self._lists, self.count)
        self._marks = roomy(self._marks, self.count)

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

    def retract(self, alive: NDArray[np.bool_]) -> int:
        """Take away the later edges that are no longer alive; how many components were in doubt, -1 for too many."""
        doubtful = _retract(
            self.rows,
            self._swept,
            *self._forward,
            *self._back,
            self._head,
            self._later,
            self._listed,
            alive,
            self._lost,
            self._marks,
            self._lists,
            self._waiting,
            self._stack,
        )
        if doubtful < 0:
            self._restart(alive)
        return doubtful

    def _restart(self, alive: NDArray[np.bool_]) -> int:
        """Forget the later edges that are not alive and let bits flow again from the condensed graph's rows."""
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
        if later[k, 0] >= 0 and alive[later[k, 2]]:
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
    for k in range(begin, end):
        later[k, 3], later[k, 4] = head[later[k, 1], 0], head[later[k, 0], 1]
        head[later[k, 1], 0] = head[later[k, 0], 1] = k
    size = 0
    for k in range(begin, end):
        size = _merge(rows, later[k, 1], later[k, 0], waiting, stack, size)
    return _spread(rows, first, back, head, later, waiting, stack, size)


@kernel
def _spread(
    rows: Words, first: Ints, back: Ints, head: Ints, later: Ints, waiting: NDArray[np.bool_], stack: Ints, size: int
) -> int:
    """Give the bits of what is on the stack to all that leads there, until nothing grows; how often a row grew."""
    base, changed = len(first) - 2, 0
    while size > 0:  # in rounds: a row that grew in several places during one is passed on once
        now = stack[:size].copy()
        size = 0
        changed += len(now)
        for c in now:
            waiting[c] = False
            if c < base:
                for at in range(first[c], first[c + 1]):
                    size = _merge(rows, c, back[at], waiting, stack, size)
            entry = head[c, 0]
            while entry >= 0:
                if later[entry, 0] >= 0:
                    size = _merge(rows, c, later[entry, 0], waiting, stack, size)
                entry = later[entry, 3]
    return changed


@kernel
def _doubt(
    rows: Words,
    swept: Words,
    bits: Words,
    below: int,
    above: int,
    lost: Words,
    marks: NDArray[np.int8],
    lists: Ints,
    size: Ints,
) -> None:
    """`above` may lose those of the `bits` of `below` that the condensed graph does not give it.

    `lists` holds, side by side, the stack of components whose doubt must be carried on and the list of
    all in doubt, `size` their lengths; `marks`: 0 not in doubt, 1 listed, 2 on the stack as well.
    """
    grew = False
    for word in range(rows.shape[1]):
        more = bits[below, word] & rows[above, word] & ~lost[above, word]
        if above < len(swept):
            more &= ~swept[above, word]
        if more != 0:
            lost[above, word] |= more
            grew = True
    if grew:
        if marks[above] == 0:
            lists[size[1], 1] = above
            size[1] += 1
        if marks[above] < 2:
            lists[size[0], 0] = above
            size[0] += 1
            marks[above] = 2


@kernel
def _retract(
    rows: Words,
    swept: Words,
    forward: Ints,
    to: Ints,
    first: Ints,
    back: Ints,
    head: Ints,
    later: Ints,
    listed: int,
    alive: NDArray[np.bool_],
    lost: Words,
    marks: NDArray[np.int8],
    lists: Ints,
    waiting: NDArray[np.bool_],
    stack: Ints,
) -> int:
    size = np.zeros(2, np.int32)
    for k in range(listed):
        if later[k, 0] >= 0 and not alive[later[k, 2]]:
            _doubt(rows, swept, rows, later[k, 1], later[k, 0], lost, marks, lists, size)
            later[k, 0] = -1
    while size[0] > 0 and size[1] <= _MOST_DOUBTS:
        size[0] -= 1
        c = lists[size[0], 0]
        marks[c] = 1
        if c < len(swept):
            for at in range(first[c], first[c + 1]):
                _doubt(rows, swept, lost, c, back[at], lost, marks, lists, size)
        entry = head[c, 0]
        while entry >= 0:
            if later[entry, 0] >= 0:
                _doubt(rows, swept, lost, c, later[entry, 0], lost, marks, lists, size)
            entry = later[entry, 3]
    too_many = size[0] > 0
    for k in range(size[1]):
        c = lists[k, 1]
        marks[c] = 0
        for word in range(rows.shape[1]):
            if not too_many:
                rows[c, word] &= ~lost[c, word]
            lost[c, word] = 0
    if too_many:
        return -1
    return _rederive(rows, swept, forward, to, first, back, head, later, lists, int(size[1]), waiting, stack)


@kernel
def _rederive(
    rows: Words,
    swept: Words,
    forward: Ints,
    to: Ints,
    first: Ints,
    back: Ints,
    head: Ints,
    later: Ints,
    lists: Ints,
    count: int,
    waiting: NDArray[np.bool_],
    stack: Ints,
) -> int:
    """Give the components that were in doubt what they lead to; how many there were."""
    size = 0
    for k in range(count):
        c = lists[k, 1]
        if c < len(swept):
            for at in range(forward[c], forward[c + 1]):
                size = _merge(rows, to[at], c, waiting, stack, size)
        entry = head[c, 1]
        while entry >= 0:
            if later[entry, 0] >= 0:
                size = _merge(rows, later[entry, 1], c, waiting, stack, size)
            entry = later[entry, 4]
    _spread(rows, first, back, head, later, waiting, stack, size)
    return count
