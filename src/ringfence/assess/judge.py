"""From checks and an estate to results, all subjects of a check at once.

each ──▶ subjects ──▶ fails? ──▶ failed
└─no──▶ all that a pass rests on, and no doubt? ──▶ passed | unknown
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.match import Variables, match, names_of
from ringfence.assess.check import IT, Check, Result, Verdict, When
from ringfence.assess.checks import CHECKS
from ringfence.assess.first import first_ways
from ringfence.estate.estate import PREDICATE_CODE, Estate, Rows
from ringfence.estate.kinds import PREDICATES

_Ints = NDArray[np.int32]
_MOST_FACTS = 24


class Judged(msgspec.Struct, frozen=True):
    """A check's verdicts in columns: `subjects` (n term codes, ascending) and per subject a verdict.

    `failing` and `resting` say per `When` which row met it first, for the subjects that it met.
    """

    check: Check
    subjects: _Ints
    failed: NDArray[np.bool_]
    missing: NDArray[np.int16]
    """Per subject the index of the first of `rests` that nothing met, or of the first doubt that was met, counted
    on from there; -1 where all were met and none was."""
    failing: tuple[tuple[_Ints, Sequence[Rows], Mapping[str, _Ints]], ...]
    resting: tuple[tuple[_Ints, Sequence[Rows], Mapping[str, _Ints]], ...]

    def counts(self) -> dict[Verdict, int]:
        """How many subjects of each verdict."""
        failed = int(self.failed.sum())
        passed = int((~self.failed & (self.missing < 0)).sum())
        return {
            Verdict.FAILED: failed,
            Verdict.PASSED: passed,
            Verdict.UNKNOWN: len(self.subjects) - failed - passed,
        }


def judge(estate: Estate, checks: Sequence[Check] = CHECKS) -> list[Judged]:
    """Every check on everything that it is about."""
    return [judge_one(estate, check) for check in checks]


def judge_one(estate: Estate, check: Check, subjects: _Ints | None = None) -> Judged:
    """One check; on some subjects only, if named."""
    found = _subjects(estate, check, subjects)
    failing = tuple(_first(estate, when, found) for when in check.fails)
    resting = tuple(_first(estate, when, found) for when in check.rests)
    failed = np.zeros(len(found), np.bool_)
    for met, _, _ in failing:
        failed[np.searchsorted(found, met)] = True
    missing = np.full(len(found), -1, np.int16)
    for at, doubt in reversed([*enumerate(check.doubts, len(resting))]):
        missing[np.searchsorted(found, _first(estate, doubt, found)[0])] = at
    for at in range(len(resting) - 1, -1, -1):
        lacks = np.ones(len(found), np.bool_)
        lacks[np.searchsorted(found, resting[at][0])] = False
        missing[lacks] = at
    return Judged(check, found, failed, missing, failing, resting)


def _subjects(estate: Estate, check: Check, only: _Ints | None) -> _Ints:
    parts = [np.zeros(0, np.int32)]
    for when in check.each:
        found = match(estate, when.facts, when.unless, when.kinds, given=_given(only))
        if found is not None:
            parts.append(found.variables[IT])
    return np.unique(np.concatenate(parts))


def _given(only: _Ints | None) -> Variables | None:
    return None if only is None else {IT: only}


def _first(estate: Estate, when: When, subjects: _Ints) -> tuple[_Ints, Sequence[Rows], Mapping[str, _Ints]]:
    """(subjects that meet it, per atom the row of the first way each meets it, the terms of that way)."""
    none: tuple[_Ints, Sequence[Rows], Mapping[str, _Ints]] = (np.zeros(0, np.int32), (), {})
    if not len(subjects):
        return none
    few = len(subjects) <= _FEW
    found = match(estate, when.facts, when.unless, when.kinds, given={IT: subjects} if few else None)
    if found is None:
        return none
    it = found.variables[IT]
    at = first_ways(estate, it, found.rows)
    at = at[np.isin(it[at], subjects)]
    return it[at], [rows[at] for rows in found.rows], {name: column[at] for name, column in found.variables.items()}


_FEW = 512
"""So few subjects are looked up one by one; beyond it a join over everything is faster."""


def results(estate: Estate, judged: Judged, verdicts: Iterable[Verdict] = tuple(Verdict)) -> Iterator[Result]:
    """The verdicts wanted as values, in the order of the subjects' names."""
    wanted = set(verdicts)
    order = sorted(range(len(judged.subjects)), key=lambda at: estate.terms.values[judged.subjects[at]])
    for at in order:
        if _verdict(judged, at) in wanted:
            yield result(estate, judged, at)


def _verdict(judged: Judged, at: int) -> Verdict:
    if judged.failed[at]:
        return Verdict.FAILED
    return Verdict.PASSED if judged.missing[at] < 0 else Verdict.UNKNOWN


def result(estate: Estate, judged: Judged, at: int) -> Result:
    """What is said of `judged.subjects[at]`."""
    check, term, verdict = judged.check, judged.subjects[at], _verdict(judged, at)
    met = judged.failing if verdict is Verdict.FAILED else judged.resting
    whens = check.fails if verdict is Verdict.FAILED else check.rests
    rows: dict[int, None] = {}
    said: list[str] = []
    opened: dict[str, None] = {}
    for when, (subjects, columns, variables) in zip(whens, met, strict=True):
        place = int(np.searchsorted(subjects, term))
        if place < len(subjects) and subjects[place] == term:
            rows |= dict.fromkeys(int(column[place]) for column in columns)
            said.append(when.says)
            if verdict is Verdict.FAILED:
                opens = check.opens if when.opens is None else when.opens
                opened |= dict.fromkeys(_opened(estate, opens, {name: int(c[place]) for name, c in variables.items()}))
    if verdict is Verdict.UNKNOWN:
        reason = _hole(check, int(judged.missing[at]))
    else:
        reason = "; ".join(one for one in said if one)
    facts = tuple(estate.fact(row) for row in list(rows)[:_MOST_FACTS])
    return Result(check.id, estate.terms.values[term], verdict, reason, facts, tuple(rows), tuple(opened))


def _hole(check: Check, missing: int) -> str:
    if missing >= len(check.rests):
        return "not decided: " + check.doubts[missing - len(check.rests)].says
    return "not known: whether " + (check.rests[missing].says or "what a pass rests on")


def _opened(estate: Estate, opens: Sequence[str], variables: Mapping[str, int]) -> Iterator[str]:
    for one in opens:
        name, _, capability = one.rpartition("#")
        term = variables.get(name or IT)
        if term is not None:
            yield f"{estate.terms.values[term]}#{capability}"


def affected(before: Estate, after: Estate, check: Check, rows: tuple[Rows, Rows]) -> _Ints:
    """Subjects whose verdict may have changed: `rows` are those removed (of `before`) and those added (to `after`)."""
    parts = [np.zeros(0, np.int32)]
    for estate, changed in zip((before, after), rows, strict=True):
        for when in (*check.each, *check.fails, *check.rests, *check.doubts):
            for at, atom in enumerate(when.facts):
                mine = changed[changed >> 32 == PREDICATE_CODE[atom.predicate]] & 0xFFFFFFFF
                found = match(estate, when.facts, when.unless, when.kinds, {at: mine}) if len(mine) else None
                if found is not None:
                    parts.append(found.variables[IT])
    return np.unique(np.concatenate(parts))


def check_checks(checks: Sequence[Check]) -> None:
    """Refuse checks that no estate could meet. Raises `ValueError`: a fault of ours, found by the tests."""
    for check in checks:
        for when in (*check.each, *check.fails, *check.rests, *check.doubts):
            names = set[str]().union(*map(names_of, when.facts))
            unknown = [atom.predicate for atom in when.facts if atom.predicate not in PREDICATES]
            if unknown or IT not in names or not when.facts:
                raise ValueError(f"{check.id}: unknown predicates {unknown}, or a condition without {IT!r}")
        if not check.each or not check.fails or not check.rests:
            raise ValueError(f"{check.id}: needs subjects, what fails, and what a pass rests on")
