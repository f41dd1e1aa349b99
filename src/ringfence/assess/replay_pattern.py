"""Would an incident of another site, told as a pattern, work here? The same moves in the same order, on this estate.

        starts ──move──▶ what they lead to here ──move──▶ … ──▶ ends

Each place of the pattern is the set of positions here that could stand for it: of its kind and capability, and led to
by the move that it is led to there. Where all ends have one, a real way is written out, every step of it an edge here.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.moves import MOVES
from ringfence.analyse.reach import Graph
from ringfence.assess.incident import Works
from ringfence.assess.replay import Ground
from ringfence.estate.kinds import KINDS
from ringfence.wire.pattern import Pattern, Place, Step

_MOVE = {move.id: at for at, move in enumerate(MOVES)}
_KIND = {name: code for code, name in enumerate(KINDS)}
_Sets = dict[Place, NDArray[np.int32]]


class PatternTold(msgspec.Struct, frozen=True):
    """How a pattern fares here. `way`: (starts, move, to) step by step, where it works. `why`: what ends it, else.

    `held`: whether the usual attackers come to all places from which it starts.
    """

    works: Works
    held: bool
    way: tuple[tuple[tuple[str, ...], str, str], ...]
    why: str


def replay_pattern(ground: Ground, reached: NDArray[np.bool_], pattern: Pattern) -> PatternTold:
    """`reached`: mask over the graph's positions that attackers come to, footholds included."""
    if not pattern.steps:
        return PatternTold(Works.UNKNOWN, False, (), "the pattern knows no way: its own site did not")
    if not len(ground.estate):
        return PatternTold(Works.UNKNOWN, False, (), "nothing was collected: the estate holds no fact")
    graph = ground.graph
    sets: _Sets = {place: _of_kind(ground, pattern, place) for place in pattern.starts}
    held = all(reached[sets[place]].any() for place in pattern.starts)
    if held:  # begin where attackers are, if they are anywhere
        sets = {place: some[reached[some]] for place, some in sets.items()}
    by: dict[tuple[Place, int], int] = {}
    for number, step in enumerate(pattern.steps, 1):
        edges = _edges(ground, pattern, step, sets)
        if not len(edges):
            start = ", ".join(f"{pattern.nodes[one.node].kind}#{one.capability}" for one in step.start)
            return PatternTold(Works.NO, held, (), f"step {number}: no {step.move} leads on from {start} here")
        to = graph.to[edges]
        order = np.argsort(graph.edges.high[edges], kind="stable")[::-1]
        by |= {(step.to, int(to[at])): int(edges[at]) for at in order}
        sets[step.to] = np.union1d(sets.get(step.to, np.zeros(0, np.int32)), to).astype(np.int32)
    return PatternTold(Works.YES, held, _way(ground, pattern, sets, by), "")


def _of_kind(ground: Ground, pattern: Pattern, place: Place) -> NDArray[np.int32]:
    """Positions here of a place's kind and capability; of the very thing where the pattern tells its value."""
    node, graph = pattern.nodes[place.node], ground.graph
    terms, held = graph.positions // positions.WIDTH, graph.positions % positions.WIDTH
    wanted = (ground.estate.kinds[terms] == _KIND.get(node.kind, -2)) & (
        held == positions.CAPABILITY_CODE[place.capability]
    )
    if node.value:
        wanted &= terms == ground.estate.terms.find(node.value)
    return np.flatnonzero(wanted).astype(np.int32)


def _edges(ground: Ground, pattern: Pattern, step: Step, sets: Mapping[Place, NDArray[np.int32]]) -> NDArray[np.int64]:
    """Edges of the step's move that start in what stands for its starts and lead to what may stand for its end."""
    graph = ground.graph
    edges = np.flatnonzero((graph.edges.move == _MOVE.get(step.move, -1)) & ~graph.edges.unknown)
    edges = edges[np.isin(graph.to[edges], _of_kind(ground, pattern, step.to))]
    allowed = np.concatenate([np.zeros(0, np.int32), *(sets.get(one, np.zeros(0, np.int32)) for one in step.start)])
    starts = graph.start[edges]
    inside = ((starts < 0) | np.isin(starts, allowed)).all(axis=1)
    for one in step.start:
        inside &= np.isin(starts, sets.get(one, np.zeros(0, np.int32))).any(axis=1)
    return edges[inside]


def _way(
    ground: Ground, pattern: Pattern, sets: Mapping[Place, NDArray[np.int32]], by: Mapping[tuple[Place, int], int]
) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """One real way to each end, backwards from it, each step once and in an order that can be walked."""
    graph, steps = ground.graph, {step.to: step for step in pattern.steps}
    found: dict[int, None] = {}

    def back(place: Place, at: int, depth: int) -> None:
        edge = by.get((place, at))
        if edge is None or edge in found or depth > len(pattern.steps):
            return
        for start in graph.start[edge][graph.start[edge] >= 0].tolist():
            for one in steps[place].start:
                if start in sets.get(one, ()):
                    back(one, start, depth + 1)
                    break
        found[edge] = None

    for end in pattern.ends:
        if len(sets.get(end, ())):
            back(end, int(sets[end][0]), 0)
    return tuple(_told(ground, graph, edge) for edge in found)


def _told(ground: Ground, graph: Graph, edge: int) -> tuple[tuple[str, ...], str, str]:
    starts: Sequence[int] = graph.start[edge][graph.start[edge] >= 0].tolist()
    text = [positions.text(ground.estate, int(graph.positions[at])) for at in starts]
    return (
        tuple(text),
        MOVES[graph.edges.move[edge]].id,
        positions.text(ground.estate, int(graph.positions[graph.to[edge]])),
    )
