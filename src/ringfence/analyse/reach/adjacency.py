"""Compressed rows: for each node the list of what hangs on it, by counting sort."""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.jit import kernel

Ints = NDArray[np.int32]


@kernel
def adjacency(n: int, source: Ints, target: Ints) -> tuple[Ints, Ints]:
    """(first, to): the targets of node v are `to[first[v]:first[v + 1]]`, in the order given.

    `first` has n + 2 entries, the last being a copy, so that a slot more serves as a cursor.
    """
    first = np.zeros(n + 2, np.int32)
    for k in range(len(source)):
        first[source[k] + 2] += 1
    for v in range(2, n + 2):
        first[v] += first[v - 1]
    to = np.empty(len(source), np.int32)
    for k in range(len(source)):
        at = first[source[k] + 1]
        first[source[k] + 1] = at + 1
        to[at] = target[k]
    return first, to


@kernel
def incidence(n: int, start: Ints) -> tuple[Ints, Ints]:
    """(first, edge): the edges that node v is a start of. `start` is m × 3, -1 where unused."""
    first = np.zeros(n + 2, np.int32)
    for k in range(start.shape[0]):
        for slot in range(start.shape[1]):
            if start[k, slot] >= 0:
                first[start[k, slot] + 2] += 1
    for v in range(2, n + 2):
        first[v] += first[v - 1]
    edge = np.empty(first[n + 1], np.int32)
    for k in range(start.shape[0]):
        for slot in range(start.shape[1]):
            if start[k, slot] >= 0:
                at = first[start[k, slot] + 1]
                first[start[k, slot] + 1] = at + 1
                edge[at] = k
    return first, edge
