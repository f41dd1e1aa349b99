"""From every position the quickest way to some target, all at once: one search with the edges turned round."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.fixpoint import reach_from
from ringfence.analyse.reach.graph import Graph


@dataclass(frozen=True, eq=False)
class Near:
    """Per position number, and one entry more for the number -1: what the quickest way to a target takes.

    `minutes` (float64, high minutes, infinite where there is no way), `hops` (int32, -1 where there is none) and
    `first` (int64), the edge that the way begins with, -1 where there is none or where the position is a target. A
    lower bound: a start of an AND move counts as if it sufficed.
    """

    minutes: NDArray[np.float64]
    hops: Ints
    first: NDArray[np.int64]


def nearest(graph: Graph, targets: NDArray[np.int64], *, with_unknown: bool = False) -> Near:
    """How near each position is to the nearest of `targets` (position numbers); `with_unknown` as in `reach_from`."""
    edges = graph.edges
    used = edges.start >= 0
    if not with_unknown:
        used &= ~edges.unknown[:, None]
    which, slot = np.nonzero(used)
    minutes, hops = np.full(len(graph) + 1, np.inf), np.full(len(graph) + 1, -1, np.int32)
    first = np.full(len(graph) + 1, -1, np.int64)
    back = np.full((len(which), edges.start.shape[1]), -1, np.int64)
    back[:, 0] = edges.to[which]
    turned = Edges(
        edges.move[which],
        back,
        edges.start[which, slot],
        np.zeros((len(which), 0), np.int64),
        edges.low[which],
        edges.high[which],
        np.zeros(len(which), np.bool_),
    )
    reverse = Graph.of(turned)
    ends = reverse.indices(graph.positions[targets])
    found = reach_from(reverse, ends[ends >= 0].tolist())
    at = graph.indices(reverse.positions)
    minutes[at], hops[at] = found.minutes_high, found.hops
    reached = found.parent >= 0
    first[at[reached]] = which[found.parent[reached]]
    minutes[targets], hops[targets], first[targets] = 0.0, 0, -1
    return Near(minutes, hops, first)
