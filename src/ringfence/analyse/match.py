"""Joins: every way to meet a conjunction of atoms in one estate.

A binding is one array per variable plus, per atom, the rows of the facts that met it. Joins look
the bound column up in a table sorted by subject or object (`Table.find`), all in numpy.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.rule import Atom, Differ, Is, Like, Match, Prefix, Slot
from ringfence.estate.estate import Estate, Rows, Table, rows_of
from ringfence.estate.kinds import KINDS

Only = Mapping[int, NDArray[np.int64]]
"""Restricts atoms, by their index, to some positions of their tables: used for deltas."""

Variables = Mapping[str, NDArray[np.int32]]
"""Term codes by the name of the variable, all equally long."""

Kinds = Mapping[str, tuple[str, ...]]
"""The kinds of entity that a variable may stand for; all where it is not named."""

_KIND_CODE = {name: code for code, name in enumerate(KINDS)}


class Bound(msgspec.Struct, frozen=True):
    """All ways to meet a conjunction: per way the term of each variable, and per atom the row that met it."""

    variables: Variables
    rows: Sequence[Rows]

    def __len__(self) -> int:
        return len(self.rows[0])


def match(
    estate: Estate,
    facts: Sequence[Atom],
    unless: Sequence[Differ] = (),
    kinds: Kinds | None = None,
    only: Only | None = None,
    given: Variables | None = None,
) -> Bound | None:
    """All ways to meet all atoms, or None. `given` binds variables beforehand: one way begins with each term."""
    if any(not estate.table(atom.predicate).count for atom in facts):
        return None
    kinds, only = kinds or {}, only or {}
    variables: dict[str, NDArray[np.int32]] = dict(given or {})
    rows: dict[int, Rows] = {}
    for at in _order(estate, facts, kinds, only, variables):
        atom = facts[at]
        left, right = _extend(estate, atom, variables, only.get(at))
        table = estate.table(atom.predicate)
        left, right = _of_kind(estate, kinds, ((atom.subject, table.subject), (atom.object, table.object)), left, right)
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
    for pair in unless:
        keep &= variables[pair.one] != variables[pair.other]
    if not keep.any():
        return None
    ordered = [rows[at] for at in range(len(facts))]
    if keep.all():
        return Bound(variables, ordered)
    return Bound({name: column[keep] for name, column in variables.items()}, [column[keep] for column in ordered])


def _of_kind(
    estate: Estate,
    kinds: Kinds,
    ends: tuple[tuple[Slot, NDArray[np.int32]], ...],
    left: NDArray[np.int64] | None,
    right: NDArray[np.int64],
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """The matches whose ends are of the kinds that the rule asks of their variables."""
    for slot, column in ends:
        if isinstance(slot, str) and slot in kinds:
            allowed = [_KIND_CODE[kind] for kind in kinds[slot]]
            keep = np.isin(estate.kinds[column[right]], allowed)
            left, right = (left if left is None else left[keep]), right[keep]
    return left, right


def _order(estate: Estate, atoms: Sequence[Atom], kinds: Kinds, only: Only, given: Variables) -> list[int]:
    """Smallest first, then always an atom that shares a variable with those before, if one does."""
    size = {at: len(only[at]) if at in only else _guess(estate, atom, kinds) for at, atom in enumerate(atoms)}
    order: list[int] = []
    known: set[str] = set(given)
    while len(order) < len(atoms):
        left = [at for at in size if at not in order]
        linked = [at for at in left if known & names_of(atoms[at])] or left
        best = min(linked, key=lambda at: (len(names_of(atoms[at]) - known), size[at], at))
        order.append(best)
        known |= names_of(atoms[best])
    return order


def _guess(estate: Estate, atom: Atom, kinds: Kinds) -> int:
    """About how many facts meet the atom on its own: a constant side is looked up, an end of few kinds is counted."""
    table = estate.table(atom.predicate)
    if isinstance(atom.object, Is):
        return len(_with(estate, table, "object", atom.object))
    if isinstance(atom.subject, Is):
        return len(_with(estate, table, "subject", atom.subject))
    ends = ((atom.subject, table.subject), (atom.object, table.object))
    if not any(isinstance(slot, str) and slot in kinds for slot, _ in ends):
        return table.count
    return len(_of_kind(estate, kinds, ends, None, table.live)[1])


def _with(estate: Estate, table: Table, side: str, constant: Is) -> NDArray[np.int64]:
    """Positions of the facts that have a constant on one side."""
    return table.find(side, np.array([estate.terms.find(constant.term)], np.int32))[1]


def names_of(atom: Atom) -> set[str]:
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
        elif isinstance(slot, Like):
            masks.append(_per_code(column[at], partial(_is_like, estate, slot)))
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


def _is_like(estate: Estate, like: Like, code: int) -> bool:
    return re.fullmatch(like.pattern, estate.terms.values[code]) is not None


def agrees(estate: Estate, where: Mapping[str, Match], code: int) -> bool:
    """Whether the attributes behind a code meet all conditions."""
    attributes = estate.attributes_of(code)
    return all(name in attributes and _allows(allowed, attributes[name]) for name, allowed in where.items())


def _allows(allowed: Match, value: bool | str | int | float) -> bool:
    if isinstance(allowed, Like):
        return re.fullmatch(allowed.pattern, str(value)) is not None
    return value in allowed if isinstance(allowed, tuple) else value == allowed
