"""Every position against every jewel, with AND edges: two sweeps that enclose the answer, and the rest settled.

*Lower*: AND edges left out. *Upper*: AND edges relaxed to OR (each start alone suffices). Plain
reach, hence one sweep each. `settle` (see there) decides pairs on which they differ, or leaves them
undecided when the budget ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.graph import Bools, Graph
from ringfence.analyse.reach.scc import Condensed, condense
from ringfence.analyse.reach.sweep import Sets, sweep


@dataclass(frozen=True, eq=False)
class Bounds:
    """lower ⊆ what each position alone reaches of the jewels ⊆ upper, as `Sets` over position numbers.

    `left_out` (bool[m]) are the edges that were not used at all. `tight` and `loose` are the two
    condensed graphs, kept for `settle`.
    """

    graph: Graph
    jewels: NDArray[np.int64]
    lower: Sets
    upper: Sets
    left_out: Bools
    tight: Condensed
    loose: Condensed

    def undecided(self) -> NDArray[np.int64]:
        """Numbers of the positions for which lower and upper differ."""
        if self.lower.component is self.upper.component:
            return np.flatnonzero((self.lower.rows != self.upper.rows).any(axis=1)[self.lower.component])
        return np.flatnonzero((self.lower.expand() != self.upper.expand()).any(axis=1))

    @property
    def exact(self) -> bool:
        """Whether nothing is undecided."""
        return not len(self.undecided())


def reach_sets(
    graph: Graph,
    jewels: Sequence[int] | NDArray[np.int64],
    *,
    banned_edges: Bools | None = None,
    with_unknown: bool = False,
) -> Bounds:
    """Two sweeps: which of `jewels` (position numbers, -1 allowed) does each position reach on its own?"""
    left_out = np.zeros(len(graph.to), np.bool_) if banned_edges is None else banned_edges.copy()
    if not with_unknown:
        left_out |= graph.edges.unknown
    targets = np.asarray(jewels, np.int64)
    alone = (graph.need == 1) & ~left_out
    source, target = graph.start[alone].max(axis=1, initial=-1), graph.to[alone]
    tight = condense(len(graph), source, target)
    lower = sweep(tight, targets)
    several = graph.and_edges[~left_out[graph.and_edges]]
    if not len(several):
        return Bounds(graph, targets, lower, lower, left_out, tight, tight)
    start, to = graph.start[several], graph.to[several]
    used = start >= 0
    loose = condense(
        len(graph),
        np.concatenate([source, start[used]]),
        np.concatenate([target, np.repeat(to, used.sum(axis=1))]),
    )
    return Bounds(graph, targets, lower, sweep(loose, targets), left_out, tight, loose)
