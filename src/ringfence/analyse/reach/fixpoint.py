"""What falls from one set of footholds, exactly: the least fixpoint of AND/OR rules, and how fast.

Reach is Dowling and Gallier's linear algorithm: every edge counts down the starts it still lacks.
Time is Knuth's generalisation of Dijkstra's algorithm to AND/OR graphs, D. E. Knuth,
"A generalization of Dijkstra's algorithm" (1977): an edge costs its high minutes plus the costs of
all its starts.

What `minutes` means. Each position keeps the derivation whose Knuth cost is least (a shared step is
counted once per use there). Its `minutes` are the sums of low and of high minutes over the
*distinct* steps of that derivation, its `hops` their number. Without AND edges in the derivations
that compete, that is the cheapest path. With them, `high` is an upper bound on the cheapest
derivation (finding that one is NP-hard) and `least` a lower bound: an edge counts only its
dearest start. Where the two meet, `exact` is true.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.graph import Bools, Graph
from ringfence.analyse.reach.jit import kernel
from ringfence.estate.estate import PREDICATE_CODE

Floats = NDArray[np.float64]
_NEVER = 100  # more starts than an edge can have: it lacks some for ever


@dataclass(frozen=True, eq=False)
class Bans:
    """What may not be used: edges, moves (by index), positions (by number). `edges` also carries "known only"."""

    edges: Bools
    positions: Bools

    @classmethod
    def of(
        cls,
        graph: Graph,
        banned_edges: Bools | None = None,
        banned_moves: Collection[int] = (),
        banned_positions: Collection[int] = (),
        with_unknown: bool = False,
    ) -> "Bans":
        """The bans as masks over the edges and positions of `graph`."""
        edges = np.zeros(len(graph.to), np.bool_) if banned_edges is None else banned_edges.copy()
        if banned_moves:
            edges |= np.isin(graph.edges.move, np.fromiter(banned_moves, np.int64, len(banned_moves)))
        if not with_unknown:
            edges |= graph.edges.unknown
        positions = np.zeros(len(graph), np.bool_)
        if banned_positions:
            positions[np.fromiter(banned_positions, np.int64, len(banned_positions))] = True
        return cls(edges, positions)


@dataclass(frozen=True, eq=False)
class Reached:
    """What one set of footholds reaches, as arrays over all positions of `graph`.

    `mask`: reached at all; `minutes_low`, `minutes_high` (float64, infinite where not reached); `hops` (int32, -1
    where not reached); `cost`: the Knuth cost, infinite where not reached; `parent`: the last edge of the
    position's derivation, -1 for footholds;
    `order`: the positions reached, by ascending Knuth cost, every one after those it rests on.
    """

    graph: Graph
    footholds: tuple[int, ...]
    mask: Bools
    cost: Floats
    parent: Ints
    order: Ints
    bans: Bans

    def __contains__(self, position: int) -> bool:
        return bool(self.mask[position])

    def __len__(self) -> int:
        """How many positions are reached, footholds included."""
        return len(self.order)

    def derivation(self, position: int) -> list[int]:
        """The edges of the derivation of a reached position, in an order in which every start is already held."""
        seen: set[int] = set()
        steps: list[int] = []
        stack = [(position, False)]
        while stack:
            node, done = stack.pop()
            edge = int(self.parent[node])
            if done:
                steps.append(edge)
            elif node not in seen and edge >= 0:
                seen.add(node)
                stack.append((node, True))
                stack += [(int(start), False) for start in self.graph.start[edge][::-1] if start >= 0]
        return steps

    @cached_property
    def _sums(self) -> tuple[Ints, Floats, Floats]:
        edges = self.graph.edges
        return _tally(self.graph.start, self.parent, self.order, edges.low, edges.high, len(self.graph))

    @property
    def hops(self) -> Ints:
        """How many distinct steps each derivation has."""
        return self._sums[0]

    @property
    def minutes_low(self) -> Floats:
        """Low minutes summed over the distinct steps."""
        return self._sums[1]

    @property
    def minutes_high(self) -> Floats:
        """High minutes summed over the distinct steps."""
        return self._sums[2]

    @cached_property
    def least(self) -> Floats:
        """Lower bound of the high minutes of the cheapest derivation: an AND edge counts its dearest start only."""
        return _run(self.graph, self.footholds, self.bans, False, -1)[0]

    def least_at(self, position: int) -> float:
        """The same for one position, without going on to those beyond it."""
        return float(_run(self.graph, self.footholds, self.bans, False, position)[0][position])

    @cached_property
    def exact(self) -> Bools:
        """Where `minutes_high` is surely the cost of the cheapest derivation of all."""
        return self.mask & (self.minutes_high <= self.least * (1 + 1e-9))


def _run(graph: Graph, footholds: Sequence[int], bans: Bans, add: bool, stop: int) -> tuple[Floats, Ints, Ints]:
    first, incident = graph.forward
    return _cheapest(
        first,
        incident,
        graph.start,
        graph.to,
        _lacking(graph, bans),
        graph.weights,
        np.array(footholds, np.int32),
        bans.positions,
        add,
        stop,
    )


def reach_from(
    graph: Graph,
    footholds: Sequence[int],
    *,
    banned_edges: Bools | None = None,
    banned_moves: Collection[int] = (),
    banned_positions: Collection[int] = (),
    with_unknown: bool = False,
) -> Reached:
    """Everything that `footholds` (position numbers, held together) reach, with hops and minutes.

    `with_unknown` also uses edges that rest on something not collected. A banned foothold is not held.
    """
    bans = Bans.of(graph, banned_edges, banned_moves, banned_positions, with_unknown)
    held = tuple(sorted({foot for foot in footholds if foot >= 0 and not bans.positions[foot]}))
    cost, parent, order = _run(graph, held, bans, True, -1)
    return Reached(graph, held, np.isfinite(cost), cost, parent, order, bans)


def closure(
    graph: Graph,
    footholds: Sequence[int],
    *,
    banned_edges: Bools | None = None,
    banned_moves: Collection[int] = (),
    banned_positions: Collection[int] = (),
    with_unknown: bool = False,
) -> Bools:
    """Only the mask of what `footholds` reach: no minutes, linear time, several times faster than `reach_from`."""
    bans = Bans.of(graph, banned_edges, banned_moves, banned_positions, with_unknown)
    held = np.fromiter((foot for foot in footholds if foot >= 0), np.int32)
    first, incident = graph.forward
    return _close(first, incident, graph.to, _lacking(graph, bans), held, bans.positions)


def unknown_reached(graph: Graph, footholds: Sequence[int]) -> list[tuple[int, int]]:
    """(position number, row of the `asked` fact) for all that is reached only if something uncollected holds.

    The fact is that of the last unknown edge on the position's derivation.
    """
    if not graph.edges.unknown.any():
        return []
    known = closure(graph, footholds)
    reached = reach_from(graph, footholds, with_unknown=True)
    asked = PREDICATE_CODE["asked"]
    found: list[tuple[int, int]] = []
    blame = np.full(len(graph), -1, np.int64)
    for position in reached.order.tolist():
        edge = int(reached.parent[position])
        if edge < 0 or known[position]:
            continue
        if graph.edges.unknown[edge]:
            because = graph.edges.because[edge]
            blame[position] = because[(because >> 32) == asked].max(initial=-1)
        else:
            starts = graph.start[edge]
            blame[position] = blame[starts[starts >= 0]].max(initial=-1)
        found.append((position, int(blame[position])))
    return found


def _lacking(graph: Graph, bans: Bans) -> NDArray[np.int8]:
    """How many starts each edge still lacks; a banned edge lacks some for ever."""
    lacking = graph.need.copy()
    lacking[bans.edges] = _NEVER
    return lacking


@kernel
def _close(
    first: Ints, incident: Ints, to: Ints, lacking: NDArray[np.int8], footholds: Ints, banned: Bools
) -> NDArray[np.bool_]:
    reached = np.zeros(len(banned), np.bool_)
    queue = np.empty(len(banned), np.int32)
    filled = 0
    for v in footholds:
        if not reached[v] and not banned[v]:
            reached[v] = True
            queue[filled] = v
            filled += 1
    at = 0
    while at < filled:
        v = queue[at]
        at += 1
        for k in range(first[v], first[v + 1]):
            edge = incident[k]
            lacking[edge] -= 1
            if lacking[edge] == 0:
                w = to[edge]
                if not reached[w] and not banned[w]:
                    reached[w] = True
                    queue[filled] = w
                    filled += 1
    return reached


@kernel
def _cheapest(  # noqa: C901 - one loop, kept whole for speed
    first: Ints,
    incident: Ints,
    start: Ints,
    to: Ints,
    lacking: NDArray[np.int8],
    weight: Floats,
    footholds: Ints,
    banned: Bools,
    add: bool,
    stop: int,
) -> tuple[Floats, Ints, Ints]:
    """(cost, last edge, order). An edge costs its weight plus its starts' costs, added or (not `add`) the dearest.

    Ends once position `stop` is settled (-1: never).
    """
    n = len(banned)
    cost = np.full(n, np.inf)
    parent = np.full(n, -1, np.int32)
    order = np.empty(n, np.int32)
    # A binary heap that knows where each position stands, so that it never holds one twice.
    heap = np.empty(n, np.int32)
    place = np.full(n, -1, np.int32)
    size, settled = 0, 0
    for v in footholds:
        if place[v] < 0 and not banned[v]:
            cost[v] = 0.0
            heap[size] = v
            place[v] = size
            size += 1
    while size > 0:
        v = heap[0]
        size -= 1
        last = heap[size]
        at = 0
        while True:
            child = 2 * at + 1
            if child >= size:
                break
            if child + 1 < size and cost[heap[child + 1]] < cost[heap[child]]:
                child += 1
            if cost[heap[child]] >= cost[last]:
                break
            heap[at] = heap[child]
            place[heap[at]] = at
            at = child
        if size > 0:
            heap[at] = last
            place[last] = at
        place[v] = -2
        order[settled] = v
        settled += 1
        if v == stop:
            break
        for k in range(first[v], first[v + 1]):
            edge = incident[k]
            lacking[edge] -= 1
            w = to[edge]
            if lacking[edge] != 0 or place[w] == -2 or banned[w]:
                continue
            total = 0.0
            for slot in range(start.shape[1]):
                if start[edge, slot] >= 0:
                    before = cost[start[edge, slot]]
                    total = total + before if add else max(total, before)
            total += weight[edge]
            if total < cost[w]:
                cost[w] = total
                parent[w] = edge
                at = place[w]
                if at < 0:
                    at = size
                    size += 1
                while at > 0 and cost[heap[(at - 1) // 2]] > total:
                    heap[at] = heap[(at - 1) // 2]
                    place[heap[at]] = at
                    at = (at - 1) // 2
                heap[at] = w
                place[w] = at
    return cost, parent, order[:settled].copy()


@kernel
def _tally(
    start: Ints, parent: Ints, order: Ints, low: NDArray[np.float32], high: NDArray[np.float32], n: int
) -> tuple[Ints, Floats, Floats]:
    """(hops, low, high) over the distinct steps of each derivation."""
    hops = np.full(n, -1, np.int32)
    least, most = np.full(n, np.inf), np.full(n, np.inf)
    seen = np.full(n, -1, np.int32)
    stack = np.empty(n, np.int32)
    for v in order:
        edge = parent[v]
        if edge < 0:
            hops[v], least[v], most[v] = 0, 0.0, 0.0
            continue
        several, one = 0, -1
        for slot in range(start.shape[1]):
            if start[edge, slot] >= 0:
                several += 1
                one = start[edge, slot]
        if several == 1:  # no step of the start's derivation leads here: costs rise along it
            hops[v], least[v], most[v] = hops[one] + 1, least[one] + low[edge], most[one] + high[edge]
            continue
        hops[v], least[v], most[v] = 0, 0.0, 0.0
        stack[0] = v
        seen[v] = v
        size = 1
        while size > 0:
            size -= 1
            step = parent[stack[size]]
            if step < 0:
                continue
            hops[v] += 1
            least[v] += low[step]
            most[v] += high[step]
            for slot in range(start.shape[1]):
                before = start[step, slot]
                if before >= 0 and seen[before] != v:
                    seen[before] = v
                    stack[size] = before
                    size += 1
    return hops, least, most
