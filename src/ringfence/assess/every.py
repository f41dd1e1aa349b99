"""Conditions that must hold of several things: all of them, not one.

A cluster's mounts are known when every node told what it mounts. `When.every` says how many of its facts lead to those
things; each way to them that ends before the last fact leaves the subject unmet. `When.some` lets the last facts be met
in one way only of those that lead to them.

        it ──in_cluster── n1 ──asked mounts        met
        it ──in_cluster── n2 ──                    n2 was not asked: `it` does not meet it
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.match import Bound, Variables, match, names_of
from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import IT, When
from ringfence.estate.estate import Estate, Rows
from ringfence.estate.facts import Fact

_ROW = 0xFFFFFFFF


def ways(estate: Estate, when: When, given: Variables | None = None) -> Bound | None:
    """All ways to meet a condition; where it is one on every thing, those of subjects of which all of them meet it."""
    found = match(estate, when.facts, when.unless, when.kinds, given=given)
    if found is None or not when.every:
        return found
    keep = np.ones(len(found), np.bool_)
    for part in parts(when):
        begun = match(estate, part.facts, part.unless, part.kinds, given=given)
        if begun is not None:
            ended = _among(begun.rows, found.rows[: len(part.facts)])
            keep &= ~np.isin(found.variables[IT], begun.variables[IT][~ended])
    if keep.all():
        return found
    if not keep.any():
        return None
    return Bound({name: column[keep] for name, column in found.variables.items()}, [row[keep] for row in found.rows])


def parts(when: When) -> list[When]:
    """The beginnings of a condition that must all go on to its end; none where one way is enough."""
    if not when.every:
        return []
    return [_begin(when, count) for count in range(when.every, len(when.facts) - when.some)]


def facts_of(estate: Estate, when: When, term: NDArray[np.int32]) -> tuple[Fact, ...] | None:
    """What one subject meets a condition by, or None: the facts of its first way, or those of every thing."""
    found = ways(estate, when, {IT: term})
    if found is None:
        return None
    if when.every:
        return tuple(estate.fact(row) for row in in_order(estate, np.concatenate(told_of(when, found.rows))))
    first = int(np.lexsort([*reversed(found.rows)])[0])
    return tuple(estate.fact(int(rows[first])) for rows in found.rows)


def told_of(when: When, rows: Sequence[Rows]) -> list[Rows]:
    """Of the rows of the ways to meet it, one column per fact, those that hold of the things.

    Those that lead to the things are left out: without one of them there is a thing less, and nothing is missed.
    """
    return list(rows[when.every :])


def in_order(estate: Estate, rows: Rows) -> list[int]:
    """Each row once, by what its fact says: the same order, whatever came first."""
    found = {int(row): estate.fact(int(row)) for row in np.unique(rows)}
    return sorted(found, key=lambda row: _said(found[row]))


def _said(fact: Fact) -> tuple[str, str, str, bytes, str]:
    attributes = msgspec.json.encode(dict(fact.attributes), order="sorted")
    return fact.predicate, fact.subject, fact.object, attributes, fact.source


def _begin(when: When, count: int) -> When:
    facts: tuple[Atom, ...] = when.facts[:count]
    known = set[str]().union(*map(names_of, facts))
    apart: tuple[Differ, ...] = tuple(one for one in when.unless if {one.one, one.other} <= known)
    return When(facts, unless=apart, kinds=when.kinds)


def _among(begun: Sequence[Rows], ended: Sequence[Rows]) -> NDArray[np.bool_]:
    """Which of the ways begun are among those that came to the end; one column of rows per fact."""
    count = len(begun[0])
    codes = np.concatenate([begun[0], ended[0]]) & _ROW
    for one, other in zip(begun[1:], ended[1:], strict=True):
        _, codes = np.unique(codes, return_inverse=True)
        column = np.concatenate([one, other]) & _ROW
        codes = codes * (int(column.max()) + 1) + column
    found: NDArray[np.bool_] = np.isin(codes[:count], codes[count:])
    return found
