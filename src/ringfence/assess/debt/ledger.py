"""Every finding with what became of it: a function of the estates, whatever way they were read.

    windows in the order of their times ─fold─▶ Entry per finding

- **open**: the check fails. **fixed**: the check was seen to pass, or the source that told of it spoke again and
  did not say it. **gone**: the thing itself is in no fact any more; counted apart. Coverage falls
  with it, or a new finding of the same check on its kind of thing goes on with its clock: a new name resets nothing.
- **carried**: it was open, and now nobody can say. It stays open, with the facts last seen: not looking pays nothing.
  So too a service or a job that is in no fact any more, where what told of it did not speak again.
- The clock stands while a finding is fixed and goes on where it is opened again: closing for a day resets nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import msgspec
import numpy as np

from ringfence.assess.assumed import all_measured, measured
from ringfence.assess.check import Verdict
from ringfence.assess.debt.backfill import dated, earliest
from ringfence.assess.debt.coverage import is_lasting
from ringfence.assess.debt.findings import HOLE, Findings, Key
from ringfence.assess.judge import Judged, judge_one
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact


class State(StrEnum):
    """What a finding is at the end of the ledger."""

    OPEN = "open"
    CARRIED = "carried"
    FIXED = "fixed"
    GONE = "gone"


OWED = (State.OPEN, State.CARRIED)

LATELY = 92 * 86_400.0
"""Seconds. What went no longer ago leaves its clock to what comes."""


class Entry(msgspec.Struct, frozen=True):
    """One finding. Times in seconds.

    `opened`: first; `since`: last; `spent`: open before that; `ended`: last. `first`, `seen`: the windows that saw it.
    """

    key: Key
    severity: int
    opened: float
    estimated: bool
    state: State
    since: float
    spent: float = 0.0
    ended: float = 0.0
    first: float = 0.0
    seen: float = 0.0
    changed: tuple[float, ...] = ()
    fixed: tuple[float, ...] = ()
    reopened: tuple[float, ...] = ()
    facts: tuple[Fact, ...] = ()
    """Those last seen, of a carried finding."""
    heir: str = ""
    """What goes on with the clock of one that is gone."""
    measured: bool = True
    """Whether it was ever seen on facts of which none is assumed; `facts` are of the last time then."""

    def age(self, at: float) -> float:
        """Seconds it has been open by `at`, the times it was fixed left out."""
        return self.spent + max(0.0, (at if self.state in OWED else self.ended) - self.since)


@dataclass(frozen=True, eq=False)
class Window:
    """One estate of the history, judged. `at` in seconds."""

    at: float
    estate: Estate
    judged: tuple[Judged, ...]
    found: Findings
    retired: frozenset[str] = frozenset()
    _measured: dict[str, Judged] = field(default_factory=dict)

    def verdict(self, key: Key) -> Verdict | None:
        """What the check says of the subject now; None where it says nothing."""
        return self._said(self._of(key[0]), key[1])

    def passes_as_measured(self, key: Key) -> bool:
        """Whether it passes with what is only assumed left out."""
        judged, estate = self._of(key[0]), self._as_measured
        if judged is not None and estate is not self.estate:
            if key[0] not in self._measured:
                self._measured[key[0]] = judge_one(estate, judged.check)
            judged = self._measured[key[0]]
        return self._said(judged, key[1]) is Verdict.PASSED

    @cached_property
    def _as_measured(self) -> Estate:
        return measured(self.estate)

    def _of(self, check: str) -> Judged | None:
        return next((one for one in self.judged if one.check.id == check), None)

    def _said(self, judged: Judged | None, subject: str) -> Verdict | None:
        term = self.estate.terms.find(subject)
        if judged is None or term < 0:
            return None
        at = int(np.searchsorted(judged.subjects, term))
        if at >= len(judged.subjects) or judged.subjects[at] != term:
            return None
        if judged.failed[at]:
            return Verdict.FAILED
        return Verdict.PASSED if judged.missing[at] < 0 else Verdict.UNKNOWN


Ledger = Mapping[Key, Entry]


def ledger(windows: Iterable[Window]) -> Ledger:
    """The ledger after all windows, in the order of their times."""
    kept: Ledger = {}
    for window in sorted(windows, key=lambda one: one.at):
        kept = folded(kept, window)
    return kept


def folded(before: Ledger, window: Window) -> dict[Key, Entry]:
    """The ledger after one more window."""
    after = dict(before)
    told = window.found.facts_in(window.estate)
    severities = window.found.severity.tolist()
    first = min(entry.first for entry in before.values()) if before else None
    for key, facts, severity in zip(window.found.keys, told, severities, strict=True):
        entry = before.get(key)
        after[key] = _opened(key, severity, facts, window.at, first) if entry is None else _again(entry, facts, window)
    mentioned: set[str] | None = None
    for key, entry in before.items():
        if entry.state in OWED and after[key] is entry:
            if mentioned is None:
                mentioned = {window.estate.terms.values[term] for term in window.estate.entities}
            after[key] = _missing(entry, window, mentioned)
    _inherit(before, after, window)
    return after


def _inherit(before: Ledger, after: dict[Key, Entry], window: Window) -> None:
    """What went lately and was not fixed leaves its clock to a new finding of the same check on its kind of thing."""
    gone: dict[tuple[str, str], list[Entry]] = {}
    for entry in after.values():
        if entry.state is State.GONE and not entry.heir and window.at - entry.ended <= LATELY:
            gone.setdefault((entry.key[0], entry.key[1].partition(":")[0]), []).append(entry)
    if not gone:
        return
    for waiting in gone.values():
        waiting.sort(key=lambda one: (one.age(window.at), one.key))
    for key in sorted(after.keys() - before.keys()):
        waiting = gone.get((key[0], key[1].partition(":")[0]), [])
        if waiting and after[key].age(window.at) < waiting[-1].age(window.at):
            old = waiting.pop()
            spent = old.age(window.at)
            after[old.key] = msgspec.structs.replace(old, heir=key[1])
            after[key] = msgspec.structs.replace(
                after[key], opened=old.opened, spent=spent, since=window.at, estimated=True
            )


def fresh(key: Key, severity: int, at: float) -> Entry:
    """A finding that opens now, for estates that are followed and not surveyed."""
    return Entry(key, severity, at, False, State.OPEN, at, first=at, seen=at)


def _opened(key: Key, severity: int, facts: tuple[Fact, ...], at: float, first: float | None) -> Entry:
    """Seen for the first time: on day one as old as its facts, later only as old as they say of themselves."""
    opened, estimated = at, False
    if first is None or dated(facts):
        opened = max(earliest(facts, at), first or 0.0)
        estimated = True
    return Entry(
        key,
        severity,
        opened,
        estimated,
        State.OPEN,
        opened,
        first=at,
        seen=at,
        facts=facts,
        measured=all_measured(facts),
    )


def _again(entry: Entry, facts: tuple[Fact, ...], window: Window) -> Entry:
    """Seen once more: as before, changed, or opened again."""
    changed, at, own = entry.changed, window.at, all_measured(facts)
    kept = msgspec.structs.replace(entry, state=State.OPEN, seen=at)
    if own or not entry.measured:
        if _said(facts) != _said(entry.facts):
            changed = (*changed, at)
        kept = msgspec.structs.replace(kept, changed=changed, facts=facts, measured=own)
    if entry.state in OWED:
        return kept
    return msgspec.structs.replace(kept, since=at, spent=entry.age(at), reopened=(*entry.reopened, at))


def _missing(entry: Entry, window: Window, mentioned: set[str]) -> Entry:
    """Not seen any more: fixed, gone, or not known."""
    verdict, at = window.verdict(entry.key), window.at
    if entry.key[1] not in mentioned:
        name = entry.key[1]
        told = is_lasting(name) or _retired(name, window.retired) or _spoke(entry, window.estate)
        return msgspec.structs.replace(entry, state=State.GONE, ended=at) if told else _carried(entry)
    closed = entry.key[0].startswith(f"{HOLE}/")  # it is asked no more, or no move rests on it
    if verdict is Verdict.PASSED:
        closed |= not entry.measured or window.passes_as_measured(entry.key)
    if closed or (verdict is None and _spoke(entry, window.estate)):
        return msgspec.structs.replace(entry, state=State.FIXED, ended=at, fixed=(*entry.fixed, at))
    return _carried(entry)


def _carried(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, state=State.CARRIED)


def _retired(name: str, retired: frozenset[str]) -> bool:
    """Whether it was taken out of service, or is a service of a host that was."""
    kind, _, rest = name.partition(":")
    return name in retired or (kind == "service" and f"host:{rest.partition('/')[0]}" in retired)


def _spoke(entry: Entry, estate: Estate) -> bool:
    """Whether every source that told of it told something this time."""
    return bool(entry.facts) and all(estate.sources.find(fact.source) >= 0 for fact in entry.facts)


def _said(facts: Iterable[Fact]) -> set[tuple[str, str, str]]:
    """What they say, whoever told it and when."""
    return {(fact.subject, fact.predicate, fact.object) for fact in facts}
