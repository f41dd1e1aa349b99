"""From measures and what was seen of a host to what differs, and what to change.

measure ─▶ needs ─▶ each want ─▶ Looked(verdict, changes) ─▶ Finding ─▶ plan: changes in order

The plan is a function of the measures and of what was seen, nothing else. A finding has the worst verdict of its
wants.
"""

import hashlib
import re
from collections.abc import Sequence

import msgspec

from ringfence.assess.harden.changes import Change, place
from ringfence.assess.harden.measure import Either, Holds, Measure, Need, There, Verdict
from ringfence.assess.harden.measures import MEASURES
from ringfence.assess.harden.shows import unseen
from ringfence.assess.harden.wants import Looked, look
from ringfence.errors import InputError
from ringfence.wire.host.entry import Kind, Seen

_WORST = (Verdict.UNKNOWN, Verdict.BY_HAND, Verdict.DIFFERS, Verdict.MET, Verdict.NOT_APPLICABLE)


class Finding(msgspec.Struct, frozen=True):
    """What a measure says of this host. `changes` may be there with any verdict but `met` and `not applicable`."""

    measure: str
    name: str
    verdict: Verdict
    reasons: tuple[str, ...]
    changes: tuple[Change, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """All findings, in the order of the measures."""

    findings: tuple[Finding, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change once, in order. Raises `InputError` where two measures want one place to hold two things."""
        found: dict[str, Change] = {}
        for finding in self.findings:
            for change in finding.changes:
                if found.setdefault(place(change), change) != change:
                    what = f"{finding.measure} and another measure change {place(change)}"
                    raise InputError(what, remedy="apply one of them with --only, then the other")
        return tuple(found.values())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the changes."""
        return hashlib.sha256(msgspec.json.encode(self.changes, order="sorted")).digest()


def planned(seen: Seen, measures: Sequence[Measure] = MEASURES) -> Plan:
    """What is to be done on the host that was seen."""
    return Plan(tuple(finding(measure, seen) for measure in measures))


def finding(measure: Measure, seen: Seen) -> Finding:
    """One measure."""
    verdict, reason = _needed(measure.needs, seen)
    if verdict is not Verdict.MET:
        return Finding(measure.id, measure.name, verdict, (reason,))
    looked = [_looked(want, seen) for want in measure.wants]
    worst = min((one.verdict for one in looked), key=_WORST.index)
    quiet = (Verdict.MET, Verdict.NOT_APPLICABLE) if worst not in (Verdict.MET, Verdict.NOT_APPLICABLE) else ()
    reasons = tuple(dict.fromkeys(one.reason for one in looked if one.verdict not in quiet))
    changes = tuple(change for one in looked for change in one.changes)
    if changes:
        verdict, reason = _needed(measure.way, seen)
        if verdict is not Verdict.MET:
            barred = f"not changed, for it would lock people out: {reason}"
            return Finding(measure.id, measure.name, Verdict.BY_HAND, (*reasons, barred))
    return Finding(measure.id, measure.name, worst, reasons, changes)


def _looked(want: object, seen: Seen) -> Looked:
    verdict, reason = _needed(getattr(want, "needs", ()), seen)
    return look(want, seen) if verdict is Verdict.MET else Looked(verdict, reason)


def _needed(needs: Sequence[Need], seen: Seen) -> tuple[Verdict, str]:
    """`met` where all are, else `not applicable` or `unknown`, with the reason of the first."""
    for need in needs:
        met = _met(need, seen)
        if met is None:
            return Verdict.UNKNOWN, f"it could not be read whether {need.says}{_lacking(need, seen)}"
        if not met:
            return Verdict.NOT_APPLICABLE, f"not so: {need.says}"
    return Verdict.MET, ""


def _lacking(need: Need, seen: Seen) -> str:
    """What would show it and was not seen."""
    paths = [path for one in (need.needs if isinstance(need, Either) else (need,)) for path in _asked(one)]
    missing = dict.fromkeys(place for path in paths if (place := unseen(path, seen)))
    return f": there is no {', no '.join(missing)} here" if missing else ""


def _asked(need: There | Holds) -> tuple[str, ...]:
    return need.paths if isinstance(need, There) else (need.path,)


def _met(need: Need, seen: Seen) -> bool | None:
    match need:
        case There():
            return _there(need, seen)
        case Holds():
            return _holds(need, seen)
        case Either(needs):
            found = [_met(one, seen) for one in needs]
            return True if True in found else None if None in found else False


def _there(need: There, seen: Seen) -> bool | None:
    entries = [entry for path in need.paths for entry in seen.at(path)]
    if any(entry.there for entry in entries):
        return not need.absent
    unsure = any(entry.kind is Kind.UNREADABLE for entry in entries) or any(unseen(path, seen) for path in need.paths)
    return None if unsure else need.absent


def _holds(need: Holds, seen: Seen) -> bool | None:
    (entry,) = seen.at(need.path)
    if entry.kind is Kind.ABSENT:
        return None if unseen(need.path, seen) else need.lacks
    if entry.kind is not Kind.FILE:
        return None
    lines = entry.content.decode("utf-8", "replace").splitlines()
    return any(re.fullmatch(need.pattern, line) for line in lines) is not need.lacks
