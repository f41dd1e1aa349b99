"""The debt of an estate while facts come and go: only what a change may have touched is looked at again.

delta ─▶ affected subjects ─▶ re-judged ─▶ their checks' findings ─┐
  └────▶ edges follow ─────────────────────────────────────────────┴─▶ Game ─▶ D, unless neither changed
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import msgspec
import numpy as np

from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.incremental import LiveEdges
from ringfence.app.assess.debt_window import Standing, loose_ends, standing
from ringfence.app.questions import Questions
from ringfence.assess.check import Check
from ringfence.assess.checks import CHECKS
from ringfence.assess.debt.compute import compute_of
from ringfence.assess.debt.coverage import coverage_of
from ringfence.assess.debt.findings import Findings, findings, holes, together
from ringfence.assess.debt.ledger import Entry, fresh
from ringfence.assess.judge import Judged, affected, judge, judge_one
from ringfence.estate.delta import Delta
from ringfence.estate.estate import PREDICATE_NAME, Estate, Rows
from ringfence.estate.kinds import PREDICATES

_BESIDE = frozenset(("asked", "has_gpu", "uses_gpu", "used_gpu_hours", "same_as", "part_of"))
"""What coverage and compute are counted from."""

_OF_GAME = frozenset(("jewel", "asked"))
"""What decides, beside moves and findings, what is owed: the jewels' values, and holes."""


class LiveDebt:
    """`apply` is the only way to change it. What a change opens is open since `at`, seconds; footholds stay."""

    def __init__(self, estate: Estate, at: float, checks: Sequence[Check] = CHECKS) -> None:
        self.at = at
        self.estate = estate
        self._judged = judge(estate, checks)
        self._found = [findings(estate, [one]) for one in self._judged]
        self._entries: dict[tuple[str, str], Entry] = {}
        self._open = [self._entries_of(one) for one in self._found]
        edges = derive(estate)
        self._live = LiveEdges(estate, edges=edges)
        self._coverage, self._compute = coverage_of(estate, set())[0], compute_of(estate)
        self._feet = Questions(estate).default_footholds()
        self.standing = self._stand(edges)

    def apply(self, delta: Delta) -> Standing:
        """Where the debt stands after one change."""
        before = self.estate
        after, added, removed = before.changed(delta.added, delta.removed)
        change = self._live.apply(delta)
        self.estate = self._live.estate
        told = {PREDICATE_NAME[code] for code in np.unique(np.concatenate([added, removed]) >> 32).tolist()}
        if told & _BESIDE:
            self._coverage, self._compute = coverage_of(after, set())[0], compute_of(after)
        on_ways = bool(change.edges_added or change.edges_removed or told & _OF_GAME)
        on_ways |= self._judge_again(before, after, (removed, added), told)
        self.standing = self._stand(self._live.edges()) if on_ways else self._beside()
        return self.standing

    def _judge_again(self, before: Estate, after: Estate, rows: tuple[Rows, Rows], told: set[str]) -> bool:
        """Whether a finding came, went, or rests on other facts now."""
        moved = False
        for at, one in enumerate(self._judged):
            again = _again(one, before, after, rows) if told & _reads(one.check) else None
            if again is not None:
                self._judged[at] = again
                now = findings(self.estate, [again])
                moved |= not now.same_as(self._found[at])
                self._found[at], self._open[at] = now, self._entries_of(now)
        return moved

    def _stand(self, edges: Edges) -> Standing:
        unanswered = holes(self.estate, edges)
        self.found = found = together([*self._found, unanswered])
        owed = tuple(chain(*self._open, self._entries_of(unanswered)))
        return standing(
            self.estate,
            self.at,
            edges,
            found,
            owed,
            self._judged,
            self._coverage,
            self._feet,
            self._compute,
            heavy=np.ones(len(owed)),  # all are open since `at`: none is overdue
        )

    def _entries_of(self, found: Findings) -> tuple[Entry, ...]:
        """One per finding, the same as ever for the same key."""
        known = self._entries
        for key, severity in zip(found.keys, found.severity.tolist(), strict=True):
            if key not in known:
                known[key] = fresh(key, severity, self.at)
        return tuple(map(known.__getitem__, found.keys))

    def _beside(self) -> Standing:
        """Where it stands if no move and no finding changed: D is what it was."""
        was = self.standing
        loose = loose_ends(was.game, self.found, was.weights, self._judged)
        return replace(was, hygiene=loose, coverage=self._coverage, compute=self._compute)


def _reads(check: Check) -> set[str]:
    """The predicates that a check looks at: all, where a thing is one of its things as soon as any fact mentions it."""
    if any(not when.facts for when in check.each):
        return set(PREDICATES)
    whens = (*check.each, *check.fails, *check.rests, *check.doubts)
    return {atom.predicate for when in whens for atom in when.facts}


def _again(one: Judged, before: Estate, after: Estate, rows: tuple[Rows, Rows]) -> Judged | None:
    """The verdicts with those of the subjects that the change may have touched judged again; None: it touched none.

    `failing` and `resting` stay as they were: the columns are for showing results, and these are not shown.
    """
    touched = affected(before, after, one.check, rows)
    if not len(touched):
        return None
    now = judge_one(after, one.check, touched)
    stays = ~np.isin(one.subjects, touched)
    subjects = np.concatenate([one.subjects[stays], now.subjects])
    order = np.argsort(subjects, kind="stable")
    return msgspec.structs.replace(
        one,
        subjects=subjects[order],
        failed=np.concatenate([one.failed[stays], now.failed])[order],
        missing=np.concatenate([one.missing[stays], now.missing])[order],
    )
