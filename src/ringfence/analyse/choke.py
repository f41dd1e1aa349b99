"""Choke points: the few cuts that end most of it.

        reached region ─▶ dominators ┐
                       ─▶ minimum cut ┼─▶ candidates ─▶ exact reach without each ─▶ ranked
                       ─▶ moves used  ┘

Dominators and the minimum cut are found on the graph with AND-moves relaxed to OR, where they are
only candidates: what a cut saves is always measured by an exact reach without it. Cuts are ranked
by *what they save per job that they disturb*.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ringfence.analyse.jobs import jobs_in_rows, jobs_of
from ringfence.analyse.positions import WIDTH
from ringfence.analyse.reach.fixpoint import closure
from ringfence.analyse.reach.graph import Graph
from ringfence.analyse.reach.jit import kernel
from ringfence.estate.estate import Estate

MOST_CANDIDATES = 60


class Cut(msgspec.Struct, frozen=True):
    """One cut and what it saves, measured by exact reach.

    `kind` is "entity" (nothing of it can be used) or "move" (its remedy is applied everywhere);
    `subject` is a term code or the index of a move. `jobs` counts those that use the entity; for a
    move that is a flaw, those whose own facts it rests on; for one that is a function, all that use
    what it connects.
    """

    subject: int
    kind: str
    jewels: int
    positions: int
    jobs: int

    @property
    def worth(self) -> tuple[float, float, int]:
        """Jewels, then positions, saved per job disturbed; fewer jobs first on a tie."""
        return self.jewels / (1 + self.jobs), self.positions / (1 + self.jobs), -self.jobs


def choke_points(
    estate: Estate,
    graph: Graph,
    footholds: Sequence[int],
    jewels: NDArray[np.int64],
    functions: Sequence[bool],
    most: int = MOST_CANDIDATES,
) -> list[Cut]:
    """Cuts that end the way from `footholds` to some of `jewels` (position numbers), the best first.

    Footholds themselves and the jewels' own entities are no cuts. `functions` says per move whether
    it rests on what work needs.
    """
    reached = closure(graph, footholds)
    jewels = jewels[jewels >= 0]
    lost = jewels[reached[jewels]]
    if not len(lost):
        return []
    source, target, edge = _arcs(graph, reached)
    entity_of = graph.positions // WIDTH
    ends = set(entity_of[[*footholds]].tolist()) | set(entity_of[lost].tolist())
    entities = [term for term in _entities(graph, source, target, footholds, lost) if term not in ends][:most]
    moves = _moves(graph, edge)
    disturbed = jobs_of(estate, np.union1d(np.array(entities, np.int64), _ends(graph, edge)))
    before = int(reached.sum()), len(lost)
    cuts = []
    for term in entities:
        banned = np.flatnonzero(entity_of == term)
        after = closure(graph, footholds, banned_positions=banned.tolist())
        cuts.append(_measured(term, "entity", before, after, lost, len(disturbed[term])))
    for move in moves:
        after = closure(graph, footholds, banned_moves=(move,))
        mine = edge[graph.edges.move[edge] == move]
        if functions[move]:
            jobs = set().union(*(disturbed[term] for term in _ends(graph, mine).tolist()))
        else:
            jobs = jobs_in_rows(estate, graph.edges.because[mine])
        cuts.append(_measured(move, "move", before, after, lost, len(jobs)))
    return sorted((cut for cut in cuts if cut.positions > 0), key=lambda cut: cut.worth, reverse=True)


def best_together(
    graph: Graph, footholds: Sequence[int], cuts: Sequence[Cut], lost: NDArray[np.int64], count: int = 3
) -> list[tuple[Cut, int, int]]:
    """The `count` cuts that save most when made one after the other: (cut, jewels, positions saved so far).

    Greedy: at each step the cut that adds most per job disturbed, measured by exact reach with those before it.
    """
    entity_of = graph.positions // WIDTH
    before = closure(graph, footholds)
    chosen: list[tuple[Cut, int, int]] = []
    moves: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    left = list(cuts[:20])
    while left and len(chosen) < count:
        tried: list[tuple[float, float, int, Cut, tuple[int, int], tuple[int, ...], tuple[int, ...]]] = []
        for cut in left:
            more = (*moves, cut.subject) if cut.kind == "move" else moves
            shut = (
                (*positions, *np.flatnonzero(entity_of == cut.subject).tolist()) if cut.kind == "entity" else positions
            )
            after = closure(graph, footholds, banned_moves=more, banned_positions=shut)
            saved = int(before.sum() - after.sum()), int(len(lost) - after[lost].sum())
            tried.append((saved[1] / (1 + cut.jobs), saved[0] / (1 + cut.jobs), -len(tried), cut, saved, more, shut))
        _, _, _, cut, saved, moves, positions = max(tried, key=lambda row: row[:3])
        left.remove(cut)
        chosen.append((cut, saved[1], saved[0]))
    return chosen


def _ends(graph: Graph, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Term codes of everything at either end of these edges."""
    ends = np.concatenate([graph.start[edges].ravel(), graph.to[edges]])
    numbers = np.zeros(len(graph), np.bool_)
    numbers[ends[ends >= 0]] = True
    terms: NDArray[np.int64] = np.unique(graph.positions[numbers] // WIDTH)
    return terms


def _measured(
    subject: int, kind: str, before: tuple[int, int], after: NDArray[np.bool_], lost: NDArray[np.int64], jobs: int
) -> Cut:
    return Cut(subject, kind, before[1] - int(after[lost].sum()), before[0] - int(after.sum()), jobs)


def _arcs(graph: Graph, reached: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """(source, target, edge) of all known edges inside the region, AND edges once per start."""
    inside = reached[graph.to] & ~graph.edges.unknown
    inside &= (reached[graph.start] | (graph.start < 0)).all(axis=1)
    edge = np.flatnonzero(inside)
    starts = graph.start[edge]
    used = starts >= 0
    count = used.sum(axis=1)
    return starts[used], np.repeat(graph.to[edge], count), np.repeat(edge, count)


def _entities(
    graph: Graph,
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    footholds: Sequence[int],
    lost: NDArray[np.int64],
) -> list[int]:
    """Term codes worth trying: those that dominate most jewels, then the minimum cut."""
    n = root = len(graph)
    tails = np.concatenate([np.full(len(footholds), root, np.int32), source])
    heads = np.concatenate([np.array(footholds, np.int32), target])
    leads = _leads_to(n, tails, heads, lost)[heads]
    tails, heads = tails[leads], heads[leads]
    network = csr_array((np.ones(len(tails), np.int32), (tails, heads)), shape=(n + 1, n + 1))
    network.sum_duplicates()
    idom = _dominators(network.indptr.astype(np.int32), network.indices.astype(np.int32), root)
    score = np.zeros(n + 1, np.int64)
    for jewel in lost:
        at = int(jewel)
        while at != root:
            score[at] += 1
            at = int(idom[at])
    above = [int(at) for at in np.argsort(-score, kind="stable") if score[at] > 0 and at != root]
    ranked = [int(graph.positions[at] // WIDTH) for at in (*above, *_minimum_cut(network, root, lost))]
    return list(dict.fromkeys(ranked))


def _leads_to(n: int, tails: NDArray[np.int32], heads: NDArray[np.int32], lost: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which positions lie on some way to a jewel."""
    tails = np.concatenate([tails, lost.astype(np.int32)])
    heads = np.concatenate([heads, np.full(len(lost), n + 1, np.int32)])
    backwards = csr_array((np.ones(len(tails), np.int8), (heads, tails)), shape=(n + 2, n + 2))
    seen = np.zeros(n + 2, np.bool_)
    seen[breadth_first_order(backwards, n + 1, directed=True)[0]] = True
    return seen


def _moves(graph: Graph, edge: NDArray[np.int64]) -> list[int]:
    """Indices of the moves used in the region, the most used first."""
    counts = np.bincount(graph.edges.move[edge], minlength=1)
    return [int(move) for move in np.argsort(-counts, kind="stable") if counts[move]]


def _minimum_cut(network: csr_array, root: int, lost: NDArray[np.int64]) -> list[int]:
    """Positions of a smallest set that parts `root` from all jewels (E. A. Dinic, on the split graph).

    Each position becomes two, joined by an arc of capacity 1; arcs between positions hold any flow.
    """
    n = network.shape[0]
    tails, heads = network.nonzero()
    sink, wide = 2 * n, n
    rows = np.concatenate([2 * tails + 1, 2 * np.arange(n), 2 * lost + 1])
    columns = np.concatenate([2 * heads, 2 * np.arange(n) + 1, np.full(len(lost), sink)])
    capacity = np.concatenate(
        [np.full(len(tails), wide, np.int32), np.ones(n, np.int32), np.full(len(lost), wide, np.int32)]
    )
    capacity[len(tails) + root] = wide
    capacity[len(tails) + lost] = wide  # a jewel itself is no cut
    split = csr_array((capacity, (rows, columns)), shape=(2 * n + 1, 2 * n + 1)).astype(np.int32)
    flow = maximum_flow(split, 2 * root, sink, method="dinic").flow
    residual = split - flow
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    near, _ = breadth_first_order(residual, 2 * root, directed=True)
    side = np.zeros(2 * n + 1, np.bool_)
    side[near] = True
    return [int(at) for at in range(n) if side[2 * at] and not side[2 * at + 1] and at != root]


@kernel
def _dominators(  # noqa: C901 - three plain passes over arrays
    first: NDArray[np.int32], to: NDArray[np.int32], root: int
) -> NDArray[np.int32]:
    """Immediate dominators (K. D. Cooper, T. J. Harvey, K. Kennedy, "A Simple, Fast Dominance Algorithm", 2001).

    -1: not reached from `root`.
    """
    n = len(first) - 1
    # reverse postorder by an explicit depth-first walk
    rank = np.full(n, -1, np.int32)
    post = np.empty(n, np.int32)
    cursor = first[:-1].copy()
    seen = np.zeros(n, np.bool_)
    stack = np.empty(n, np.int32)
    stack[0] = root
    seen[root] = True
    size, count = 1, 0
    while size > 0:
        v = stack[size - 1]
        if cursor[v] < first[v + 1]:
            w = to[cursor[v]]
            cursor[v] += 1
            if not seen[w]:
                seen[w] = True
                stack[size] = w
                size += 1
        else:
            size -= 1
            rank[v] = count
            post[count] = v
            count += 1
    before_first = np.zeros(n + 1, np.int32)
    for v in range(n):
        if seen[v]:
            for k in range(first[v], first[v + 1]):
                before_first[to[k] + 1] += 1
    for v in range(n):
        before_first[v + 1] += before_first[v]
    before = np.empty(before_first[n], np.int32)
    fill = before_first[:-1].copy()
    for v in range(n):
        if seen[v]:
            for k in range(first[v], first[v + 1]):
                before[fill[to[k]]] = v
                fill[to[k]] += 1
    idom = np.full(n, -1, np.int32)
    idom[root] = root
    changed = True
    while changed:
        changed = False
        for at in range(count - 2, -1, -1):
            v = post[at]
            new = -1
            for k in range(before_first[v], before_first[v + 1]):
                u = before[k]
                if idom[u] < 0:
                    continue
                if new < 0:
                    new = u
                    continue
                a, b = u, new
                while a != b:
                    while rank[a] < rank[b]:
                        a = idom[a]
                    while rank[b] < rank[a]:
                        b = idom[b]
                new = a
            if new >= 0 and idom[v] != new:
                idom[v] = new
                changed = True
    return idom
