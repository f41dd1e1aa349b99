"""Edges as a graph: positions numbered 0 … n-1, edges listed by where they start and where they lead.

An edge with one start is an OR edge; one with two or three is an AND edge (a hyperedge), which
can be gone only when all of its starts are held.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.positions import Positions
from ringfence.analyse.reach.adjacency import Ints, adjacency, incidence

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Graph:
    """`edges` over dense numbers.

    `positions` (int64[n], ascending) gives the position of each number. `start` (int32[m, 3], -1
    where unused, no number twice in a row), `to` (int32[m]) and `need` (int8[m], how many distinct
    starts) describe edge k, the same k as in `edges`.
    """

    edges: Edges
    positions: Positions
    start: Ints
    to: Ints
    need: NDArray[np.int8]

    @classmethod
    def of(cls, edges: Edges) -> "Graph":
        """The graph of these edges. Every position that an edge names gets a number."""
        return graph_of(edges)

    def __len__(self) -> int:
        """How many positions."""
        return len(self.positions)

    @cached_property
    def forward(self) -> tuple[Ints, Ints]:
        """(first, edge): all edges that a position is a start of, AND edges under each start."""
        return incidence(len(self), self.start)

    @cached_property
    def backward(self) -> tuple[Ints, Ints]:
        """(first, edge): all edges that lead to a position."""
        return incidence(len(self), self.to.reshape(-1, 1))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """High minutes of every edge, as the searches want them."""
        return self.edges.high.astype(np.float64)

    @cached_property
    def and_edges(self) -> NDArray[np.int64]:
        """The numbers of all edges with several starts."""
        return np.flatnonzero(self.need > 1)

    @cached_property
    def targets(self) -> tuple[Ints, Ints]:
        """(first, to) of the OR edges alone."""
        alone = self.need == 1
        return adjacency(len(self), self.start[alone].max(axis=1, initial=-1), self.to[alone])

    def index(self, position: int) -> int:
        """The number of a position, -1 if no edge names it."""
        at = int(np.searchsorted(self.positions, position))
        return at if at < len(self) and self.positions[at] == position else -1

    def indices(self, positions: Positions) -> NDArray[np.int64]:
        """The numbers of several positions, -1 where no edge names one."""
        at = np.searchsorted(self.positions, positions)
        found = np.full(len(positions), -1, np.int64)
        inside = at < len(self)
        inside[inside] = self.positions[at[inside]] == positions[inside]
        found[inside] = at[inside]
        return found


def graph_of(edges: Edges) -> Graph:
    """Number the positions through a table indexed by position code: faster than any sort."""
    if not len(edges):
        return Graph(
            edges, np.zeros(0, np.int64), np.zeros((0, 3), np.int32), np.zeros(0, np.int32), np.zeros(0, np.int8)
        )
    highest = int(max(edges.start.max(), edges.to.max()))
    number = np.zeros(highest + 2, np.int32)  # the last slot is where NONE, -1, leads
    number[edges.start.ravel()] = 1
    number[edges.to] = 1
    number[-1] = 0
    positions = np.flatnonzero(number).astype(np.int64)
    number[positions] = np.arange(len(positions), dtype=np.int32)
    number[-1] = -1
    start = number[edges.start]
    return Graph(edges, positions, *_distinct(start, number[edges.to]))


def _distinct(start: Ints, to: Ints) -> tuple[Ints, Ints, NDArray[np.int8]]:
    """Strike out starts named twice by one edge, and count what is left."""
    one, two, three = start[:, 0], start[:, 1], start[:, 2]
    two[(two == one)] = -1
    three[(three == one) | (three == two)] = -1
    return start, to, (start >= 0).sum(axis=1).astype(np.int8)
