"""From moves written as rules to every instance of them in one estate.

        estate tables ──join──▶ bindings ──project──▶ Edges (columns)
                        ▲
        Rule.facts, in the cheapest connected order

A binding is one array per variable plus, per atom, the rows of the facts that met it. Joins look
the bound column up in a table sorted by subject or object (`Table.find`), all in numpy.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import NONE, Positions, encode
from ringfence.analyse.rule import At, Atom, Is, Match, Move, Prefix, Rule, Slot
from ringfence.estate.estate import Estate, Rows, Table, rows_of
from ringfence.estate.kinds import KINDS, PREDICATES

MOST_STARTS = 3
MOST_FACTS = 8

Only = Mapping[str, NDArray[np.int64]]
"""Restricts one atom to some positions of its table: used for deltas."""


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


_KIND_CODE = {name: code for code, name in enumerate(KINDS)}
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
    only: Mapping[int, NDArray[np.int64]] | None = None,
) -> Edges:
    """The instances of one rule. `only` limits atoms (by their index) to some table positions."""
    bound = _bind(estate, rule, only or {})
    if bound is None:
        return _NO_EDGES
    variables, rows = bound
    count = len(rows[0])
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


_Bound = tuple[dict[str, NDArray[np.int32]], list[Rows]]


def _bind(estate: Estate, rule: Rule, only: Mapping[int, NDArray[np.int64]]) -> _Bound | None:
    """All ways to meet all atoms, or None."""
    if any(not estate.table(atom.predicate).count for atom in rule.facts):
        return None
    variables: dict[str, NDArray[np.int32]] = {}
    rows: dict[int, Rows] = {}
    for at in _order(estate, rule.facts, only):
        atom = rule.facts[at]
        left, right = _extend(estate, atom, variables, only.get(at))
        table = estate.table(atom.predicate)
        left, right = _of_kind(estate, rule, ((atom.subject, table.subject), (atom.object, table.object)), left, right)
        if not len(right):
            return None
        if left is not None:
            variables = {name: column[left] for name, column in variables.items()}
            rows = {done: column[left] for done, column in rows.items()}
        for slot, column in ((atom.subject, table.subject), (atom.object, table.object)):
            if isinstance(slot, str) and slot not in variables:
                variables[slot] = column[right]
        rows[at] = rows_of(atom.predicate, right)
    keep = np.ones(len(rows[0]), np.bool_)
    for pair in rule.unless:
        keep &= variables[pair.one] != variables[pair.other]
    if not keep.any():
        return None
    ordered = [rows[at] for at in range(len(rule.facts))]
    if keep.all():
        return variables, ordered
    return {name: column[keep] for name, column in variables.items()}, [column[keep] for column in ordered]


def _of_kind(
    estate: Estate,
    rule: Rule,
    ends: tuple[tuple[Slot, NDArray[np.int32]], ...],
    left: NDArray[np.int64] | None,
    right: NDArray[np.int64],
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """The matches whose ends are of the kinds that the rule asks of their variables."""
    for slot, column in ends:
        if isinstance(slot, str) and slot in rule.kinds:
            allowed = [_KIND_CODE[kind] for kind in rule.kinds[slot]]
            keep = np.isin(estate.kinds[column[right]], allowed)
            left, right = (left if left is None else left[keep]), right[keep]
    return left, right


def _order(estate: Estate, atoms: Sequence[Atom], only: Mapping[int, NDArray[np.int64]]) -> list[int]:
    """Smallest first, then always an atom that shares a variable with those before, if one does."""
    size = {at: len(only[at]) if at in only else _guess(estate, atom) for at, atom in enumerate(atoms)}
    order: list[int] = []
    known: set[str] = set()
    while len(order) < len(atoms):
        left = [at for at in size if at not in order]
        linked = [at for at in left if known & _names(atoms[at])] or left
        best = min(linked, key=lambda at: (len(_names(atoms[at]) - known), size[at], at))
        order.append(best)
        known |= _names(atoms[best])
    return order


def _guess(estate: Estate, atom: Atom) -> int:
    """About how many facts meet the atom on its own: a constant side is looked up."""
    table = estate.table(atom.predicate)
    if isinstance(atom.object, Is):
        return len(_with(estate, table, "object", atom.object))
    if isinstance(atom.subject, Is):
        return len(_with(estate, table, "subject", atom.subject))
    return table.count


def _with(estate: Estate, table: Table, side: str, constant: Is) -> NDArray[np.int64]:
    """Positions of the facts that have a constant on one side."""
    return table.find(side, np.array([estate.terms.find(constant.term)], np.int32))[1]


def _names(atom: Atom) -> set[str]:
    return {slot for slot in (atom.subject, atom.object) if isinstance(slot, str)}


def _extend(
    estate: Estate,
    atom: Atom,
    variables: Mapping[str, NDArray[np.int32]],
    only: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """(index into the bindings so far, position in the table) of every match; None: nothing bound yet."""
    table = estate.table(atom.predicate)
    subject = atom.subject if isinstance(atom.subject, str) and atom.subject in variables else None
    object_ = atom.object if isinstance(atom.object, str) and atom.object in variables else None
    if only is not None:
        candidates = only
        left, right = _match_few(table, candidates, subject, object_, variables)
    elif subject is not None:
        left, right = table.find("subject", variables[subject])
        if object_ is not None:
            hit = table.object[right] == variables[object_][left]
            left, right = left[hit], right[hit]
    elif object_ is not None:
        left, right = table.find("object", variables[object_])
    else:
        left, right = _product(variables, _constant_side(estate, table, atom))
    keep = _meets(estate, table, atom, right)
    if keep is not None:
        left, right = (left if left is None else left[keep]), right[keep]
    return left, right


def _match_few(
    table: Table,
    candidates: NDArray[np.int64],
    subject: str | None,
    object_: str | None,
    variables: Mapping[str, NDArray[np.int32]],
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    if subject is None and object_ is None:
        return _product(variables, candidates)
    name, column = (subject, table.subject) if subject is not None else (object_, table.object)
    assert name is not None
    keys = column[candidates]
    order = np.argsort(keys, kind="stable")
    left, right = _lookup(variables[name], keys[order], candidates[order])
    if subject is not None and object_ is not None:
        hit = table.object[right] == variables[object_][left]
        left, right = left[hit], right[hit]
    return left, right


def _lookup(
    wanted: NDArray[np.int32], keys: NDArray[np.int32], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (i, position) with key[position] == wanted[i]."""
    first = np.searchsorted(keys, wanted, "left")
    counts = np.searchsorted(keys, wanted, "right") - first
    left = np.repeat(np.arange(len(wanted)), counts)
    offset = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(first, counts) + offset]


def _product(
    variables: Mapping[str, NDArray[np.int32]], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    if not variables:
        return None, found
    count = len(next(iter(variables.values())))
    return np.repeat(np.arange(count), len(found)), np.tile(found, count)


def _constant_side(estate: Estate, table: Table, atom: Atom) -> NDArray[np.int64]:
    for slot, side in ((atom.object, "object"), (atom.subject, "subject")):
        if isinstance(slot, Is):
            return _with(estate, table, side, slot)
    return table.live


def _meets(estate: Estate, table: Table, atom: Atom, at: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which positions meet the atom's constants, repeated variable and attribute conditions; None: all."""
    masks = []
    for slot, column in ((atom.subject, table.subject), (atom.object, table.object)):
        if isinstance(slot, Is):
            masks.append(column[at] == estate.terms.find(slot.term))
        elif isinstance(slot, Prefix):
            masks.append(_per_code(column[at], partial(_begins, estate, slot.text)))
    if isinstance(atom.subject, str) and atom.subject == atom.object:
        masks.append(table.subject[at] == table.object[at])
    if atom.where:
        masks.append(_per_code(table.attributes[at], partial(agrees, estate, atom.where)))
    return np.logical_and.reduce(masks) if masks else None


def _per_code(codes: NDArray[np.int32], test: Callable[[int], bool]) -> NDArray[np.bool_]:
    unique, inverse = np.unique(codes, return_inverse=True)
    return np.fromiter((test(int(code)) for code in unique), np.bool_, len(unique))[inverse]


def _begins(estate: Estate, prefix: str, code: int) -> bool:
    return estate.terms.values[code].startswith(prefix)


def agrees(estate: Estate, where: Mapping[str, Match], code: int) -> bool:
    attributes = estate.attributes_of(code)
    return all(
        name in attributes
        and (attributes[name] in allowed if isinstance(allowed, tuple) else attributes[name] == allowed)
        for name, allowed in where.items()
    )


def check(moves: Sequence[Move]) -> None:
    """Refuse moves that no estate could meet: unknown predicates, unbound or too many slots.

    Raises `ValueError`: a fault of ours, found by the tests.
    """
    for move in moves:
        for rule in move.rules:
            names = set().union(*(_names(atom) for atom in rule.facts))
            unknown = [atom.predicate for atom in rule.facts if atom.predicate not in PREDICATES]
            unknown += [kind for kinds in rule.kinds.values() for kind in kinds if kind not in KINDS]
            ends: list[Slot] = [at.entity for at in (*rule.start, rule.to)]
            loose = [slot for slot in ends if isinstance(slot, Prefix) or (isinstance(slot, str) and slot not in names)]
            if unknown or loose or not 1 <= len(rule.facts) <= MOST_FACTS or not 1 <= len(rule.start) <= MOST_STARTS:
                raise ValueError(f"{move.id}: unknown predicates {unknown}, unbound {loose}, or too many parts")
