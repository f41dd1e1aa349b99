"""Compressed rows: for each node the list of what hangs on it, by counting sort."""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.jit import kernel

Ints = NDArray[np.int32]


def adjacency(n: int, source: Ints, target: Ints) -> tuple[Ints, Ints]:
    """(first, to): the targets of node v are `to[first[v]:first[v + 1]]`, in the order given.

    `first` has n + 2 entries, the last being a copy, so that a slot more serves as a cursor.
    """
    # Both arrays come from numpy, which lays large ones on huge pages where the system has them.
    first, to = np.zeros(n + 2, np.int32), np.empty(len(source), np.int32)
    _sort_by_source(first, to, source, target)
    return first, to


def incidence(n: int, start: Ints) -> tuple[Ints, Ints]:
    """(first, edge): the edges that node v is a start of. `start` is m × k, -1 where unused."""
    used = start >= 0
    edge = np.repeat(np.arange(len(start), dtype=np.int32), used.sum(axis=1))
    return adjacency(n, start[used], edge)


@kernel
def _sort_by_source(first: Ints, to: Ints, source: Ints, target: Ints) -> None:
    for k in range(len(source)):
        first[source[k] + 2] += 1
    for v in range(2, len(first)):
        first[v] += first[v - 1]
    for k in range(len(source)):
        at = first[source[k] + 1]
        first[source[k] + 1] = at + 1
        to[at] = target[k]
