"""The k cheapest ways from what an attacker holds to one position.

        Reached.cost ─▶ A* backwards from the target ─▶ Yen's deviations ─▶ AND starts filled in ─▶ Path

J. Y. Yen, "Finding the k shortest loopless paths in a network" (1971), with Lawler's saving,
walked backwards because the exact cost from the footholds to every position is known already and
makes a perfect guide. An AND-move is entered through one of its starts; the cheapest derivations
of its others are charged to the step and then written out, each distinct step once.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.fixpoint import Floats, Reached, reach_from
from ringfence.analyse.reach.graph import Bools, Graph
from ringfence.analyse.reach.jit import kernel


class Path(msgspec.Struct, frozen=True):
    """One way: edges of the graph in an order in which every start is already held.

    `low` and `high` are summed minutes of the distinct steps; paths are sorted by `high`. `exact`:
    no cheaper way of this rank can exist (false where AND-moves share steps).
    """

    edges: tuple[int, ...]
    low: float
    high: float
    exact: bool


def cheapest_paths(
    graph: Graph,
    footholds: Sequence[int],
    target: int,
    k: int = 10,
    *,
    banned_edges: Bools | None = None,
    banned_moves: Collection[int] = (),
    banned_positions: Collection[int] = (),
) -> list[Path]:
    """The `k` cheapest distinct ways from `footholds` (held together) to `target`, position numbers.

    Distinct means by the positions passed; of several facts or moves for one step the quickest
    stands. Empty if the target is not reached; one empty path if it is a foothold.
    """
    reached = reach_from(
        graph,
        footholds,
        banned_edges=banned_edges,
        banned_moves=banned_moves,
        banned_positions=banned_positions,
    )
    return paths_in(reached, target, k)


def paths_in(reached: Reached, target: int, k: int = 10) -> list[Path]:
    """The same from a reach that is there already."""
    if target < 0 or not reached.mask[target]:
        return []
    if target in reached.footholds:
        return [Path((), 0.0, 0.0, True)]
    ranked = _ranked(reached, target, k)
    first = ranked[0]
    exact = first.high <= reached.least_at(target) * (1 + 1e-9)
    return [msgspec.structs.replace(first, exact=exact), *ranked[1:]]


def _ranked(reached: Reached, target: int, k: int) -> list[Path]:
    """The k cheapest distinct ways among as many walks as it takes.

    Written out, walks through AND-moves can coincide, and cost less than they were charged for, so
    that they stand in another order: then twice as many are taken, and more until k are distinct.
    """
    search = _Search(reached)
    best = _Distinct(reached, ())
    for most in (2 * k + 5, _MOST_WALKS * k):
        # The derivation that `reach` reports may share more steps than a way of the same cost walked backwards.
        best = _Distinct(reached, [tuple(reached.derivation(target))])
        enough = k
        for walk in _walks(search, target, most):
            enough = most if best.add(walk) else enough
            if best.walks >= enough and len(best.paths) >= k:
                break
        if len(best.paths) >= k or best.walks < most:
            break
    return sorted(best.paths.values(), key=lambda path: (path.high, len(path.edges)))[:k]


_MOST_WALKS = 12
"""So many walks at most per way asked for: a bound on time where nearly all of them coincide."""


class _Distinct:
    """Ways written out, each set of steps once."""

    def __init__(self, reached: Reached, first: Sequence[tuple[int, ...]]) -> None:
        self.reached, self.walks = reached, 0
        self.paths: dict[frozenset[int], Path] = {}
        for edges in first:
            self.add(edges)
        self.walks = 0

    def add(self, edges: Sequence[int]) -> bool:
        """Take one walk; returns whether an AND-move is on it."""
        path = _written_out(self.reached, edges)
        self.paths.setdefault(frozenset(path.edges), path)
        self.walks += 1
        return not path.exact


class _Search:
    """The arrays of one search, allocated once."""

    def __init__(self, reached: Reached) -> None:
        graph = reached.graph
        self.reached = reached
        self.first, self.incident = graph.backward
        self.usable = ~reached.bans.edges
        self.weight = graph.weights
        self.dist = np.full(len(graph), np.inf)
        self.next_edge = np.full(len(graph), -1, np.int32)
        self.shut = np.zeros(len(graph), np.bool_)
        self.held = np.zeros(len(graph), np.bool_)
        self.held[list(reached.footholds)] = True

    def cheapest(
        self, node: int, banned: Collection[int], passed: Sequence[int], bound: float
    ) -> tuple[float, list[tuple[int, int]]]:
        """(cost, [(edge, start)] from `node` back to a foothold), not through `passed`, not first to `banned`."""
        shut = np.array(passed, np.int32)
        self.shut[shut] = True
        graph = self.reached.graph
        goal, cost = _backwards(
            self.first,
            self.incident,
            graph.start,
            self.usable,
            self.weight,
            self.reached.cost,
            self.held,
            self.shut,
            node,
            np.array(sorted(banned), np.int32),
            self.dist,
            self.next_edge,
            bound,
        )
        self.shut[shut] = False
        steps: list[tuple[int, int]] = []
        while goal >= 0 and goal != node:
            edge = int(self.next_edge[goal])
            steps.append((edge, goal))
            goal = int(graph.to[edge])
        return cost, steps[::-1]


def _walks(search: _Search, target: int, most: int) -> Iterator[tuple[int, ...]]:
    """Edges of ways from the footholds to the target, the cheapest as charged first; at most `most`."""
    reached = search.reached
    _, steps = search.cheapest(target, (), (), np.inf)
    done: list[list[tuple[int, int]]] = []
    waiting: list[tuple[float, int, int, list[tuple[int, int]]]] = [(float(reached.cost[target]), 0, 0, steps)]
    count = 0
    while waiting and len(done) < most:
        _, _, since, steps = heapq.heappop(waiting)
        done.append(steps)
        yield tuple(edge for edge, _ in reversed(steps))
        spent = 0.0
        for at in range(len(steps)):
            node = steps[at - 1][1] if at else target
            if at >= since:
                root = [start for _, start in steps[:at]]
                banned = {way[at][1] for way in done if len(way) > at and [start for _, start in way[:at]] == root}
                cost, rest = search.cheapest(node, banned, [target, *root], _bound(waiting, most - len(done)) - spent)
                if rest:
                    count += 1
                    heapq.heappush(waiting, (spent + cost, count, at, steps[:at] + rest))
            spent += _arc(reached, *steps[at])


def _bound(waiting: Sequence[tuple[float, int, int, list[tuple[int, int]]]], wanted: int) -> float:
    """A way that costs as much is of no use: so many cheaper ones are waiting already."""
    return sorted(entry[0] for entry in waiting)[wanted - 1] if len(waiting) >= wanted > 0 else np.inf


def _arc(reached: Reached, edge: int, start: int) -> float:
    """What a step charges: its own minutes and the cheapest derivations of its other starts."""
    starts = reached.graph.start[edge]
    others = sum(float(reached.cost[other]) for other in starts if other >= 0 and other != start)
    return float(reached.graph.edges.high[edge]) + others


def _written_out(reached: Reached, edges: Sequence[int]) -> Path:
    """The way with the derivations of AND starts put in where they are needed, each distinct step once."""
    graph = reached.graph
    held = set(reached.footholds)
    steps: list[int] = []
    joined = False
    for edge in edges:
        starts = [int(start) for start in graph.start[edge] if start >= 0]
        joined |= len(starts) > 1
        for start in starts:
            for step in reached.derivation(start) if start not in held else ():
                if int(graph.to[step]) not in held:
                    steps.append(step)
                    held.add(int(graph.to[step]))
        if int(graph.to[edge]) not in held:
            steps.append(edge)
            held.add(int(graph.to[edge]))
    low, high = (float(column[steps].sum(dtype=np.float64)) for column in (graph.edges.low, graph.edges.high))
    return Path(tuple(steps), low, high, not joined)


@kernel
def _backwards(  # noqa: C901 - one hot loop: a heap and a relaxation, in arrays
    first: Ints,
    incident: Ints,
    start: Ints,
    usable: Bools,
    weight: Floats,
    guide: Floats,
    held: NDArray[np.bool_],
    shut: NDArray[np.bool_],
    node: int,
    banned: Ints,
    dist: Floats,
    next_edge: Ints,
    bound: float,
) -> tuple[int, float]:
    """A* from `node` against the edges to the nearest foothold. (-1, inf): none below `bound`.

    `guide` is the exact cost from the footholds, hence never too high. Leaves the way in `next_edge`.
    """
    size = 0
    capacity = 1024
    keys = np.empty(capacity, np.float64)
    rests = np.empty(capacity, np.float64)
    nodes = np.empty(capacity, np.int32)
    touched = np.empty(capacity, np.int32)
    count = 0
    dist[node] = 0.0
    keys[0], rests[0], nodes[0] = guide[node], guide[node], node
    touched[0] = node
    size, count = 1, 1
    goal, cost = -1, np.inf
    while size > 0:
        key, v = keys[0], nodes[0]
        size -= 1
        # sift the last entry down
        last_key, last_rest, last_node = keys[size], rests[size], nodes[size]
        at = 0
        while True:
            child = 2 * at + 1
            if child >= size:
                break
            right = child + 1
            if right < size and (
                keys[right] < keys[child] or (keys[right] == keys[child] and rests[right] < rests[child])
            ):
                child = right
            if not (keys[child] < last_key or (keys[child] == last_key and rests[child] < last_rest)):
                break
            keys[at], rests[at], nodes[at] = keys[child], rests[child], nodes[child]
            at = child
        keys[at], rests[at], nodes[at] = last_key, last_rest, last_node
        if key > dist[v] + guide[v] + 1e-9 * (1.0 + key):
            continue  # an older, dearer entry
        if held[v]:
            goal, cost = v, dist[v]
            break
        for k in range(first[v], first[v + 1]):
            edge = incident[k]
            if not usable[edge]:
                continue
            whole = weight[edge]
            for slot in range(3):
                if start[edge, slot] >= 0:
                    whole += guide[start[edge, slot]]
            if not np.isfinite(whole):
                continue
            for slot in range(3):
                u = start[edge, slot]
                if u < 0 or shut[u] or u == node:
                    continue
                if v == node:
                    skip = False
                    for other in banned:
                        if other == u:
                            skip = True
                    if skip:
                        continue
                total = dist[v] + whole - guide[u]
                estimate = dist[v] + whole
                if estimate >= bound or total >= dist[u]:
                    continue
                if dist[u] == np.inf:
                    if count == len(touched):
                        touched = np.append(touched, np.empty(count, np.int32))
                    touched[count] = u
                    count += 1
                dist[u] = total
                next_edge[u] = edge
                if size == capacity:
                    keys = np.append(keys, np.empty(capacity, np.float64))
                    rests = np.append(rests, np.empty(capacity, np.float64))
                    nodes = np.append(nodes, np.empty(capacity, np.int32))
                    capacity *= 2
                at = size
                size += 1
                while at > 0:
                    up = (at - 1) // 2
                    if keys[up] < estimate or (keys[up] == estimate and rests[up] <= guide[u]):
                        break
                    keys[at], rests[at], nodes[at] = keys[up], rests[up], nodes[up]
                    at = up
                keys[at], rests[at], nodes[at] = estimate, guide[u], u
    for i in range(count):
        dist[touched[i]] = np.inf
    return goal, cost
