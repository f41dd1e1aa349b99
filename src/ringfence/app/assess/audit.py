"""`ringfence audit`: one estate, judged; its findings in the documented shape.

Estate (+ advisories + derived facts) ─▶ judge ─▶ severity by position ─▶ Audit ─▶ JSON, table, files
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ringfence.app.assess.advisories import Answer, enriched
from ringfence.app.assess.audit_shown import by_hint, way, window
from ringfence.app.assess.debt_history import newest
from ringfence.app.assess.hints import hint, reasons
from ringfence.app.questions import Questions
from ringfence.assess import derived
from ringfence.assess.accepted import EXPIRED, Accepted, read_accepted
from ringfence.assess.assumed import is_assumed
from ringfence.assess.audit import Audit, Family, Gap, Standing, audited
from ringfence.assess.check import CLASSIC, Check
from ringfence.assess.checks import CHECK, CHECKS
from ringfence.assess.constraints import constrained
from ringfence.assess.finding import Finding, Group
from ringfence.assess.judge import judge
from ringfence.assess.severity import ORDER, Severity, ground
from ringfence.collect.hardware import COMPARED, compared
from ringfence.errors import InputError, UsageError
from ringfence.estate import ids
from ringfence.estate.estate import Estate
from ringfence.estate.stamps import utc
from ringfence.store import plain

__all__ = [
    "Audit",
    "FailOn",
    "Severity",
    "as_of",
    "chosen",
    "fails",
    "meets",
    "prepared",
    "read_accepted_file",
    "run",
    "shown",
]


_ALIKE = 0.05
"""Two surveys with no more than this share of the smaller one's hosts in common are of different clusters."""


class FailOn(StrEnum):
    """What a run may fail on: a severity, or that something could not be judged."""

    CRITICAL = Severity.CRITICAL
    HIGH = Severity.HIGH
    MEDIUM = Severity.MEDIUM
    LOW = Severity.LOW
    INFO = Severity.INFO
    UNKNOWN = "unknown"


def chosen(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these ids or names, in upper or lower case, all for none. Raises `UsageError`."""
    by_name = {name.casefold(): check.id for check in (*CHECKS, EXPIRED) for name in (check.id, check.name)}
    unknown = [name for name in names if name.casefold() not in by_name]
    if unknown:
        raise UsageError(f"no check is called {unknown[0]!r}", "docs/checks.md lists them")
    wanted = {by_name[name.casefold()] for name in names}
    if EXPIRED.id in wanted:
        why = f"{EXPIRED.id} is judged from the file of accepted risks, with every check that the file names"
        raise UsageError(why, "give --accept FILE, and choose the checks that were accepted")
    return tuple(check for check in CHECKS if not names or check.id in wanted)


def read_accepted_file(path: Path | None) -> tuple[Accepted, ...]:
    """The accepted risks of a file. Raises `UsageError` where it cannot be read, `InputError` where it is wrong."""
    if path is None:
        return ()
    try:
        text = plain.read(path, remedy="name a TOML file of accepted risks").decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8", remedy="write accepted risks as TOML 1.0") from None
    return read_accepted(text, [*CHECK], str(path))


def prepared(estate: Estate, bulletins: Answer | None = None, before: Estate | None = None) -> Estate:
    """The estate with what its facts imply, and with what bulletins said of it where it was held against some.

    `before`: an earlier survey of the same cluster; parts that were not there then are told as exchanged.

    Shared links and memory that flips ask for constraints of themselves: no bulletin is needed for that.
    """
    if bulletins is not None:
        estate = enriched(estate, bulletins)
    if before is not None:
        if 0 < newest(estate) < newest(before):
            what = f"the earlier estate is of {utc(newest(before))}, the other of {utc(newest(estate))}"
            raise UsageError(what, "give the older one with --before, the newer one with --estate")
        _same_cluster(before, estate)
        told = [fact for fact in estate.facts("asked") if fact.object == COMPARED]
        estate = estate.with_delta(compared(before, estate), told)
    return constrained(estate.with_delta(derived.facts(estate), estate.told_by(derived.SOURCE, "setting", "asked")))


def _same_cluster(before: Estate, estate: Estate) -> None:
    """Raises `UsageError` where two estates are of different clusters: all parts of one would be told as exchanged.

    Nobody can tell where one of them names no cluster and no host.
    """
    for kind, least in (("cluster", 0.0), ("host", _ALIKE)):
        old, new = _of_kind(before, kind), _of_kind(estate, kind)
        if old and new and len(old & new) <= least * min(len(old), len(new)):
            few = [", ".join(sorted(map(ids.clean, names))[:2]) for names in (old, new)]
            what = f"the earlier estate is not of this cluster: {len(old & new)} {kind}s are in both"
            raise UsageError(f"{what} (one has {few[0]}, the other {few[1]})", "give an earlier survey of this cluster")


def _of_kind(estate: Estate, kind: str) -> set[str]:
    names = map(estate.terms.values.__getitem__, estate.entities.tolist())
    return {name for name in names if name.startswith(f"{kind}:")}


def run(
    asked: Questions, checks: Sequence[Check] = CHECKS, decisions: Sequence[Accepted] = (), now: float = 0.0
) -> Audit:
    """The audit of an estate. `now` (seconds since the epoch) ends accepted risks."""
    held = asked.footholds(asked.default_footholds())
    measured = ground(asked.estate, asked.graph, asked.jewel_positions, held)
    return audited(asked.estate, measured, judge(asked.estate, checks), decisions, now)


def as_of(estate: Estate) -> float:
    """When the newest fact was seen, seconds since the epoch."""
    return newest(estate)


def meets(audit: Audit, least: Severity) -> bool:
    """Whether something that is not accepted is at least so severe."""
    worst = audit.worst()
    return worst is not None and ORDER.index(worst) <= ORDER.index(least)


def fails(audit: Audit, wanted: Sequence[FailOn] = ()) -> list[str]:
    """Why the run is no pass, in sentences; empty where it is one.

    Where nothing was judged it never is. What is unknown beside that counts where it is asked for.
    """
    counts = audit.counts()
    unknown = counts["unknown"]
    if not any(counts[name] for name in ("failed", "accepted", "passed")):
        return [f"nothing at all could be judged: {unknown:,} unknown" if unknown else "nothing was there to judge"]
    met = [one for one in dict.fromkeys(wanted) if one is not FailOn.UNKNOWN and meets(audit, Severity(one))]
    found = [f"something is {audit.worst()}, and `--fail-on {one}` was asked for" for one in met]
    if unknown and FailOn.UNKNOWN in wanted:
        found.append(f"{unknown:,} could not be judged, and `--fail-on unknown` was asked for")
    return found


def shown(audit: Audit, estate: Estate, *, with_unknown: bool = False, bulletins: bool = False) -> dict[str, Any]:
    """`ringfence audit --json`; with `with_unknown` each gap names its subjects.

    `bulletins`: advisories were given, so what they left open has their own reason.
    """
    gaps = [_gap(one, estate, with_unknown, bulletins) for one in audit.gaps]
    return {
        "as_of": utc(as_of(estate)),
        "facts": len(estate),
        "counts": audit.counts(),
        "assumed": audit.assumed(),
        "severities": audit.by_severity(),
        "findings": [_group(one) for one in audit.groups],
        "accepted": [_group(one) for one in audit.accepted],
        "unknown": gaps,
        "gaps": by_hint(gaps),
        "checks": [_standing(one) for one in audit.standings],
        "layers": [_family(one) | {"compute_aware": one.name not in CLASSIC} for one in audit.layers],
        "mismatches": [_family(one) for one in audit.mismatches],
        "windows": [window(one) for one in audit.windows],
        "windows_unknown": [window(one) for one in audit.perhaps],
        "idle_acceptances": [{"check": one.check, "subject": one.subject, "place": one.place} for one in audit.idle],
    }


def _group(group: Group) -> dict[str, Any]:
    told: dict[str, Any] = {
        "check": group.check.id,
        "title": group.check.title,
        "severity": str(group.severity),
        "on_way": group.on_way,
        "count": len(group.subjects),
        "subjects": list(group.subjects),
        "why": group.findings[0].why,
        "remedy": group.check.remedy,
        "way": way(group.findings[0], group.findings[0].why),
        "examples": [_finding(one) for one in group.findings],
    }
    if group.accepted is not None:
        one = group.accepted
        told["accepted"] = {"owner": one.owner, "reason": one.reason, "expires": utc(one.expires), "place": one.place}
    return told


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "subject": one.result.subject,
        "reason": one.result.reason,
        "facts": [fact.as_json() for fact in one.result.facts],
        "assumed": any(map(is_assumed, one.result.facts)),
        "opens": list(one.result.opened),
        "position": one.position,
        "entry_minutes": one.entry,
        "jewel_minutes": one.minutes,
        "jewel_hops": one.hops,
        "first": None if one.first is None else {"move": one.first[0], "to": one.first[1]},
        "jewels": one.jewels,
        "hosts": one.hosts,
        "exact": one.exact,
    }


def _gap(gap: Gap, estate: Estate, named: bool, bulletins: bool) -> dict[str, Any]:
    said = reasons(estate, gap.subjects, gap.aspects) if bulletins else None
    told: dict[str, Any] = {
        "check": gap.check.id,
        "title": gap.check.title,
        "says": gap.says,
        "aspects": list(gap.aspects),
        "collect": hint(gap.aspects, said),
        "count": len(gap.subjects),
    }
    return told | ({"subjects": list(gap.subjects)} if named else {"examples": list(gap.subjects[:3])})


def _standing(one: Standing) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "check": one.check.id,
        "title": one.check.title,
        "verdict": None if verdict is None else str(verdict),
        "failed": one.failed,
        "accepted": one.accepted,
        "passed": one.passed,
        "unknown": one.unknown,
        "assumed": one.assumed,
    }


def _family(one: Family) -> dict[str, Any]:
    return {
        "name": one.name,
        "checks": one.checks,
        "failed_checks": one.failed_checks,
        "failed": one.failed,
        "passed": one.passed,
        "unknown": one.unknown,
        "assumed": one.assumed,
    }
