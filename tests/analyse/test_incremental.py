"""A live estate after any deltas is what a rebuild would be."""

import random

import numpy as np
import pytest

from ringfence.analyse.derive import derive
from ringfence.analyse.incremental import Live
from ringfence.analyse.positions import CAPABILITY_CODE, WIDTH
from ringfence.analyse.reach import Graph, reach_sets
from ringfence.analyse.rule import Move
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate, estate_of
from ringfence.synth import generate
from tests.analyse.plain_rules import CAPABILITIES, ENTITIES, instances_of, random_fact, random_move


def check(live: Live, moves: list[Move]) -> None:
    """Edges and both bounds are those of deriving and sweeping anew."""
    edges = derive(live.estate, moves)
    kept = live.edges()
    one = np.column_stack([edges.move, edges.start, edges.to, edges.because, edges.unknown])
    other = np.column_stack([kept.move, kept.start, kept.to, kept.because, kept.unknown])
    assert np.array_equal(_ordered(one), _ordered(other))
    graph = Graph.of(edges)
    bounds = reach_sets(graph, graph.indices(live.jewels), with_unknown=live.with_unknown)
    positions, *both = live.table()
    for rows, sets in zip(both, (bounds.lower, bounds.upper), strict=True):
        at = graph.indices(positions)
        there = at >= 0
        assert set(graph.positions.tolist()) <= set(positions.tolist())
        assert np.array_equal(rows[there], sets.expand()[at[there]])
        for position, row in zip(positions[~there].tolist(), rows[~there], strict=True):
            own = np.flatnonzero(live.jewels == position)
            assert row.any() == bool(len(own))


def _ordered(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def _all_positions(estate: Estate) -> list[int]:
    terms = [estate.terms.code(entity) for entity in ENTITIES]
    return [term * WIDTH + CAPABILITY_CODE[name] for term in terms for name in CAPABILITIES]


def test_random_rules_and_deltas_meet_a_rebuild_after_every_one() -> None:
    """Rules of every shape; facts that come and go in the same delta; AND edges; unknown counted or not."""
    rng = random.Random(11)
    for round_ in range(40):
        moves = [random_move(rng, number) for number in range(4)]
        estate = estate_of([random_fact(rng) for _ in range(rng.randint(0, 30))])
        live = Live(estate, _all_positions(estate), moves, with_unknown=round_ % 2 == 0)
        check(live, moves)
        for _ in range(10):
            facts = list(live.estate.facts())
            less = rng.sample(facts, min(len(facts), rng.choice((0, 0, 1, 5))))
            live.apply(Delta(tuple(random_fact(rng) for _ in range(rng.choice((0, 1, 1, 6)))), tuple(less)))
            check(live, moves)
        plain = estate_of(live.estate.facts())
        assert instances_of(plain, derive(plain, moves)) == instances_of(live.estate, live.edges())


def events(seed: int, count: int, live: Live) -> None:
    """Jobs of the generated estate end and start again; now and then any fact goes or comes back."""
    rng = random.Random(seed)
    facts = list(live.estate.facts())
    jobs: dict[str, list] = {}
    for fact in facts:
        for end in (fact.subject, fact.object):
            if end.startswith("job:"):
                jobs.setdefault(end, []).append(fact)
    away: list[tuple] = []
    for _ in range(count):
        if away and rng.random() < 0.5:
            live.apply(Delta(added=away.pop(rng.randrange(len(away)))))
        else:
            group = (
                jobs[rng.choice(list(jobs))] if jobs and rng.random() < 0.7 else rng.sample(facts, rng.randint(1, 3))
            )
            away.append(tuple(group))
            live.apply(Delta(removed=tuple(group)))
        check(live, live.moves)


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_after_each_event_on_a_generated_estate_nothing_differs_from_a_rebuild(count: int) -> None:
    """100 nodes, every move there is."""
    estate = estate_of(generate(100, 3))
    jewels = [
        term * WIDTH + CAPABILITY_CODE["read"]
        for term, name in enumerate(estate.terms.values)
        if name.startswith(("model:", "dataset:", "checkpoint:"))
    ]
    events(5, count, Live(estate, jewels))


def test_a_change_says_what_it_did() -> None:
    """Nothing given, nothing done."""
    rng = random.Random(1)
    estate = estate_of([random_fact(rng) for _ in range(20)])
    live = Live(estate, _all_positions(estate), [random_move(rng, 1)])
    assert live.apply(Delta()).swept is False
    fact = next(live.estate.facts())
    change = live.apply(Delta(removed=(fact,)))
    assert (change.facts_added, change.facts_removed) == (0, 1)
    assert change.swept == (change.edges_removed > 0)
    again = live.apply(Delta(added=(fact,)))
    assert again.facts_added == 1
    assert again.edges_added == change.edges_removed


def test_forgetting_dead_edges_changes_nothing() -> None:
    """The store compacts by itself on large estates; here by hand."""
    rng = random.Random(2)
    estate = estate_of([random_fact(rng) for _ in range(40)])
    moves = [random_move(rng, number) for number in range(6)]
    live = Live(estate, _all_positions(estate), moves)
    facts = list(estate.facts())
    live.apply(Delta(removed=tuple(facts[:10])))
    live._edges.compact()
    check(live, moves)
    live.apply(Delta(added=tuple(facts[:10]), removed=tuple(facts[15:18])))
    check(live, moves)
