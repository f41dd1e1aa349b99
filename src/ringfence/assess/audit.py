"""The audit of one estate: findings in groups, what could not be said, and how each family of checks stands.

judged checks ─▶ groups by severity │ accepted │ expired │ gaps (unknown, by what is missing) │ families
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.rule import Is, Like, Slot
from ringfence.assess.accepted import EXPIRED, Accepted, in_force
from ringfence.assess.assumed import Assumed
from ringfence.assess.check import Check, Mismatch, Result, Verdict, When
from ringfence.assess.finding import EXAMPLES, Finding, Group, grade, grouped
from ringfence.assess.judge import Judged
from ringfence.assess.severity import ORDER, Ground, Severity, by_weight
from ringfence.assess.spans import Clock, Span, spans
from ringfence.estate.estate import Estate

_FEW = 3


class Gap(msgspec.Struct, frozen=True):
    """One check could say nothing of these subjects. `aspects` are the coverage that is missing or in doubt."""

    check: Check
    says: str
    aspects: tuple[str, ...]
    subjects: tuple[str, ...]


class Standing(msgspec.Struct, frozen=True):
    """One check's subjects, counted. `accepted` are among `failed`; `examples` are a few that passed."""

    check: Check
    failed: int
    passed: int
    unknown: int
    accepted: int = 0
    examples: tuple[str, ...] = ()
    assumed: int = 0
    """Of `passed`, those that rest on facts that were taken over from another host of the class."""

    @property
    def verdict(self) -> Verdict | None:
        """Of the check as a whole; None where the estate has nothing that it is about."""
        if self.failed:
            return Verdict.FAILED
        if self.unknown:
            return Verdict.UNKNOWN
        return Verdict.PASSED if self.passed else None


class Family(msgspec.Struct, frozen=True):
    """Checks of one layer, or of one mismatch: how many checks and how many subjects of each verdict."""

    name: str
    checks: int
    failed_checks: int
    failed: int
    passed: int
    unknown: int
    assumed: int = 0


class Window(msgspec.Struct, frozen=True):
    """A state that outlives its use: what begins and what ends the time in which it can be taken, and on what."""

    check: Check
    begins: str
    ends: str
    count: int
    since: float
    """When the oldest fact of the examples was seen, seconds since the epoch; 0 where no source gave a time."""
    until: float = 0.0
    """When the newest was: until then at least it was open."""
    examples: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    """Of the examples, from when to when as far as facts carry times."""


class Audit(msgspec.Struct, frozen=True):
    """Everything that the audit says; `groups` the worst first, those accepted apart."""

    groups: tuple[Group, ...]
    accepted: tuple[Group, ...]
    gaps: tuple[Gap, ...]
    standings: tuple[Standing, ...]
    layers: tuple[Family, ...]
    mismatches: tuple[Family, ...]
    windows: tuple[Window, ...]
    idle: tuple[Accepted, ...]
    """Acceptances that cover nothing: repaired, or misspelt."""
    perhaps: tuple[Window, ...] = ()
    """Windows that may be open, for nobody could judge; of one check perhaps beside those in `windows`."""

    def counts(self) -> dict[str, int]:
        """Subjects by verdict, the accepted ones apart."""
        failed, accepted = (
            sum(len(one.subjects) for one in self.groups),
            sum(len(one.subjects) for one in self.accepted),
        )
        passed, unknown = (sum(getattr(one, name) for one in self.standings) for name in ("passed", "unknown"))
        return {"failed": failed, "accepted": accepted, "passed": passed, "unknown": unknown}

    def assumed(self) -> int:
        """How many passes rest on what was assumed."""
        return sum(one.assumed for one in self.standings)

    def by_severity(self) -> dict[str, int]:
        """How many failures of each severity, accepted ones left out."""
        return {str(one): sum(len(g.subjects) for g in self.groups if g.severity is one) for one in ORDER}

    def worst(self) -> Severity | None:
        """The worst severity of what is not accepted."""
        return self.groups[0].severity if self.groups else None


def audited(
    estate: Estate, ground: Ground, judged: Sequence[Judged], decisions: Sequence[Accepted] = (), now: float = 0.0
) -> Audit:
    """The audit of these verdicts. `decisions` are accepted risks, `now` (seconds since the epoch) ends them."""
    valid, expired = in_force(decisions, now)
    found = [group for one in judged for group in grouped(estate, ground, grade(ground, one), valid)]
    found += [_expired(one, found) for one in expired if _covers(one, found)]
    taken = Assumed(estate)
    standings = tuple(_standing(estate, one, found, taken) for one in judged)
    used = {group.accepted for group in found}
    return Audit(
        tuple(sorted((one for one in found if one.accepted is None), key=lambda one: one.order)),
        tuple(sorted((one for one in found if one.accepted is not None), key=lambda one: one.order)),
        tuple(gap for one in judged for gap in _gaps(estate, one)),
        standings,
        _families({str(one.check.layer) for one in standings}, standings, lambda check: str(check.layer)),
        _families({str(one) for one in Mismatch if one}, standings, lambda check: str(check.mismatch)),
        tuple(_windows(estate, found)),
        tuple(one for one in decisions if one not in used and not (one in expired and _covers(one, found))),
        tuple(_perhaps(estate, one) for one in judged if one.check.window != ("", "") and _unknown(one).any()),
    )


def _covers(one: Accepted, found: Iterable[Group]) -> bool:
    return any(group.check.id == one.check and any(map(one.covers, group.subjects)) for group in found)


def _expired(one: Accepted, found: Sequence[Group]) -> Group:
    """An acceptance past its end is a finding of its own, about the check that it was for."""
    reason = f"{one.owner} accepted {one.check} of {one.subject} until {one.ends} ({one.place}): {one.reason}"
    said = Result(EXPIRED.id, f"{one.check} {one.subject}", Verdict.FAILED, reason, ())
    severity = by_weight(EXPIRED.weight)
    return Group(
        EXPIRED, severity, (said.subject,), (Finding(said, severity, "the end has passed, the fault has not"),)
    )


def _standing(estate: Estate, judged: Judged, found: Iterable[Group], taken: Assumed) -> Standing:
    counts = judged.counts()
    accepted = sum(len(one.subjects) for one in found if one.check.id == judged.check.id and one.accepted is not None)
    passed = judged.subjects[~judged.failed & (judged.missing < 0)]
    return Standing(
        judged.check,
        counts[Verdict.FAILED],
        counts[Verdict.PASSED],
        counts[Verdict.UNKNOWN],
        accepted,
        tuple(nsmallest(EXAMPLES, (estate.terms.values[term] for term in passed))),
        int(taken.passes(judged).sum()),
    )


def _unknown(judged: Judged) -> NDArray[np.bool_]:
    return ~judged.failed & (judged.missing >= 0)


def _perhaps(estate: Estate, judged: Judged) -> Window:
    terms = judged.subjects[_unknown(judged)]
    few = nsmallest(_FEW, (estate.terms.values[term] for term in terms))
    return Window(judged.check, *judged.check.window, len(terms), 0.0, examples=tuple(few))


def _gaps(estate: Estate, judged: Judged) -> Iterable[Gap]:
    check, unknown = judged.check, _unknown(judged)
    for missing in np.unique(judged.missing[unknown]).tolist():
        terms = judged.subjects[unknown & (judged.missing == missing)]
        subjects = tuple(sorted(estate.terms.values[term] for term in terms))
        doubt = missing >= len(check.rests)
        when = check.doubts[missing - len(check.rests)] if doubt else check.rests[missing]
        aspects = _aspects((when,)) or _aspects(check.rests)
        yield Gap(check, ("not decided: " if doubt else "not known: whether ") + when.says, aspects, subjects)


def _aspects(whens: Iterable[When]) -> tuple[str, ...]:
    asked = (atom.object for when in whens for atom in when.facts if atom.predicate == "asked")
    return tuple(dict.fromkeys(name for one in asked for name in _names(one)))


def _names(aspect: Slot) -> Iterable[str]:
    """The names that a slot stands for: itself, or each of `before(one|other)`."""
    if isinstance(aspect, Is):
        return (aspect.term,)
    before, bracket, choice = aspect.pattern.partition("(") if isinstance(aspect, Like) else ("", "", "")
    return [before + one for one in choice.removesuffix(")").split("|")] if bracket else ()


def _families(names: Iterable[str], standings: Sequence[Standing], of: Callable[[Check], str]) -> tuple[Family, ...]:
    found = []
    for name in sorted(names):
        mine = [one for one in standings if of(one.check) == name]
        sums = [sum(getattr(one, what) for one in mine) for what in ("failed", "passed", "unknown", "assumed")]
        found.append(Family(name, len(mine), sum(one.failed > 0 for one in mine), *sums))
    return tuple(found)


def _windows(estate: Estate, found: Iterable[Group]) -> Iterable[Window]:
    clock = Clock(estate)
    by_check: dict[str, list[Group]] = {}
    for group in found:
        if group.check.window != ("", ""):
            by_check.setdefault(group.check.id, []).append(group)
    for _, groups in sorted(by_check.items()):
        check = groups[0].check
        times = [
            fact.observed_at for one in groups for f in one.findings for fact in f.result.facts if fact.observed_at
        ]
        count, few = sum(len(one.subjects) for one in groups), [name for one in groups for name in one.subjects]
        worst = [(f.result.subject, f.result.facts) for one in groups for f in one.findings][:_FEW]
        open_, last = min(times, default=0.0), max(times, default=0.0)
        told = spans(clock, check.id, worst)
        yield Window(check, *check.window, count, open_, last, tuple(few[:_FEW]), told)
