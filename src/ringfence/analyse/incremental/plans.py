"""Rules as whole numbers: for every atom that may have gained a fact, the order in which to join the others.

A plan begins at its *delta atom*, which takes only new facts. Atoms written before it take only
old facts, those after it any: so an instance with several new facts is found exactly once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from ringfence.analyse.derive import variants
from ringfence.analyse.incremental.store import ALL, BY_OBJECT, BY_SUBJECT
from ringfence.analyse.positions import CAPABILITY_CODE
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.rule import At, Atom, Is, Match, Move, Prefix, Rule, Slot
from ringfence.estate.estate import PREDICATE_CODE, Estate

_T = TypeVar("_T")
FREE, BOUND, CONSTANT, ANY = 0, 1, 2, 3
"""What a slot does when its atom's turn comes: bind a variable, meet one, meet a term, or nothing."""

STEP = (
    "atom",
    "predicate",
    "side",
    "subject",
    "subject_arg",
    "object",
    "object_arg",
    "where",
    "begins_s",
    "begins_o",
    "same",
)
"""Columns of a step. `side` is the chain to follow; where, begins_s, begins_o number a condition or are -1."""

PLAN = ("first", "steps", "delta", "differ", "differs", "move", "unknown", "starts")
"""Columns of a plan, followed by four (kind, arg, capability) triples: three starts and the target."""


class Conditions(msgspec.Struct, frozen=True):
    """What attributes must satisfy, and how terms must begin (one of several ways), each listed once."""

    wheres: tuple[dict[str, Match], ...]
    prefixes: tuple[tuple[str, ...], ...]


class Plans(msgspec.Struct, frozen=True):
    """All plans: `plan` rows point into `step`; `differ` holds pairs of variables; `by_predicate` those to run."""

    plan: Ints
    step: Ints
    differ: Ints
    by_predicate: dict[int, tuple[int, ...]]
    conditions: Conditions


def plans_of(estate: Estate, moves: Sequence[Move]) -> Plans:
    """Plans for every atom of every rule and variant of `moves`, ordered for an estate like this one."""
    maker = _Maker(estate)
    for index, move in enumerate(moves):
        for rule in move.rules:
            for variant, unknown in variants(rule):
                for delta in range(len(variant.facts)):
                    maker.add(index, variant, unknown, delta)
    return maker.done()


class _Maker:
    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.plans: list[list[int]] = []
        self.steps: list[list[int]] = []
        self.differs: list[list[int]] = []
        self.by_predicate: dict[int, list[int]] = {}
        self.wheres: list[dict[str, Match]] = []
        self.prefixes: list[tuple[str, ...]] = []
        self._cost: dict[tuple[str, str], float] = {}

    def add(self, move: int, rule: Rule, unknown: bool, delta: int) -> None:
        first, variables = len(self.steps), dict[str, int]()
        for at in self._order(rule.facts, delta):
            self.steps.append(self._step(at, rule.facts[at], variables, rule.kinds))
        row = [first, len(rule.facts), delta, len(self.differs), len(rule.unless), move, int(unknown), len(rule.start)]
        self.differs += [[variables[pair.one], variables[pair.other]] for pair in rule.unless]
        for end in (*rule.start, *[None] * (3 - len(rule.start)), rule.to):
            row += self._end(end, variables)
        self.by_predicate.setdefault(PREDICATE_CODE[rule.facts[delta].predicate], []).append(len(self.plans))
        self.plans.append(row)

    def done(self) -> Plans:
        width = len(PLAN) + 12
        return Plans(
            np.array(self.plans, np.int32).reshape(-1, width),
            np.array(self.steps, np.int32).reshape(-1, len(STEP)),
            np.array(self.differs, np.int32).reshape(-1, 2),
            {predicate: tuple(which) for predicate, which in self.by_predicate.items()},
            Conditions(tuple(self.wheres), tuple(self.prefixes)),
        )

    def _end(self, end: At | None, variables: dict[str, int]) -> list[int]:
        if end is None:
            return [ANY, 0, 0]
        if isinstance(end.entity, str):
            return [BOUND, variables[end.entity], CAPABILITY_CODE[end.capability]]
        assert isinstance(end.entity, Is)
        return [CONSTANT, self.estate.terms.code(end.entity.term), CAPABILITY_CODE[end.capability]]

    def _step(self, at: int, atom: Atom, variables: dict[str, int], kinds: Mapping[str, tuple[str, ...]]) -> list[int]:
        side = self._side(atom, variables)[0]
        subject = self._slot(atom.subject, variables)
        same = int(isinstance(atom.subject, str) and atom.subject == atom.object and subject[0] == FREE)
        object_ = [ANY, 0] if same else self._slot(atom.object, variables)
        begins = [self._begins(slot, kinds) for slot in (atom.subject, atom.object)]
        where = _index(self.wheres, atom.where) if atom.where else -1
        return [at, PREDICATE_CODE[atom.predicate], side, *subject, *object_, where, *begins, same]

    def _begins(self, slot: Slot, kinds: Mapping[str, tuple[str, ...]]) -> int:
        """The number of the condition on how a term begins; -1 for none."""
        if isinstance(slot, Prefix):
            return _index(self.prefixes, (slot.text,))
        if isinstance(slot, str) and slot in kinds:
            return _index(self.prefixes, tuple(f"{kind}:" for kind in kinds[slot]))
        return -1

    def _slot(self, slot: Slot, variables: dict[str, int]) -> list[int]:
        if isinstance(slot, Prefix):
            return [ANY, 0]
        if isinstance(slot, Is):
            return [CONSTANT, self.estate.terms.code(slot.term)]
        assert isinstance(slot, str), "moves have no `Like`: `derive.check`"
        if slot in variables:
            return [BOUND, variables[slot]]
        variables[slot] = len(variables)
        return [FREE, variables[slot]]

    def _order(self, atoms: Sequence[Atom], delta: int) -> Iterable[int]:
        """The delta atom, then always the one whose chain is expected to be shortest."""
        left, known = [at for at in range(len(atoms)) if at != delta], _variables(atoms[delta])
        yield delta
        while left:
            best = min(left, key=lambda at: (*self._side(atoms[at], known)[::-1], at))
            left.remove(best)
            known |= _variables(atoms[best])
            yield best

    def _side(self, atom: Atom, known: Iterable[str]) -> tuple[int, float]:
        """(the chain to follow, how many facts it is expected to hold)."""
        choices = [(float(len(self.estate.table(atom.predicate)) + 1e6), ALL)]
        for slot, side, name in ((atom.subject, BY_SUBJECT, "subject"), (atom.object, BY_OBJECT, "object")):
            if isinstance(slot, Is) or (isinstance(slot, str) and slot in known):
                choices.append((self._expected(atom.predicate, name), side))
        size, side = min(choices)
        return side, size

    def _expected(self, predicate: str, side: str) -> float:
        """Mean length of the chain that a fact of this predicate is in: hubs weigh as often as they are met."""
        key = (predicate, side)
        if key not in self._cost:
            counts = np.bincount(getattr(self.estate.table(predicate), side), minlength=1).astype(np.float64)
            self._cost[key] = float((counts**2).sum() / max(counts.sum(), 1.0))
        return self._cost[key]


def _variables(atom: Atom) -> set[str]:
    return {slot for slot in (atom.subject, atom.object) if isinstance(slot, str)}


def _index(known: list[_T], value: _T) -> int:
    if value not in known:
        known.append(value)
    return known.index(value)
