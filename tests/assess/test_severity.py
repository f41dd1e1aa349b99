"""Severity by position: what is measured for all positions at once is what a search from each would say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.analyse import positions
from ringfence.analyse.reach import Graph, closure, nearest, reach_from
from ringfence.analyse.reach.near import Near
from ringfence.app.questions import Questions
from ringfence.assess import severity
from ringfence.assess.severity import NO_POSITION, ORDER, TABLE, Ground, Severity, by_weight
from ringfence.estate.estate import estate_of
from ringfence.estate.kinds import KINDS
from tests.analyse.graphs import random_edges
from tests.assess.estates import cluster, measured

ASKED = cluster()
MEASURED = measured(ASKED)
SAMPLE = np.random.default_rng(7).choice(len(ASKED.graph), 60, replace=False).tolist()


@pytest.mark.parametrize("at", SAMPLE)
def test_jewels_in_reach_are_those_that_a_search_finds(at: int) -> None:
    """Counted for all positions in two sweeps, and settled."""
    found = closure(ASKED.graph, [at])[ASKED.jewel_positions].sum()
    assert MEASURED.exact[at]
    assert MEASURED.jewels[at] == found


@pytest.mark.parametrize("at", SAMPLE)
def test_hosts_in_reach_are_never_fewer_than_a_search_finds(at: int) -> None:
    """The count is an upper bound: moves that need two things count as if one sufficed."""
    graph, estate = ASKED.graph, ASKED.estate
    held = graph.positions[closure(graph, [at])]
    shells = np.isin(held % positions.WIDTH, [positions.CAPABILITY_CODE[name] for name in ("root", "user")])
    hosts = estate.kinds[held // positions.WIDTH] == list(KINDS).index("host")
    fallen = set((held // positions.WIDTH)[shells & hosts].tolist()) - {int(graph.positions[at]) // positions.WIDTH}
    assert len(fallen) <= MEASURED.hosts[at] <= MEASURED.hosts_total


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_nearest_target_is_never_farther_than_a_search_says(seed: int) -> None:
    """A lower bound for AND moves, and the very minutes where every move needs one thing."""
    random = np.random.default_rng(seed)
    edges = random_edges(random)
    graph = Graph.of(edges)
    targets = np.unique(random.integers(0, len(graph), 2))
    near = nearest(graph, targets)
    single = bool((graph.need == 1).all())
    for at in range(len(graph)):
        least = reach_from(graph, [at]).minutes_high[targets].min()
        assert near.minutes[at] <= least + 1e-9
        assert not single or near.minutes[at] == pytest.approx(least)
    assert np.isinf(near.minutes[-1])
    assert near.hops[-1] == near.first[-1] == -1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_first_step_leads_nearer(seed: int) -> None:
    """Following it from anywhere ends at a target, after as many steps as were said."""
    random = np.random.default_rng(seed)
    graph = Graph.of(random_edges(random))
    targets = np.unique(random.integers(0, len(graph), 2))
    near = nearest(graph, targets)
    for at in range(len(graph)):
        steps, here = 0, at
        while near.first[here] >= 0:
            assert here in graph.start[near.first[here]]
            here, steps = int(graph.to[near.first[here]]), steps + 1
        assert (here in targets) == bool(np.isfinite(near.minutes[at]))
        assert steps == max(0, near.hops[at])


COLUMNS = st.tuples(
    st.sampled_from([0.0, 5.0, 59.0, 61.0, np.inf]),
    st.sampled_from([0.0, 30.0, 120.0, np.inf]),
    st.integers(0, 10),
    st.integers(0, 100),
    st.booleans(),
)


def rank(entry: float, minutes: float, jewels: int, hosts: int, unknown: bool) -> int:
    """The index in ORDER of one position of ten jewels and a hundred hosts; one more than the last for the weight."""
    columns = (np.array([one]) for one in (entry, jewels, hosts))
    when, count, much = columns
    near = Near(np.array([minutes if jewels else np.inf]), np.zeros(1, np.int32), np.zeros(1, np.int64))
    whole = Ground(
        ASKED.graph,
        near,
        when,
        count,
        much,
        np.ones(1, np.bool_),
        np.array([unknown and not jewels]),
        np.zeros(1, np.int8),
        10,
        100,
    )
    rung = int(severity._rungs(whole)[0])
    return len(ORDER) if rung == NO_POSITION else ORDER.index(TABLE[rung].severity)


@given(COLUMNS, COLUMNS)
def test_what_is_nearer_and_opens_more_is_never_judged_milder(one: tuple, other: tuple) -> None:
    """Sooner held, sooner at a jewel, more jewels, more hosts: each can only make it worse."""
    entry, minutes = min(one[0], other[0]), min(one[1], other[1])
    worse = (entry, minutes, max(one[2], other[2]), max(one[3], other[3]), one[4] or other[4])
    if np.isfinite(one[0]) or np.isinf(entry):  # a late foothold is no longer counted from the position itself
        assert rank(*worse) <= rank(*one)


def test_without_jewels_or_moves_the_weight_decides() -> None:
    """Positions say nothing there, and silence is not good news."""
    empty = Questions(estate_of([]))
    assert (measured(empty).rung == NO_POSITION).all()
    assert [by_weight(weight) for weight in (10, 9, 6, 3, 1)] == [
        Severity.HIGH,
        Severity.HIGH,
        Severity.MEDIUM,
        Severity.LOW,
        Severity.INFO,
    ]
    nothing = replace(MEASURED, jewels_total=0)
    assert (severity._rungs(nothing) == NO_POSITION).all()
