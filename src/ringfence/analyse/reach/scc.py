"""Strongly connected components, and what is left when each is drawn together: a graph without cycles.

Tarjan's algorithm in the memory-lean form of D. J. Pearce, "A space-efficient algorithm for
finding strongly connected components" (2016), without recursion. Components come out numbered so
that every edge between two of them leads to the lower number: a sweep from 0 upwards sees
everything a component reaches before the component itself.
"""

from dataclasses import dataclass

import numpy as np

from ringfence.analyse.reach.adjacency import Ints, adjacency
from ringfence.analyse.reach.jit import kernel


@dataclass(frozen=True, eq=False)
class Condensed:
    """`component` (int32[n]) of every node; `first`, `to`: the distinct edges between components.

    `members` lists the nodes component by component, from `member_first`.
    """

    component: Ints
    first: Ints
    to: Ints
    members: Ints
    member_first: Ints

    @property
    def count(self) -> int:
        """How many components."""
        return len(self.member_first) - 1

    @property
    def largest(self) -> int:
        """How many nodes the largest component has."""
        return int(np.diff(self.member_first).max(initial=0))


def condense(n: int, source: Ints, target: Ints) -> Condensed:
    """The components of a graph of n nodes given as an edge list (int32, no order needed)."""
    return condense_rows(*adjacency(n, source, target))


def condense_rows(first: Ints, to: Ints) -> Condensed:
    """The components of a graph given as compressed rows (see `adjacency`)."""
    component, members, member_first = components(first, to)
    dag_first, dag_to = _between(first, to, component, members, member_first)
    return Condensed(component, dag_first, dag_to, members, member_first)


@kernel
def components(first: Ints, to: Ints) -> tuple[Ints, Ints, Ints]:  # noqa: C901 - one loop, kept whole for speed
    """(component of each node, nodes grouped by component, where each group begins)."""
    n = len(first) - 2
    # low[v]: 0 unseen; 1 … n the lowest entry number reachable so far; above n: done, n + 1 + component.
    # One look at low[w] thus tells all about w, and done nodes never lower anything.
    low = np.zeros(n, np.int32)
    members = np.empty(n, np.int32)
    member_first = np.empty(n + 1, np.int32)
    open_nodes = np.empty(n, np.int32)
    path, path_next, path_entry = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    entry, count, filled, opened = 0, 0, 0, 0
    for root in range(n):
        if low[root] != 0:
            continue
        entry += 1
        v, own, lowest, depth = root, entry, entry, 0
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
                        low[w] = n + 1 + count
                        member_first[count] = filled
                        members[filled] = w
                        filled += 1
                        count += 1
                        continue
                    low[v] = lowest
                    path[depth], path_next[depth], path_entry[depth] = v, k, own
                    depth += 1
                    entry += 1
                    v, own, lowest = w, entry, entry
                    low[v] = own
                    k, end = first[v], first[v + 1]
                    deeper = True
                    break
                if seen < lowest:
                    lowest = seen
            if deeper:
                continue
            if lowest == own:
                member_first[count] = filled
                while opened > 0 and low[open_nodes[opened - 1]] >= own:
                    opened -= 1
                    members[filled] = open_nodes[opened]
                    low[open_nodes[opened]] = n + 1 + count
                    filled += 1
                members[filled] = v
                low[v] = n + 1 + count
                filled += 1
                count += 1
            else:
                low[v] = lowest
                open_nodes[opened] = v
                opened += 1
            if depth == 0:
                break
            came = low[v]
            depth -= 1
            v, k, own = path[depth], path_next[depth], path_entry[depth]
            end = first[v + 1]
            lowest = low[v]
            if came < lowest:
                lowest = came
    member_first[count] = n
    for v in range(n):
        low[v] -= n + 1
    return low, members, member_first[: count + 1].copy()


@kernel
def _between(first: Ints, to: Ints, component: Ints, members: Ints, member_first: Ints) -> tuple[Ints, Ints]:
    """(first, to): the distinct edges between components."""
    count = len(member_first) - 1
    dag_first = np.zeros(count + 1, np.int32)
    dag_to = np.empty(len(to), np.int32)
    stamp = np.full(count, -1, np.int32)
    filled = 0
    for c in range(count):
        dag_first[c] = filled
        stamp[c] = c
        for at in range(member_first[c], member_first[c + 1]):
            v = members[at]
            for k in range(first[v], first[v + 1]):
                d = component[to[k]]
                if stamp[d] != c:
                    stamp[d] = c
                    dag_to[filled] = d
                    filled += 1
    dag_first[count] = filled
    return dag_first, dag_to[:filled].copy()
