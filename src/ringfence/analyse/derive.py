"""From moves written as rules to every instance of them in one estate.

        estate tables ──join──▶ bindings ──project──▶ Edges (columns)
                        ▲
        Rule.facts, in the cheapest connected order

The joins are `analyse.match`.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.match import Only, match, names_of
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import NONE, Positions, encode
from ringfence.analyse.rule import At, Atom, Is, Move, Rule, Slot
from ringfence.estate.estate import Estate, Rows
from ringfence.estate.kinds import KINDS, PREDICATES

MOST_STARTS = 3
MOST_FACTS = 8


class Edges(msgspec.Struct, frozen=True):
    """Instances of moves, column by column, all of length n.

    `move` indexes the sequence of moves given to `derive`; `start` (n × 3) and `to` are positions, `because`
    (n × 8) are fact rows, NONE where unused; `low`, `high` in minutes; `unknown` marks instances
    that rest on something not collected.
    """

    move: NDArray[np.int16]
    start: Positions
    to: Positions
    because: Rows
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    unknown: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.move)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Edges":
        """The edges selected by index or mask."""
        return Edges(*(getattr(self, name)[which] for name in _COLUMNS))

    @classmethod
    def join(cls, parts: Sequence["Edges"]) -> "Edges":
        """All edges of all parts, in order."""
        parts = [part for part in parts if len(part)] or [_NO_EDGES]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))


_COLUMNS = Edges.__struct_fields__
_NO_EDGES = Edges(
    np.zeros(0, np.int16),
    np.zeros((0, MOST_STARTS), np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, MOST_FACTS), np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.bool_),
)


def derive(estate: Estate, moves: Sequence[Move] = MOVES) -> Edges:
    """Every instance of every move, in the order of `moves`."""
    found = []
    for index, move in enumerate(moves):
        for rule in move.rules:
            for variant, unknown in variants(rule):
                found.append(instances(estate, index, move, variant, unknown))
    return Edges.join(found)


def variants(rule: Rule) -> Iterable[tuple[Rule, bool]]:
    """The rule itself and, for every atom with a `hole`, the rule resting on that hole instead."""
    yield rule, False
    for at, atom in enumerate(rule.facts):
        if atom.hole:
            gap = Atom("asked", atom.subject, Is(atom.hole), {"answered": False})
            yield msgspec.structs.replace(rule, facts=(*rule.facts[:at], gap, *rule.facts[at + 1 :])), True


def instances(
    estate: Estate,
    index: int,
    move: Move,
    rule: Rule,
    unknown: bool,
    only: Only | None = None,
) -> Edges:
    """The instances of one rule. `only` limits atoms (by their index) to some table positions."""
    bound = match(estate, rule.facts, rule.unless, rule.kinds, only)
    if bound is None:
        return _NO_EDGES
    variables, rows, count = bound.variables, bound.rows, len(bound)
    start = np.full((count, MOST_STARTS), NONE, np.int64)
    for slot, at in enumerate(rule.start):
        start[:, slot] = _position(estate, at, variables, count)
        for before in range(slot):  # a start that is another one again counts once
            start[start[:, slot] == start[:, before], slot] = NONE
    to = _position(estate, rule.to, variables, count)
    because = np.full((count, MOST_FACTS), NONE, np.int64)
    for slot, column in enumerate(rows):
        because[:, slot] = column
    keep = (start != to[:, None]).all(axis=1)
    edges = Edges(
        np.full(count, index, np.int16),
        start,
        to,
        because,
        np.full(count, move.minutes.low, np.float32),
        np.full(count, move.minutes.high, np.float32),
        np.full(count, unknown, np.bool_),
    )
    return edges if keep.all() else edges.take(keep)


def _position(estate: Estate, at: At, variables: Mapping[str, NDArray[np.int32]], count: int) -> Positions:
    if isinstance(at.entity, str):
        return encode(variables[at.entity], at.capability)
    assert isinstance(at.entity, Is)
    return encode(np.full(count, estate.terms.code(at.entity.term), np.int32), at.capability)


def check(moves: Sequence[Move]) -> None:
    """Refuse moves that no estate could meet: unknown predicates, unbound or too many slots.

    Raises `ValueError`: a fault of ours, found by the tests.
    """
    for move in moves:
        for rule in move.rules:
            names = set().union(*(names_of(atom) for atom in rule.facts))
            unknown = [atom.predicate for atom in rule.facts if atom.predicate not in PREDICATES]
            unknown += [kind for kinds in rule.kinds.values() for kind in kinds if kind not in KINDS]
            ends: list[Slot] = [at.entity for at in (*rule.start, rule.to)]
            bound = [slot for slot in ends if isinstance(slot, Is) or slot in names]
            loose = [slot for slot in ends if slot not in bound]
            if unknown or loose or not 1 <= len(rule.facts) <= MOST_FACTS or not 1 <= len(rule.start) <= MOST_STARTS:
                raise ValueError(f"{move.id}: unknown predicates {unknown}, unbound {loose}, or too many parts")
