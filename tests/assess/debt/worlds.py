"""Small AND/OR worlds with findings, and an oracle that follows the definition word by word."""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st

from ringfence.analyse.derive import Edges
from ringfence.analyse.reach import Graph
from ringfence.assess.debt.findings import Findings
from ringfence.assess.debt.value import Game, game_of

FEET, GOALS = (0, 1), (6, 7)


class Step(msgspec.Struct, frozen=True):
    """One edge. `facts` are those that some finding may have; `function` moves have p = 1."""

    start: tuple[int, ...]
    to: int
    facts: tuple[int, ...]
    p: float


class World(msgspec.Struct, frozen=True):
    """`findings`: per finding its facts; `weights`: per finding ≥ 1."""

    steps: tuple[Step, ...]
    findings: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]
    values: tuple[float, ...] = (1.0, 1.0)
    feet: tuple[int, ...] = FEET
    goals: tuple[int, ...] = GOALS


def game(world: World, most_classes: int = 32) -> Game:
    """The world as the product sees it."""
    count = len(world.steps)
    start = np.full((count, 3), -1, np.int64)
    because = np.full((count, 8), -1, np.int64)
    for at, step in enumerate(world.steps):
        start[at, : len(step.start)] = step.start
        because[at, : len(step.facts)] = step.facts
    function = np.array([step.p == 1.0 for step in world.steps])
    edges = Edges(
        function.astype(np.int16),
        start,
        np.array([step.to for step in world.steps], np.int64),
        because,
        np.ones(count, np.float32),
        np.ones(count, np.float32),
        np.zeros(count, np.bool_),
    )
    graph = Graph.of(edges)
    feet = [graph.index(one) for one in world.feet if graph.index(one) >= 0]
    held = [(graph.index(one), value) for one, value in zip(world.goals, world.values, strict=True)]
    goals = [one for one in held if one[0] >= 0]
    pairs = [(at, fact) for at, facts in enumerate(world.findings) for fact in facts]
    found = Findings(
        tuple(("check", f"host:{at}") for at in range(len(world.findings))),
        np.full(len(world.findings), 5, np.int16),
        np.array([at for at, _ in pairs], np.int32),
        np.array([fact for _, fact in pairs], np.int64),
    )
    p = np.array([step.p for step in world.steps])
    known = np.array([False, True])
    return game_of(graph, p, known, feet, [at for at, _ in goals], [value for _, value in goals], found, most_classes)


# the oracle


def _best(steps: list[Step], feet: list[int]) -> dict[int, float]:
    """Probability of the likeliest derivation of each position, by going round until nothing changes."""
    best = dict.fromkeys(feet, 1.0)
    for _ in range(len(steps) * len(steps) + 2):
        before = dict(best)
        for step in steps:
            if all(one in best for one in step.start):
                p = step.p * float(np.prod([best[one] for one in step.start]))
                if p > best.get(step.to, 0.0):
                    best[step.to] = p
        if best == before:
            break
    return best


def _held(world: World, chosen: set[int]) -> list[Step]:
    """The moves that are there with these findings open."""
    ever = {fact for facts in world.findings for fact in facts}
    there = {fact for at in chosen for fact in world.findings[at]}
    return [step for step in world.steps if all(fact not in ever or fact in there for fact in step.facts)]


def exposure(world: World, chosen: set[int]) -> float:
    """Σ value × likeliest way of an outsider."""
    ever = {fact for facts in world.findings for fact in facts}
    work = [step for step in world.steps if step.p == 1.0 and not ever & set(step.facts)]
    steps = _held(world, chosen)
    total = 0.0
    for goal, value in zip(world.goals, world.values, strict=True):
        outside = [foot for foot in world.feet if goal not in _best(work, [foot])]
        total += value * _best(steps, outside).get(goal, 0.0)
    return total


def v(world: World, chosen: set[int]) -> float:
    """What a set of findings exposes."""
    return exposure(world, chosen) - exposure(world, set())


def total(world: World) -> float:
    """D, as the integral says."""
    levels = [0.0, *sorted(set(world.weights))]
    return sum(
        (high - low) * v(world, {at for at, weight in enumerate(world.weights) if weight > low})
        for low, high in pairwise(levels)
    )


# strategies


def steps(facts: int) -> st.SearchStrategy[tuple[Step, ...]]:
    """Edges over few positions, so that most worlds owe something; AND edges have two starts."""
    starts = st.lists(st.sampled_from([0, 1, 2, 3, 6]), min_size=1, max_size=2, unique=True)
    some = st.lists(st.integers(0, facts - 1), max_size=2, unique=True)
    one = st.builds(
        lambda start, to, held, p: Step(tuple(start), to, tuple(held), p),
        starts,
        st.sampled_from([2, 3, 6, 7]),
        some,
        st.sampled_from([1.0, 0.9, 0.5, 0.25]),
    ).filter(lambda step: step.to not in step.start)
    return st.lists(one, min_size=4, max_size=14).map(tuple)


@st.composite
def worlds(draw: Any, most: int = 4) -> World:
    """Worlds with up to `most` findings over six facts, of different ages."""
    drawn = draw(steps(6))
    facts = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True).map(tuple)
    findings = tuple(draw(st.lists(facts, min_size=1, max_size=most)))
    weights = tuple(draw(st.sampled_from([1.0, 1.5, 3.0, 10.0])) for _ in findings)
    return World(drawn, findings, weights)
