"""From checks and an estate to results, all subjects of a check at once.

each ──▶ subjects ──▶ fails? ──▶ failed
└─no──▶ all that a pass rests on, and no doubt? ──▶ passed | unknown
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.match import Bound, Variables, match, names_of
from ringfence.assess.check import IT, Check, Result, Verdict, When
from ringfence.assess.checks import CHECKS
from ringfence.assess.every import in_order, parts, told_of, ways
from ringfence.assess.first import first_ways
from ringfence.assess.words import said_once
from ringfence.estate.estate import PREDICATE_CODE, PREDICATE_NAME, Estate, Rows
from ringfence.estate.kinds import KINDS, PREDICATES

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
    covering: tuple[tuple[_Ints, Sequence[Rows]], ...]
    """Per `When` that must hold of every thing: the subjects that meet it, ascending and once per way, and per way the
    rows that hold of the things. Empty for the others."""

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
    failing = tuple(_first(estate, _ways(estate, when, found), found) for when in check.fails)
    rested = [_ways(estate, when, found) for when in check.rests]
    resting = tuple(_first(estate, one, found) for one in rested)
    failed = np.zeros(len(found), np.bool_)
    for met, _, _ in failing:
        failed[np.searchsorted(found, met)] = True
    missing = np.full(len(found), -1, np.int16)
    for at, doubt in reversed([*enumerate(check.doubts, len(resting))]):
        doubted = _ways(estate, doubt, found)
        if doubted is not None:
            missing[np.flatnonzero(np.isin(found, doubted.variables[IT]))] = at
    for at in range(len(resting) - 1, -1, -1):
        lacks = np.ones(len(found), np.bool_)
        lacks[np.searchsorted(found, resting[at][0])] = False
        missing[lacks] = at
    covering = tuple(_covers(when, one) for when, one in zip(check.rests, rested, strict=True))
    return Judged(check, found, failed, missing, failing, resting, covering)


def _subjects(estate: Estate, check: Check, only: _Ints | None) -> _Ints:
    parts = [np.zeros(0, np.int32)]
    for when in check.each:
        if not when.facts:
            parts.append(_all(estate, when, only))
            continue
        found = match(estate, when.facts, when.unless, when.kinds, given=_given(only))
        if found is not None:
            parts.append(found.variables[IT])
    return np.unique(np.concatenate(parts))


def _all(estate: Estate, when: When, only: _Ints | None) -> _Ints:
    """Everything of some kinds that a living fact mentions."""
    there = estate.entities if only is None else only[_there(estate, only)]
    found = there[np.isin(estate.kinds[there], [_KIND_CODE[kind] for kind in when.kinds[IT]])]
    if when.named:
        called = [re.fullmatch(when.named, estate.terms.values[term]) is not None for term in found.tolist()]
        found = found[np.array(called, np.bool_)]
    return found.astype(np.int32)


def _given(only: _Ints | None) -> Variables | None:
    return None if only is None else {IT: only}


def _ways(estate: Estate, when: When, subjects: _Ints) -> Bound | None:
    """All ways to meet it, of these subjects and perhaps of others."""
    if not len(subjects):
        return None
    return ways(estate, when, _given(subjects if len(subjects) <= _FEW else None))


def _first(estate: Estate, found: Bound | None, subjects: _Ints) -> tuple[_Ints, Sequence[Rows], Mapping[str, _Ints]]:
    """(subjects that meet it, per atom the row of the first way each meets it, the terms of that way)."""
    if found is None:
        return np.zeros(0, np.int32), (), {}
    it = found.variables[IT]
    at = first_ways(estate, it, found.rows)
    at = at[np.isin(it[at], subjects)]
    return it[at], [rows[at] for rows in found.rows], {name: column[at] for name, column in found.variables.items()}


def _covers(when: When, found: Bound | None) -> tuple[_Ints, Sequence[Rows]]:
    if found is None or not when.every:
        return np.zeros(0, np.int32), ()
    order = np.argsort(found.variables[IT], kind="stable")
    return found.variables[IT][order], [rows[order] for rows in told_of(when, found.rows)]


_KIND_CODE = {name: code for code, name in enumerate(KINDS)}
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
    for number, (when, (subjects, columns, variables)) in enumerate(zip(whens, met, strict=True)):
        place = int(np.searchsorted(subjects, term))
        if place >= len(subjects) or subjects[place] != term:
            continue
        said.append(when.says)
        if verdict is Verdict.FAILED:
            opens = check.opens if when.opens is None else when.opens
            opened |= dict.fromkeys(_opened(estate, opens, {name: int(c[place]) for name, c in variables.items()}))
        if verdict is not Verdict.FAILED and when.every:
            rows |= dict.fromkeys(_covering(estate, judged.covering[number], int(term)))
        else:
            rows |= dict.fromkeys(int(column[place]) for column in columns)
    more = len(rows) - _MOST_FACTS
    if verdict is Verdict.UNKNOWN:
        reason = _hole(check, int(judged.missing[at]))
    else:
        reason = "; ".join([*filter(None, [said_once(said)]), *([f"{more} more facts say so"] if more > 0 else [])])
    facts = tuple(estate.fact(row) for row in list(rows)[:_MOST_FACTS])
    return Result(check.id, estate.terms.values[term], verdict, reason, facts, tuple(rows), tuple(opened))


def _covering(estate: Estate, covers: tuple[_Ints, Sequence[Rows]], term: int) -> list[int]:
    """The rows that hold of every thing of one subject: not those that lead there, which only say what there is."""
    subjects, columns = covers
    first, last = np.searchsorted(subjects, [term, term + 1])
    return in_order(estate, np.concatenate([column[first:last] for column in columns]))


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
    found = [np.zeros(0, np.int32)]
    for estate, changed in zip((before, after), rows, strict=True):
        for one in (*check.each, *check.fails, *check.rests, *check.doubts):
            for when in (one, *parts(one)):
                found += _through(estate, when, changed)
    if any(not when.facts for when in check.each):
        found.append(_come_or_gone(before, after, rows))
    return np.unique(np.concatenate(found))


def _come_or_gone(before: Estate, after: Estate, rows: tuple[Rows, Rows]) -> _Ints:
    """Things that facts mention now and did not before, or did and do not any more."""
    terms = [np.zeros(0, np.int32)]
    for estate, changed in zip((before, after), rows, strict=True):
        for code in np.unique(changed >> 32).tolist():
            table, mine = estate.table(PREDICATE_NAME[code]), changed[changed >> 32 == code] & 0xFFFFFFFF
            terms += [table.subject[mine], table.object[mine]]
    told = np.unique(np.concatenate(terms))
    found: _Ints = told[_there(before, told) != _there(after, told)]
    return found


def _there(estate: Estate, terms: _Ints) -> NDArray[np.bool_]:
    """Which of these terms are things that a living fact mentions: few are looked up in many."""
    entities = estate.entities
    at = np.minimum(np.searchsorted(entities, terms), len(entities) - 1)
    return entities[at] == terms if len(entities) else np.zeros(len(terms), np.bool_)


def _through(estate: Estate, when: When, changed: Rows) -> Iterator[_Ints]:
    """Per fact of a condition, the subjects of the ways in which one of these rows is that fact."""
    for at, atom in enumerate(when.facts):
        mine = changed[changed >> 32 == PREDICATE_CODE[atom.predicate]] & 0xFFFFFFFF
        found = match(estate, when.facts, when.unless, when.kinds, {at: mine}) if len(mine) else None
        if found is not None:
            yield found.variables[IT]


def check_checks(checks: Sequence[Check]) -> None:
    """Refuse checks that no estate could meet. Raises `ValueError`: a fault of ours, found by the tests."""
    for check in checks:
        for when in (*(one for one in check.each if one.facts), *check.fails, *check.rests, *check.doubts):
            names = set[str]().union(*map(names_of, when.facts))
            unknown = [atom.predicate for atom in when.facts if atom.predicate not in PREDICATES]
            led = set[str]().union(*map(names_of, when.facts[: when.every or None]))
            if unknown or IT not in names & led or not 0 <= when.every < max(len(when.facts) - when.some, 1):
                raise ValueError(f"{check.id}: unknown predicates {unknown}, or a condition without {IT!r}")
        if not check.each or not check.fails or not check.rests:
            raise ValueError(f"{check.id}: needs subjects, what fails, and what a pass rests on")
