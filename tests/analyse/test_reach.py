"""The reach engine against brute force, and its promises one by one."""

import numpy as np
import pytest

from ringfence.analyse.derive import Edges
from ringfence.analyse.positions import NONE
from ringfence.analyse.reach import Graph, closure, condense, reach_from, reach_sets, settle, sweep, unknown_reached
from ringfence.estate.estate import rows_of
from tests.analyse.graphs import brute, edges_of, loosened, plain, random_edges

NO_EDGES = edges_of(np.zeros((0, 3)), np.zeros(0))


def line(*ends: tuple[tuple[int, ...], int]) -> Edges:
    """Edges written as ((starts), to)."""
    start = [(*starts, *[NONE] * (3 - len(starts))) for starts, _ in ends]
    return edges_of(np.array(start), np.array([to for _, to in ends]))


def test_ten_thousand_random_graphs_lie_between_the_bounds_and_the_fixpoint_meets_brute_force() -> None:
    """Lower ⊆ brute force ⊆ upper for every position and jewel; settled bounds and fixpoints equal brute force."""
    random = np.random.default_rng(20)
    for round_ in range(10_000):
        edges = random_edges(random)
        graph, rules = Graph.of(edges), plain(edges)
        jewels = np.unique(random.integers(0, len(graph), 3))
        names = graph.positions.tolist()
        bounds = reach_sets(graph, jewels, with_unknown=True)
        lower, upper = bounds.lower.matrix(), bounds.upper.matrix()
        exact = np.array([[names[jewel] in found for jewel in jewels] for found in (brute(rules, {n}) for n in names)])
        assert not (lower & ~exact).any(), round_
        assert not (exact & ~upper).any(), round_
        settled = settle(bounds)
        assert settled.exact, round_
        assert np.array_equal(settled.lower.matrix(), exact), round_
        if round_ % 4 == 0:  # as if there were no room for signatures
            assert np.array_equal(settle(bounds, most_bytes=0).upper.matrix(), exact), round_
        held = random.integers(0, len(graph), 2).tolist()
        expected = brute(rules, {names[h] for h in held})
        assert {names[at] for at in np.flatnonzero(closure(graph, held, with_unknown=True))} == expected, round_


def test_time_hops_and_derivations_agree_with_one_another_and_with_the_bounds() -> None:
    """Every derivation can be carried out, costs what is said, and no lower bound exceeds it."""
    random = np.random.default_rng(21)
    for _ in range(1_000):
        edges = random_edges(random)
        graph = Graph.of(edges)
        held = random.integers(0, len(graph), 2).tolist()
        reached = reach_from(graph, held, with_unknown=True)
        assert set(reached.order.tolist()) == set(np.flatnonzero(closure(graph, held, with_unknown=True)).tolist())
        for position in reached.order.tolist():
            steps, have = reached.derivation(position), set(held)
            for step in steps:
                assert {start for start in graph.start[step].tolist() if start >= 0} <= have
                have.add(int(graph.to[step]))
            assert position in have
            assert reached.hops[position] == len(steps) == len(set(steps))
            assert reached.minutes_high[position] == pytest.approx(float(edges.high[steps].sum()))
            assert reached.minutes_low[position] == pytest.approx(float(edges.low[steps].sum()))
            assert reached.least[position] <= reached.minutes_high[position] + 1e-9


def test_where_minutes_are_called_exact_no_set_of_steps_is_cheaper() -> None:
    """All subsets of up to nine edges are tried."""
    random = np.random.default_rng(22)
    exact = 0
    for _ in range(150):
        edges = random_edges(random)
        edges = edges.take(np.arange(min(len(edges), 9)))
        graph = Graph.of(edges)
        reached = reach_from(graph, [0], with_unknown=True)
        names = graph.positions.tolist()
        rules = plain(edges)
        best = dict.fromkeys(names, np.inf)
        for chosen in range(1 << len(rules)):
            used = [at for at in range(len(rules)) if chosen >> at & 1]
            cost = float(edges.high[used].sum())
            for name in brute([rules[at] for at in used], {names[0]}):
                best[name] = min(best[name], cost)
        for at, name in enumerate(names):
            assert reached.least[at] <= best[name] + 1e-6 or not reached.mask[at]
            assert reached.minutes_high[at] >= best[name] - 1e-6
            if reached.exact[at]:
                exact += 1
                assert reached.minutes_high[at] == pytest.approx(best[name])
    assert exact > 200


def test_a_shared_step_is_counted_once() -> None:
    """1 → 2, then 2 → 3 and 2 → 4, then [3, 4] → 5: four steps, not five."""
    graph = Graph.of(line(((1,), 2), ((2,), 3), ((2,), 4), ((3, 4), 5)))
    reached = reach_from(graph, [graph.index(1)])
    goal = graph.index(5)
    assert reached.hops[goal] == 4
    assert reached.minutes_high[goal] == float(graph.edges.high.sum())
    assert sorted(reached.derivation(goal)) == [0, 1, 2, 3]


def test_an_and_edge_needs_all_of_its_starts() -> None:
    """Held together two footholds reach what neither reaches alone."""
    graph = Graph.of(line(((1, 2), 3), ((3,), 4)))
    one, two, four = graph.index(1), graph.index(2), graph.index(4)
    assert not closure(graph, [one])[four]
    assert not closure(graph, [two])[four]
    assert closure(graph, [one, two])[four]
    bounds = reach_sets(graph, [four])
    assert bounds.lower.of(one) == []
    assert bounds.upper.of(one) == [0]
    assert settle(bounds).upper.of(one) == []


def test_a_start_named_twice_is_one_start() -> None:
    """[1, 1] → 2 is an OR edge."""
    graph = Graph.of(line(((1, 1), 2)))
    assert graph.need.tolist() == [1]
    assert reach_sets(graph, [graph.index(2)]).lower.of(graph.index(1)) == [0]


def test_bans_take_away_edges_moves_and_positions() -> None:
    """Each way of forbidding the only way ends it; a banned foothold is not held."""
    graph = Graph.of(line(((1,), 2), ((2,), 3)))
    one, two, three = (graph.index(at) for at in (1, 2, 3))
    assert closure(graph, [one])[three]
    assert not closure(graph, [one], banned_edges=np.array([False, True]))[three]
    assert not closure(graph, [one], banned_moves={1})[three]
    assert not closure(graph, [one], banned_positions={two})[three]
    assert not closure(graph, [one], banned_positions={one}).any()
    assert three not in reach_from(graph, [one], banned_positions={two})


def test_unknown_edges_count_only_where_asked_and_the_hole_is_named() -> None:
    """1 → 2 rests on an `asked` fact, 2 → 3 does not: both are unknown, for that fact."""
    edges = line(((1,), 2), ((2,), 3), ((1,), 4))
    hole = int(rows_of("asked", np.array([17]))[0])
    because = edges.because.copy()
    because[0, :2] = [5, hole]
    unknown = np.array([True, False, False])
    edges = Edges(edges.move, edges.start, edges.to, because, edges.low, edges.high, unknown)
    graph = Graph.of(edges)
    assert np.flatnonzero(closure(graph, [0])).tolist() == [graph.index(1), graph.index(4)]
    assert unknown_reached(graph, [0]) == [(graph.index(2), hole), (graph.index(3), hole)]
    assert reach_sets(graph, [graph.index(3)]).upper.of(0) == []
    assert reach_sets(graph, [graph.index(3)], with_unknown=True).lower.of(0) == [0]


def test_an_empty_graph_answers() -> None:
    """No edges, no positions, no jewels that anything leads to."""
    graph = Graph.of(NO_EDGES)
    assert len(graph) == 0
    assert graph.index(3) == -1
    assert not len(closure(graph, []))
    assert len(reach_from(graph, [])) == 0
    bounds = settle(reach_sets(graph, [-1, -1]))
    assert bounds.lower.expand().shape == (0, 1)
    assert unknown_reached(graph, []) == []


@pytest.mark.parametrize("jewels", [1, 64, 65, 128, 129, 512, 513, 1_300])
def test_any_number_of_jewels_can_be_swept(jewels: int) -> None:
    """Rows of any width say the same as a closure from each node."""
    random = np.random.default_rng(jewels)
    source, target = random.integers(0, 60, (2, 90)).astype(np.int32)
    wanted = random.integers(-1, 60, jewels)
    sets = sweep(condense(60, source, target), wanted)
    graph = [(frozenset({one}), other) for one, other in zip(source.tolist(), target.tolist(), strict=True)]
    matrix = sets.matrix()
    assert sets.expand().shape == (60, -(-jewels // 64))
    for node in range(60):
        found = brute(graph, {node})
        assert matrix[node].tolist() == [jewel in found for jewel in wanted.tolist()]
        assert sets.of(node) == np.flatnonzero(matrix[node]).tolist()
    assert sets.reaching().tolist() == matrix.sum(axis=0).tolist()


def test_components_are_those_of_mutual_reach_numbered_from_the_end() -> None:
    """Same component means each reaches the other; edges lead to lower components, each once."""
    random = np.random.default_rng(5)
    for _ in range(300):
        nodes, count = int(random.integers(1, 30)), int(random.integers(0, 60))
        source, target = random.integers(0, nodes, (2, count)).astype(np.int32)
        condensed = condense(nodes, source, target)
        graph = [(frozenset({one}), other) for one, other in zip(source.tolist(), target.tolist(), strict=True)]
        falls = [brute(graph, {node}) for node in range(nodes)]
        component = condensed.component.tolist()
        for one in range(nodes):
            for other in range(nodes):
                assert (component[one] == component[other]) == (other in falls[one] and one in falls[other])
        rows = [condensed.to[a:b].tolist() for a, b in zip(condensed.first[:-1], condensed.first[1:], strict=True)]
        expected = {(component[one], component[other]) for one, other in zip(source, target, strict=True)}
        assert {(c, d) for c, row in enumerate(rows) for d in row} == {(c, d) for c, d in expected if c != d}
        assert all(len(set(row)) == len(row) and max(row, default=-1) < c for c, row in enumerate(rows))
        assert condensed.sizes.sum() == nodes
        first, members = condensed.members
        assert all((condensed.component[members[first[c] : first[c + 1]]] == c).all() for c in range(condensed.count))


def test_loosening_and_edges_gives_the_upper_bound_exactly() -> None:
    """The upper bound is plain reach with every start sufficing alone, the lower without AND edges."""
    random = np.random.default_rng(23)
    for _ in range(300):
        edges = random_edges(random)
        graph, rules = Graph.of(edges), plain(edges, with_unknown=False)
        jewels = np.arange(len(graph))
        bounds = reach_sets(graph, jewels)
        names = graph.positions.tolist()
        alone = [rule for rule in rules if len(rule[0]) == 1]
        for at, name in enumerate(names):
            assert {names[jewel] for jewel in bounds.lower.of(at)} == brute(alone, {name})
            assert {names[jewel] for jewel in bounds.upper.of(at)} == brute(loosened(rules), {name})


def test_without_time_nothing_is_settled_wrongly() -> None:
    """A budget of nothing settles one block at least and leaves true bounds."""
    edges = random_edges(np.random.default_rng(3))
    graph = Graph.of(edges)
    bounds = reach_sets(graph, np.arange(len(graph)), with_unknown=True)
    settled = settle(bounds, seconds=0.0)
    assert not (bounds.lower.matrix() & ~settled.lower.matrix()).any()
    assert not (settled.upper.matrix() & ~bounds.upper.matrix()).any()
