"""Random AND/OR graphs, and reach over them by the plainest code there is."""

import numpy as np

from ringfence.analyse.derive import Edges

Plain = list[tuple[frozenset[int], int]]
"""Edges as (starts, to)."""


def edges_of(start: np.ndarray, to: np.ndarray, unknown: np.ndarray | None = None) -> Edges:
    """Edges with nothing but ends; the weights are 1 … 5 minutes, by number."""
    count = len(to)
    high = (np.arange(count) * 7 % 5 + 1).astype(np.float32)
    return Edges(
        (np.arange(count) % 3).astype(np.int16),
        start.astype(np.int64),
        to.astype(np.int64),
        np.full((count, 8), -1, np.int64),
        high / 2,
        high,
        np.zeros(count, np.bool_) if unknown is None else unknown,
    )


def random_edges(random: np.random.Generator) -> Edges:
    """Up to 12 positions and 24 edges, of which about a third need two or three starts (some named twice)."""
    nodes, count = int(random.integers(2, 13)), int(random.integers(1, 25))
    names = np.sort(random.choice(200, nodes, replace=False))
    start = names[random.integers(0, nodes, (count, 3))]
    size = random.integers(0, 9, count)
    start[size < 6, 1] = -1
    start[size < 8, 2] = -1
    return edges_of(start, names[random.integers(0, nodes, count)], random.random(count) < 0.1)


def plain(edges: Edges, with_unknown: bool = True) -> Plain:
    """The edges as Python sets."""
    rows = zip(edges.start.tolist(), edges.to.tolist(), edges.unknown.tolist(), strict=True)
    return [(frozenset(row) - {-1}, to) for row, to, unknown in rows if with_unknown or not unknown]


def brute(graph: Plain, held: set[int]) -> set[int]:
    """Everything that falls: try every edge until nothing more does."""
    reached = set(held)
    while True:
        graph = [edge for edge in graph if edge[1] not in reached]
        fired = {to for starts, to in graph if starts <= reached}
        if not fired:
            return reached
        reached |= fired


def loosened(graph: Plain) -> Plain:
    """Every AND edge replaced by one OR edge per start."""
    return [(frozenset({one}), to) for starts, to in graph for one in starts]
