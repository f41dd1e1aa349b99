"""v(S): what a set of findings exposes.

    edges, footholds, jewels ─prune─▶ what lies on ways ─▶ insiders of each jewel ─▶ Game
    Game + when each finding arrives ─▶ exposure after each arrival

Exposure of a jewel = its value × the probability of the likeliest way by which some *outsider* reaches
it. Insiders of a jewel are the footholds that work itself lets in, by moves that rest on no finding: what
they can do is not debt. v(S) = exposure with the moves of S, less exposure with none.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach import Graph, closure
from ringfence.analyse.reach.adjacency import Ints, adjacency, incidence
from ringfence.analyse.reach.jit import kernel
from ringfence.assess.debt.findings import Findings
from ringfence.assess.debt.kernel import insiders, likeliest
from ringfence.estate.estate import PREDICATE_CODE

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Class = tuple[Ints, Ints, Floats]

MOST_CLASSES = 32
"""Jewels with the same insiders are one class. Beyond so many, neighbours by name are put together."""

NEVER = np.int32(2**30)
_LARGE = 20_000


@dataclass(frozen=True, eq=False)
class Game:
    """What decides v, pruned. m edges, n positions.

    `rests` (m × 8): indices of finding facts, -1 where none; `fact_of`, `finding_of`: pairs that say which finding
    has which fact; `classes`: (outsiders, targets, values) per class of jewels that has outsiders, `closed`: of the
    others. `edge` says which edge of the original graph each is. `inside`: footholds × jewels, `goals`: the jewels.
    """

    edge: NDArray[np.int64]
    start: Ints
    to: Ints
    cost: Floats
    rests: Ints
    facts: int
    fact_of: Ints
    finding_of: Ints
    findings: int
    first: Ints
    incident: Ints
    classes: tuple[Class, ...]
    closed: tuple[Class, ...]
    inside: Bools
    goals: Ints

    def arrival(self, ranks: Ints) -> Ints:
        """When each edge arrives if finding i does at `ranks[i]` ≥ 1: once each fact it rests on has some finding."""
        fact = np.full(self.facts + 1, NEVER, np.int32)
        np.minimum.at(fact, self.fact_of, ranks[self.finding_of])
        fact[-1] = 0  # where -1 leads: no finding fact
        resting, on = self._resting
        found = np.zeros(len(self.to), np.int32)
        found[resting] = fact[on].max(axis=1, initial=0)
        return found

    @cached_property
    def _resting(self) -> tuple[NDArray[np.int64], Ints]:
        """(edges that rest on some finding fact, on which)."""
        resting = np.flatnonzero(_held(self.rests))
        return resting, self.rests[resting]

    @cached_property
    def relevant(self) -> Bools:
        """Per finding, whether any way from a foothold to a jewel rests on it."""
        seen = np.zeros(self.facts + 1, np.bool_)
        seen[self._resting[1].ravel()] = True
        seen[-1] = False
        found = np.zeros(self.findings, np.bool_)
        found[self.finding_of[seen[self.fact_of]]] = True
        return found


def game_of(
    graph: Graph,
    probability: Floats,
    function: Bools,
    footholds: Sequence[int],
    jewels: Sequence[int],
    values: Sequence[float],
    found: Findings,
    most_classes: int = MOST_CLASSES,
) -> Game:
    """`probability` per edge, `function` per move; footholds and jewels are position numbers of `graph`."""
    feet = np.array(sorted(set(footholds)), np.int32)
    goals = np.array(jewels, np.int32)
    keep = _on_ways(graph, feet, goals)
    number = np.full(len(graph) + 1, -1, np.int32)
    touched = np.zeros(len(graph) + 1, np.bool_)
    starts, ends = graph.start[keep], graph.to[keep]
    touched[starts.ravel()] = True
    touched[ends] = True
    touched[feet] = touched[goals] = True
    touched[-1] = False
    number[np.flatnonzero(touched)] = np.arange(touched.sum(), dtype=np.int32)
    start, to = number[starts], number[ends]
    rests, facts, fact_of = _rests(graph.edges.because[keep], found)
    first, incident = incidence(int(touched.sum()), start)
    base = function[graph.edges.move[keep]] & ~_held(rests) & ~graph.edges.unknown[keep]
    inside = insiders(first, incident, start, to, base, number[feet], number[goals])
    cost = -np.log(probability[keep])
    classes = _classes(inside, number[feet], number[goals], np.array(values, np.float64), most_classes)
    return Game(
        keep,
        start,
        to,
        np.maximum(cost, 0.0),
        rests,
        facts,
        fact_of,
        found.of,
        len(found),
        first,
        incident,
        tuple(one for one in classes if len(one[0])),
        tuple(one for one in classes if not len(one[0])),
        inside,
        number[goals],
    )


def _held(rests: Ints) -> Bools:
    """Per edge, whether it rests on any finding fact. By columns: a reduction over rows of eight is slower by far."""
    found = np.zeros(len(rests), np.bool_)
    for slot in range(rests.shape[1]):
        found |= rests[:, slot] >= 0
    return found


def _on_ways(graph: Graph, feet: Ints, goals: Ints) -> NDArray[np.int64]:
    """Edges on some way from a foothold to a jewel, all findings open."""
    if not len(feet) or not len(goals):
        return np.zeros(0, np.int64)
    ahead = closure(graph, feet.tolist(), with_unknown=True)
    first, incident = graph.backward
    return _by_start(graph, np.flatnonzero(_behind(first, incident, graph.start, ahead, goals)))


def _by_start(graph: Graph, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """In the order of their first starts: the hot loop then reads a position's edges side by side."""
    order = adjacency(len(graph), graph.start[edges, 0], np.arange(len(edges), dtype=np.int32))[1]
    return edges[order]


@kernel
def _behind(first: Ints, incident: Ints, start: Ints, ahead: Bools, goals: Ints) -> Bools:
    n = len(ahead)
    seen = np.zeros(n, np.bool_)
    kept = np.zeros(len(start), np.bool_)
    queue = np.empty(n, np.int32)
    filled, at = 0, 0
    for v in goals:
        if ahead[v] and not seen[v]:
            seen[v] = True
            queue[filled] = v
            filled += 1
    while at < filled:
        v = queue[at]
        at += 1
        for k in range(first[v], first[v + 1]):
            edge = incident[k]
            whole = True
            for slot in range(start.shape[1]):
                if start[edge, slot] >= 0 and not ahead[start[edge, slot]]:
                    whole = False
            if not whole:
                continue
            kept[edge] = True
            for slot in range(start.shape[1]):
                u = start[edge, slot]
                if u >= 0 and not seen[u]:
                    seen[u] = True
                    queue[filled] = u
                    filled += 1
    return kept


def _rests(because: NDArray[np.int64], found: Findings) -> tuple[Ints, int, Ints]:
    """(per edge the finding facts it rests on, how many there are, per pair of `found` the number of its fact)."""
    rows, fact_of = np.unique(found.row, return_inverse=True)
    rests = np.full(because.shape, -1, np.int32)
    predicates = np.zeros(len(PREDICATE_CODE) + 1, np.bool_)  # the last is that of -1, no fact
    predicates[rows >> 32] = True
    for slot in range(because.shape[1]):
        which = np.flatnonzero(predicates[because[:, slot] >> 32])
        place = np.searchsorted(rows, because[which, slot])
        hit = place < len(rows)
        hit[hit] = rows[place[hit]] == because[which[hit], slot]
        rests[which[hit], slot] = place[hit]
    return rests, len(rows), fact_of.astype(np.int32)


def _classes(inside: Bools, feet: Ints, goals: Ints, values: Floats, most: int) -> tuple[Class, ...]:
    """Jewels by their insiders; where there are too many classes, neighbours in the order given are put together."""
    if not len(goals):
        return ()
    _, first, which = np.unique(inside.T, axis=0, return_index=True, return_inverse=True)
    which = np.argsort(np.argsort(first))[which.ravel()]  # classes in the order of their first jewel
    count = len(first)
    if count > most:
        which = which * most // count
    classes = []
    for one in range(min(count, most)):
        mine = which == one
        outside = feet[~inside[:, mine].any(axis=1)]
        classes.append((outside, goals[mine], values[mine]))
    return tuple(classes)


def exposures(game: Game, ranks: Ints, layers: int) -> Floats:
    """The exposure with none and after each of `layers` arrivals. `ranks` per finding 1 … layers, or `NEVER`."""
    total = np.zeros(layers + 1)
    for part, _ in by_class(game, ranks, layers, game.classes):
        total += part
    return total


def by_class(game: Game, ranks: Ints, layers: int, classes: Sequence[Class]) -> list[tuple[Floats, Bools]]:
    """Per class (its exposure with none and after each arrival, edges that some likeliest way to it uses)."""
    layer = game.arrival(ranks)
    late = np.flatnonzero((layer > 0) & (layer <= layers)).astype(np.int32)
    arriving = late[np.argsort(layer[late], kind="stable")]
    begins = np.searchsorted(layer[arriving], np.arange(1, layers + 2)).astype(np.int32)

    def one(of: Class) -> tuple[Floats, Bools]:
        feet, goals, values = of
        costs, used = likeliest(
            game.first, game.incident, game.start, game.to, game.cost, layer, arriving, begins, feet, goals
        )
        return np.exp(-costs) @ values, used

    if len(game.to) > _LARGE and len(classes) > 1:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            return list(pool.map(one, classes))
    return [one(of) for of in classes]
