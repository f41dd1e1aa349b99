"""Strongly connected components, and what is left when each is drawn together: a graph without cycles.

Tarjan's algorithm in the memory-lean form of D. J. Pearce, "A space-efficient algorithm for
finding strongly connected components" (2016), without recursion. Components come out numbered so
that every edge between two of them leads to the lower number: a sweep from 0 upwards sees
everything a component reaches before the component itself.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints, adjacency
from ringfence.analyse.reach.jit import kernel


@dataclass(frozen=True, eq=False)
class Condensed:
    """`component` (int32[n]) of every node; `first`, `to`: the distinct edges between components."""

    component: Ints
    first: Ints
    to: Ints

    @property
    def count(self) -> int:
        """How many components."""
        return len(self.first) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many nodes each component has."""
        return np.bincount(self.component, minlength=self.count)

    @cached_property
    def members(self) -> tuple[Ints, Ints]:
        """(first, node): the nodes of each component, ascending."""
        return adjacency(self.count, self.component, np.arange(len(self.component), dtype=np.int32))


def condense(n: int, source: Ints, target: Ints) -> Condensed:
    """The components of a graph of n nodes given as an edge list (int32, no order needed)."""
    return condense_rows(*adjacency(n, source, target))


def condense_rows(first: Ints, to: Ints) -> Condensed:
    """The components of a graph given as compressed rows (see `adjacency`)."""
    # Scratch space comes from numpy, whose large arrays lie on huge pages where the system has them:
    # the walk is random, and would otherwise wait for the page tables.
    n = len(first) - 2
    return Condensed(*_condense(first, to, np.zeros((8, n + 1), np.int32), np.empty((2, len(to)), np.int32)))


@kernel
def _condense(  # noqa: C901 - one loop, kept whole for speed
    first: Ints, to: Ints, per_node: Ints, per_edge: Ints
) -> tuple[Ints, Ints, Ints]:
    """(component of each node, first, to of the edges between components). `per_node` begins as zeros."""
    n = len(first) - 2
    # low[v]: 0 unseen; 1 … n the lowest entry number reachable so far; above n: done, n + 1 + component.
    # One look at low[w] thus tells all about w, and done nodes never lower anything.
    low, open_nodes, dag_first, stamp = per_node[0, :n], per_node[1], per_node[2], per_node[3]
    path, path_next, path_entry, path_mark = per_node[4], per_node[5], per_node[6], per_node[7]
    # An edge to a done node leaves its component. Such edges wait on a stack: when a component is
    # done, those above its root's mark are its own, since the components below took theirs away.
    leaving, dag_to = per_edge[0], per_edge[1]
    entry, count, opened, left, kept = 0, 0, 0, 0, 0
    for root in range(n):
        if low[root] != 0:
            continue
        entry += 1
        v, own, lowest, depth, mark = root, entry, entry, 0, left
        low[v] = own
        k, end = first[v], first[v + 1]
        while True:
            deeper = False
            while k < end:
                w = to[k]
                k += 1
                seen = low[w]
                if seen == 0:
                    if first[w] == first[w + 1]:  # leads nowhere: done at once
                        seen = n + 1 + count
                        low[w] = seen
                        count += 1
                        dag_first[count] = kept
                    else:
                        low[v] = lowest
                        path[depth], path_next[depth], path_entry[depth], path_mark[depth] = v, k, own, mark
                        depth += 1
                        entry += 1
                        v, own, lowest, mark = w, entry, entry, left
                        low[v] = own
                        k, end = first[v], first[v + 1]
                        deeper = True
                        break
                if seen > n:
                    leaving[left] = seen - n - 1
                    left += 1
                elif seen < lowest:
                    lowest = seen
            if deeper:
                continue
            if lowest == own:
                while opened > 0 and low[open_nodes[opened - 1]] >= own:
                    opened -= 1
                    low[open_nodes[opened]] = n + 1 + count
                low[v] = n + 1 + count
                count += 1
                while left > mark:
                    left -= 1
                    if stamp[leaving[left]] != count:
                        stamp[leaving[left]] = count
                        dag_to[kept] = leaving[left]
                        kept += 1
                dag_first[count] = kept
            else:
                low[v] = lowest
                open_nodes[opened] = v
                opened += 1
            if depth == 0:
                break
            came = low[v]
            depth -= 1
            v, k, own, mark = path[depth], path_next[depth], path_entry[depth], path_mark[depth]
            end = first[v + 1]
            lowest = low[v]
            if came > n:
                leaving[left] = came - n - 1
                left += 1
            elif came < lowest:
                lowest = came
    for v in range(n):
        low[v] -= n + 1
    return low.copy(), dag_first[: count + 1].copy(), dag_to[:kept].copy()
