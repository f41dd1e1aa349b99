"""Every position against every jewel, with AND edges: two sweeps that enclose the answer, and the rest settled.

*Lower*: AND edges left out. *Upper*: AND edges relaxed to OR (each start alone suffices). Plain
reach, hence one sweep each. Pairs on which they differ are settled exactly by running the AND/OR
fixpoint for 512 positions at once, one bit for each, or stay undecided when the budget ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.graph import Bools, Graph
from ringfence.analyse.reach.jit import kernel
from ringfence.analyse.reach.scc import Condensed, condense
from ringfence.analyse.reach.sweep import Sets, Words, sweep

_BLOCK_WORDS = 8
_BLOCK = 64 * _BLOCK_WORDS


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


def settle(bounds: Bounds, seconds: float = 2.0) -> Bounds:
    """Decide the pairs on which the bounds differ, exactly, until `seconds` are spent.

    Positions of one component of the lower graph reach one another by OR edges alone, so that one of
    them answers for all. What stays undecided keeps its old bounds.
    """
    open_rows = bounds.undecided()
    if not len(open_rows):
        return bounds
    graph = bounds.graph
    lower, upper = bounds.lower.expand(), bounds.upper.expand()
    component = bounds.tight.component[open_rows]
    chosen = np.full(bounds.tight.count, -1, np.int64)
    chosen[component] = open_rows
    sources = chosen[chosen >= 0]
    words = lower.shape[1]
    lacking = graph.need.copy()
    lacking[bounds.left_out] = 0
    deadline = monotonic() + seconds
    answers = np.zeros((bounds.tight.count, words), np.uint64)
    answered = np.zeros(bounds.tight.count, np.bool_)
    for begin in range(0, len(sources), _BLOCK):
        block = sources[begin : begin + _BLOCK]
        found = _fixpoint_of_many(
            *graph.forward,
            graph.start,
            graph.to,
            lacking,
            bounds.loose.component,
            *bounds.loose.members,
            block.astype(np.int32),
        )
        for jewel, at in enumerate(bounds.jewels.tolist()):
            if at >= 0:
                bits = np.unpackbits(found[at].view(np.uint8), bitorder="little")[: len(block)].astype(np.uint64)
                answers[bounds.tight.component[block], jewel // 64] |= bits << np.uint64(jewel % 64)
        answered[bounds.tight.component[block]] = True
        if monotonic() > deadline:
            break
    done = open_rows[answered[component]]
    exact = answers[bounds.tight.component[done]]
    lower[done] = exact
    upper[done] = exact
    each = np.arange(len(graph), dtype=np.int32)
    return replace(bounds, lower=Sets(each, lower, len(bounds.jewels)), upper=Sets(each, upper, len(bounds.jewels)))


@kernel
def _fixpoint_of_many(  # noqa: C901 - one loop, kept whole for speed
    first: Ints,
    incident: Ints,
    start: Ints,
    to: Ints,
    need: NDArray[np.int8],
    component: Ints,
    member_first: Ints,
    members: Ints,
    sources: Ints,
) -> Words:
    """uint64[n, 8]: bit i of a position's row says that sources[i] alone reaches it, AND edges obeyed.

    Bits never mix, so that 512 fixpoints run in one. Edges lead to components of equal or lower
    number: components are taken from the top, each repeated until it is still. need 0: edge unused.
    """
    n = len(component)
    rows = np.zeros((n, 8), np.uint64)
    waiting = np.zeros(n, np.bool_)
    for i in range(len(sources)):
        rows[sources[i], i // 64] |= np.uint64(1) << np.uint64(i % 64)
        waiting[sources[i]] = True
    stack = np.empty(n, np.int32)
    for c in range(len(member_first) - 3, -1, -1):
        size = 0
        for at in range(member_first[c], member_first[c + 1]):
            if waiting[members[at]]:
                stack[size] = members[at]
                size += 1
        while size > 0:
            size -= 1
            v = stack[size]
            waiting[v] = False
            for k in range(first[v], first[v + 1]):
                edge = incident[k]
                if need[edge] == 0:
                    continue
                w = to[edge]
                grew = False
                for word in range(8):
                    bits = rows[v, word]
                    if need[edge] > 1:
                        for slot in range(start.shape[1]):
                            if start[edge, slot] >= 0:
                                bits &= rows[start[edge, slot], word]
                    if bits & ~rows[w, word] != 0:
                        rows[w, word] |= bits
                        grew = True
                if grew and not waiting[w]:
                    waiting[w] = True
                    if component[w] == c:
                        stack[size] = w
                        size += 1
    return rows
