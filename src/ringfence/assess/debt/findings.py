"""Findings in columns: what each is about, and the facts that end when it is repaired.

A finding is a failed check on one thing. Of a hole, something that was asked for and not answered, a
finding stands too wherever a move rests on it: unknown is not zero, and it is shown as what it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.match import match
from ringfence.assess.check import IT
from ringfence.assess.debt.terms import STRUCTURE
from ringfence.assess.judge import Judged
from ringfence.estate.estate import PREDICATE_CODE, PREDICATE_NAME, Estate, Rows
from ringfence.estate.facts import Fact

Key = tuple[str, str]
"""(check, subject): what makes it the same finding in the next estate."""


class Keyed(Protocol):
    """What has the key and the severity of a finding."""

    @property
    def key(self) -> Key: ...
    @property
    def severity(self) -> int: ...


HOLE = "hole"
"""The check's place in the key of a hole is `hole/<aspect>`."""

HOLE_SEVERITY = 5

_STRUCTURE = np.array(sorted(PREDICATE_CODE[name] for name in STRUCTURE), np.int64)


@dataclass(frozen=True, eq=False)
class Findings:
    """`keys` and `severity` (1 to 10) per finding; `of` (finding) and `row` (fact) are pairs, `row` of the estate."""

    keys: tuple[Key, ...]
    severity: NDArray[np.int16]
    of: NDArray[np.int32]
    row: Rows

    def __len__(self) -> int:
        return len(self.keys)

    def facts_in(self, estate: Estate) -> list[tuple[Fact, ...]]:
        """Per finding its facts, those of one predicate read by columns: of 10,000 nodes they are 300,000."""
        order = np.argsort(self.of, kind="stable")
        rows = self.row[order]
        which, facts = _facts(estate, rows)
        told = list(map(facts.__getitem__, which.tolist()))
        ends = np.cumsum(np.bincount(self.of, minlength=len(self.keys))).tolist()
        return [tuple(told[first:last]) for first, last in pairwise([0, *ends])]

    def same_as(self, other: "Findings") -> bool:
        """Whether these are the same findings for the same facts."""
        return self.keys == other.keys and np.array_equal(self.of, other.of) and np.array_equal(self.row, other.row)

    def and_of(self, entries: Iterable["Keyed"]) -> "Findings":
        """The same and these, which rest on no fact of the estate."""
        more = tuple(entries)
        severity = np.array([entry.severity for entry in more], np.int16)
        keys = tuple(entry.key for entry in more)
        return Findings((*self.keys, *keys), np.append(self.severity, severity), self.of, self.row)

    def take(self, wanted: Sequence[int]) -> "Findings":
        """Some of them, renumbered in this order."""
        number = np.full(len(self.keys), -1, np.int32)
        number[list(wanted)] = np.arange(len(wanted), dtype=np.int32)
        kept = number[self.of] >= 0
        keys = tuple(self.keys[at] for at in wanted)
        return Findings(keys, self.severity[list(wanted)], number[self.of[kept]], self.row[kept])


def _facts(estate: Estate, rows: Rows) -> tuple[NDArray[np.int64], list[Fact]]:
    """(per row the place of its fact, the facts): each is made once."""
    distinct, which = np.unique(rows, return_inverse=True)  # ascending, hence by predicates
    terms, sources = estate.terms.values, estate.sources.values
    facts: list[Fact] = []
    for code in np.unique(distinct >> 32).tolist():
        name = PREDICATE_NAME[code]
        table, at = estate.tables[name], distinct[distinct >> 32 == code] & 0xFFFFFFFF
        columns = (table.subject, table.object, table.attributes, table.source, table.observed)
        facts += [
            Fact(terms[subject], name, terms[object_], estate.attributes_of(said), sources[source], seen)
            for subject, object_, said, source, seen in zip(*(column[at].tolist() for column in columns), strict=True)
        ]
    return which, facts


def findings(estate: Estate, judged: Iterable[Judged]) -> Findings:
    """Every failed result, with all facts of all ways in which it fails."""
    keys: list[Key] = []
    severity: list[int] = []
    of, row = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for one in judged:
        subjects = one.subjects[one.failed]
        base = len(keys)
        keys += [(one.check.id, estate.terms.values[term]) for term in subjects.tolist()]
        severity += [one.check.weight] * len(subjects)
        for when in one.check.fails if len(subjects) else ():
            found = match(estate, when.facts, when.unless, when.kinds)
            if found is None:
                continue
            place = np.searchsorted(subjects, found.variables[IT])
            here = place < len(subjects)
            here[here] = subjects[place[here]] == found.variables[IT][here]
            of += [(base + place[here]).astype(np.int32)] * len(found.rows)
            row += [rows[here] for rows in found.rows]
    return _columns(keys, severity, of, row)


def holes(estate: Estate, edges: Edges) -> Findings:
    """Every unanswered question that some move rests on."""
    because = edges.because[edges.unknown]
    asked = np.unique(because[(because >> 32) == PREDICATE_CODE["asked"]])
    table = estate.table("asked")
    at = asked & 0xFFFFFFFF
    names = estate.terms.values
    keys = [
        (f"{HOLE}/{names[aspect]}", names[subject])
        for subject, aspect in zip(table.subject[at].tolist(), table.object[at].tolist(), strict=True)
    ]
    return Findings(
        tuple(keys), np.full(len(keys), HOLE_SEVERITY, np.int16), np.arange(len(keys), dtype=np.int32), asked
    )


def together(parts: Sequence[Findings]) -> Findings:
    """All of them, in order."""
    base = np.cumsum([0, *(len(part) for part in parts)])
    return Findings(
        tuple(chain.from_iterable(part.keys for part in parts)),
        np.concatenate([part.severity for part in parts]),
        np.concatenate([part.of + np.int32(start) for part, start in zip(parts, base[:-1], strict=True)]),
        np.concatenate([part.row for part in parts]),
    )


def _columns(
    keys: list[Key], severity: list[int], of: list[NDArray[np.int32]], row: list[NDArray[np.int64]]
) -> Findings:
    """Without the facts that only say what there is, unless a finding has no others; each pair once."""
    pairs = np.stack([np.concatenate(of).astype(np.int64), np.concatenate(row)])
    pairs = pairs[:, np.lexsort(pairs[::-1])]
    pairs = pairs[:, np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0))[: pairs.shape[1]]]
    structure = np.isin(pairs[1] >> 32, _STRUCTURE)
    has_other = np.zeros(len(keys), np.bool_)
    has_other[pairs[0][~structure]] = True
    kept = pairs[:, ~structure | ~has_other[pairs[0]]]
    return Findings(tuple(keys), np.array(severity, np.int16), kept[0].astype(np.int32), kept[1])
