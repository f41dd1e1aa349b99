"""The documented shape of `ringfence debt --json`, from which the table and the report are drawn too."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from ringfence.app.assess.debt import Group, History, Point
from ringfence.app.assess.debt_notes import notes
from ringfence.app.assess.debt_steps import next_step
from ringfence.assess.checks import CHECK
from ringfence.assess.debt.access import GRANTED, SETTLED
from ringfence.assess.debt.findings import HOLE
from ringfence.assess.debt.ledger import Entry
from ringfence.assess.debt.next import Fix
from ringfence.assess.debt.terms import service_class
from ringfence.assess.debt.trend import Trend
from ringfence.assess.debt.verdict import Pace
from ringfence.errors import Problem
from ringfence.estate.ids import clean

_MOST = 50
"""Largest findings that are listed one by one."""

_DAY = 86_400.0

_OTHER = {
    GRANTED: (
        "footholds that had to break in before are let in now",
        f"take the access back; after {SETTLED} surveys, or with `--since` a later day, it counts as work",
    )
}
"""(title, remedy) of what no check finds."""


def shown(found: History, fixes: int = 10, left_out: Sequence[Problem] = (), earlier: int = 0) -> dict[str, Any]:
    """Everything, as plain values. Times in seconds UTC, debt in jewels' values.

    `left_out`: files that are no window; `earlier`: surveys before the day to begin with.
    """
    step = next_step(found)
    shares, exact = found.shares
    plan, best = found.next_fixes(fixes)
    groups = [
        {**_group(found, group), "owes": _round(share)} for group, share in zip(found.groups, shares, strict=True)
    ]
    flow = found.rates
    owes = found.owes.tolist()
    return {
        "as_of": found.last.at,
        "verdict": {
            "pace": str(found.verdict.pace),
            "estimated": found.verdict.estimated,
            "reasons": list(found.verdict.reasons),
        },
        "windows": [_window(point) for point in found.points],
        "trends": {name: _trend(_trusted(found, one)) for name, one in found.trends},
        "arrivals_per_day": _round(flow[0]),
        "capacity_per_day": _round(flow[1]),
        "half_life_days": found.survival.half_life,
        "fixed": found.survival.fixed,
        "jewels_left": list(found.jewels_left),
        "missing": found.missing,
        "assumed": found.assumed,
        "retired": {
            "named": found.retired.named,
            "footholds": list(found.retired.footholds),
            "jewels": list(found.retired.jewels),
        },
        "notes": [clean(one) for one in notes(found, step)],
        "next_step": {"at": step.at, "debt": _round(step.debt)},
        "forecast": _forecast(found),
        "contributors": sorted(groups, key=lambda row: (-row["owes"], row["check"])),
        "contributors_exact": exact,
        "next": [_fix(found, fix) for fix in plan],
        "next_exact": best,
        "left_out": [{"file": one.file, "what": one.what, "remedy": one.remedy} for one in left_out],
        "earlier": earlier,
        "findings": [_entry(found.last.owed[at], found.last.at, owes[at]) for at in _largest(found)],
    }


def _window(point: Point) -> dict[str, Any]:
    return {
        "at": point.at,
        "debt": _round(point.debt.total),
        "principal": _round(point.debt.principal),
        "interest": _round(point.debt.interest),
        "uncovered": _round(point.debt.uncovered),
        "hygiene": {
            "findings": point.hygiene.count,
            "points": _round(point.hygiene.points),
            "unknown": point.hygiene.unknown,
            "unknown_points": _round(point.hygiene.unknown_points),
        },
        "open": point.open,
        "carried": point.carried,
        "holes": point.holes,
        "over_a_year": point.over_a_year,
        "coverage": {
            "share": _round(point.coverage.share),
            "answered": point.coverage.answered,
            "known": point.coverage.known,
            "missing": len(point.coverage.missing),
            "assumed": len(point.coverage.assumed),
        },
        "insiders": {
            "share": _round(point.share.inside),
            "let_in": _round(point.share.let_in),
            "jewel": point.share.jewel,
        },
        "flops": point.compute.flops,
        "gpus": point.compute.gpus,
        "unknown_models": point.compute.unknown,
        "gpu_hours_per_day": _round(point.compute.gpu_hours),
        "gpu_hours_estimated": point.compute.estimated,
        "refused": [clean(one) for one in point.refused],
    }


def _trusted(found: History, one: Trend) -> Trend:
    """Where the verdict is refused the windows are not alike: no elasticity, and the refusal is why."""
    if found.verdict.pace is not Pace.REFUSED:
        return one
    why = one.why or f"refused: {found.verdict.reasons[0]}"
    return replace(one, epsilon=None, low=None, high=None, why=why)


def _trend(one: Trend) -> dict[str, Any]:
    return {
        "epsilon": None if one.epsilon is None else _round(one.epsilon),
        "interval": None if one.low is None or one.high is None else [_round(one.low), _round(one.high)],
        "debt_per_year": _round(one.per_year),
        "windows": one.windows,
        "windows_owing_nothing": one.zeros,
        "why_not": one.why,
    }


def _forecast(found: History) -> list[dict[str, Any]]:
    if found.verdict.pace is Pace.REFUSED:
        return []
    ahead = found.forecast
    rows = []
    for at, years in enumerate(ahead.years):
        row: dict[str, Any] = {"years": years, "untouched": _round(ahead.untouched[at])}
        if ahead.middle and ahead.low and ahead.high:
            row |= {"as_it_went": _round(ahead.middle[at]), "band": [_round(ahead.low[at]), _round(ahead.high[at])]}
        rows.append(row)
    return rows


def _fix(found: History, fix: Fix) -> dict[str, Any]:
    return {
        **_group(found, found.groups[fix.group]),
        "buys": _round(fix.buys),
        "after": _round(fix.after),
        "together": [_group(found, found.groups[at]) for at in fix.together],
    }


def _group(found: History, group: Group) -> dict[str, Any]:
    owed = [found.last.owed[at] for at in group.members]
    check = CHECK.get(group.check)
    aspect = group.check.removeprefix(f"{HOLE}/")
    return {
        "check": group.check,
        "title": check.title if check else _OTHER.get(group.check, (f"not collected: {aspect}", ""))[0],
        "remedy": check.remedy
        if check
        else _OTHER.get(group.check, ("", f"let `{aspect}` be collected where it was not"))[1],
        "findings": len(owed),
        "oldest_days": _round(max(entry.age(found.last.at) for entry in owed) / _DAY),
        "estimated": any(entry.estimated for entry in owed),
    }


def _largest(found: History) -> list[int]:
    """Who owes most first; of equal ones those on likeliest ways, then the heaviest."""
    last, owes = found.last, found.owes.tolist()
    order = sorted(
        range(len(last.owed)),
        key=lambda at: (
            -_round(owes[at]),
            not last.on_way[at],
            -last.weights[at],
            -last.owed[at].severity,
            last.owed[at].key,
        ),
    )
    return order[:_MOST]


def _entry(entry: Entry, at: float, owes: float) -> dict[str, Any]:
    return {
        "owes": _round(owes),
        "check": entry.key[0],
        "subject": entry.key[1],
        "state": str(entry.state),
        "class": service_class(entry.severity)[0],
        "opened": entry.opened,
        "estimated": entry.estimated,
        "age_days": _round(entry.age(at) / _DAY),
        "reopened": len(entry.reopened),
    }


def _round(value: float) -> float:
    return round(float(value), 4)
