"""Sentences of an audit that the screen, JSON, Markdown and the report have in common: one figure has one name."""

from collections.abc import Sequence
from typing import Any

from ringfence.app.questions import MOVE
from ringfence.app.words import many
from ringfence.assess.audit import Window
from ringfence.assess.finding import Finding
from ringfence.assess.spans import SIDES, Span
from ringfence.estate import ids
from ringfence.estate.stamps import utc


def way(worst: Finding, why: str) -> str:
    """How far a jewel is from what the finding opens, the first step, and when a foothold gets there.

    `minutes` are those of `jewel_minutes`: from there, not from the foothold.
    """
    if worst.minutes is None:
        return f"{why} ({many(worst.hosts, 'host')})" if worst.hosts else why
    step = f", first {worst.first[0]} {MOVE[worst.first[0]].title}" if worst.first else ""
    much = f"{many(worst.jewels, 'jewel')} and {many(worst.hosts, 'host')} in reach"
    held = "" if worst.entry is None else f"; a foothold is there after {_minutes(worst.entry)}"
    return f"{_far(worst.minutes, worst.hops or 0)}{step}; {much}{held}"


def _far(minutes: float, hops: int) -> str:
    return f"{_minutes(minutes)}, {many(hops, 'step')} to a jewel" if hops else "it opens a jewel itself"


def _minutes(minutes: float) -> str:
    return f"{minutes:g} minute" + ("" if minutes == 1 else "s")


def by_hint(gaps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gaps in their documented shape, put together by what to collect: most things first."""
    by: dict[str, list[dict[str, Any]]] = {}
    for one in gaps:
        by.setdefault(one["collect"], []).append(one)
    found = [_together(collect, few) for collect, few in by.items()]
    return sorted(found, key=lambda one: -int(one["count"]))


def _together(collect: str, few: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "collect": collect,
        "count": sum(one["count"] for one in few),
        "checks": list(dict.fromkeys(one["check"] for one in few)),
        "wants": list(dict.fromkeys(want for one in few for want in _wants(one))),
    }


def _wants(gap: dict[str, Any]) -> list[str]:
    """The coverage that is missing; else what is not known, in words."""
    return gap["aspects"] or [gap["says"].removeprefix("not known: ").removeprefix("not decided: ")]


def window(one: Window) -> dict[str, Any]:
    """A vulnerability window, in the documented shape."""
    return {
        "check": one.check.id,
        "title": one.check.title,
        "begins": one.begins,
        "ends": one.ends,
        "count": one.count,
        "seen_at": _time(one.since),
        "last_seen_at": _time(one.until),
        "examples": list(one.examples),
        "spans": [_span(span) for span in one.spans],
        "times": times_of(one),
    }


def times_of(one: Window) -> list[str]:
    """From when to when, a sentence for each example of which a time is known; what would tell the rest."""
    said = [_said(span) for span in one.spans if span.start or span.end]
    for name, side, known in zip(("start", "end"), SIDES[one.check.id], _known(one.spans), strict=True):
        if not known:
            said.append(f"{name} not known: {side.tells} would tell")
    return said


def _known(spans: tuple[Span, ...]) -> tuple[bool, bool]:
    """Whether the start, and the end, of every example is known."""
    return bool(spans) and all(one.start for one in spans), bool(spans) and all(one.end for one in spans)


def _said(span: Span) -> str:
    start = f"start {utc(span.start)} ({ids.clean(span.start_by)})" if span.start else "start not known"
    end = f"end {utc(span.end)} ({ids.clean(span.end_by)})" if span.end else "end not known"
    return f"{ids.clean(span.subject)}: {start}, {end}"


def _span(span: Span) -> dict[str, Any]:
    return {
        "subject": span.subject,
        "start": _time(span.start),
        "start_by": span.start_by,
        "end": _time(span.end),
        "end_by": span.end_by,
    }


def _time(at: float) -> str | None:
    return utc(at) if at else None
