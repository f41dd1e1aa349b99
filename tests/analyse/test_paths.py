"""The k cheapest paths equal those found by listing every way there is."""

import random

import numpy as np
import pytest

from ringfence.analyse.derive import Edges
from ringfence.analyse.paths import cheapest_paths
from ringfence.analyse.reach import Graph


def edges_of(rows):
    """Edges from (starts, to, minutes) rows, over positions named by whole numbers."""
    count = len(rows)
    start = np.full((count, 3), -1, np.int64)
    for at, (starts, _, _) in enumerate(rows):
        start[at, : len(starts)] = starts
    high = np.array([minutes for _, _, minutes in rows], np.float32)
    return Edges(
        np.arange(count, dtype=np.int16),
        start,
        np.array([to for _, to, _ in rows], np.int64),
        np.full((count, 8), -1, np.int64),
        high / 2,
        high,
        np.zeros(count, np.bool_),
    )


def random_rows(seed, several):
    """A small random graph; `several` is the share of AND edges."""
    draw = random.Random(seed)
    rows = []
    for _ in range(draw.randint(3, 22)):
        starts = draw.sample(range(8), 2 if draw.random() < several else 1)
        to = draw.randrange(8)
        if to not in starts:
            rows.append((tuple(starts), to, float(draw.randint(0, 9))))
    return rows


def every_way(rows, source, target):
    """The costs of all loopless ways of a graph of OR edges, cheapest edge per hop, ascending."""
    best = {}
    for (start,), to, minutes in rows:
        best[start, to] = min(minutes, best.get((start, to), np.inf))
    found = []

    def walk(node, passed, cost):
        if node == target:
            found.append(cost)
            return
        for (start, to), minutes in best.items():
            if start == node and to not in passed:
                walk(to, passed | {to}, cost + minutes)

    walk(source, {source}, 0.0)
    return sorted(found)


@pytest.mark.parametrize("seed", range(300))
def test_costs_equal_those_of_every_way_listed(seed):
    """On graphs of OR edges the k cheapest are exactly the k cheapest of all."""
    rows = random_rows(seed, 0.0)
    if not rows:
        return
    graph = Graph.of(edges_of(rows))
    source, target = graph.index(0), graph.index(1)
    if source < 0 or target < 0:
        return
    paths = cheapest_paths(graph, [source], target, 10)
    assert [path.high for path in paths] == every_way(rows, 0, 1)[:10]
    assert all(path.exact for path in paths)


@pytest.mark.parametrize("seed", range(300))
def test_every_step_is_possible_when_its_turn_comes(seed):
    """With AND edges, each step's starts are held before it, and the cost is that of its distinct steps."""
    rows = random_rows(seed, 0.4)
    if not rows:
        return
    graph = Graph.of(edges_of(rows))
    feet = [at for at in (graph.index(0), graph.index(2)) if at >= 0]
    target = graph.index(1)
    if target < 0 or not feet:
        return
    costs = []
    for path in cheapest_paths(graph, feet, target, 10):
        held = set(feet)
        for edge in path.edges:
            assert {int(at) for at in graph.start[edge] if at >= 0} <= held
            held.add(int(graph.to[edge]))
        assert target in held
        assert len(set(path.edges)) == len(path.edges)
        assert path.high == sum(float(graph.edges.high[edge]) for edge in path.edges)
        costs.append(path.high)
    assert costs == sorted(costs)


@pytest.mark.parametrize("seed", range(200))
def test_no_fewer_ways_are_given_than_there_are(seed):
    """Walks through AND-moves that coincide are made up for by others."""
    rows = random_rows(seed, 0.4)
    if not rows:
        return
    graph = Graph.of(edges_of(rows))
    feet = [at for at in (graph.index(0), graph.index(2)) if at >= 0]
    target = graph.index(1)
    if target < 0 or not feet:
        return
    many = cheapest_paths(graph, feet, target, 10)
    for count in (1, 2, 3, 5):
        assert len(cheapest_paths(graph, feet, target, count)) == min(count, len(many))
