"""Since when a finding has been open, where nobody looked before: from the dates that its facts carry.

On day one every date is an estimate and marked so. The publication of a weakness, the date of a package or a file,
and the time at which the source saw it are all *at least as old as the finding looks*; the earliest is taken.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from ringfence.estate.facts import Fact

_DATES = frozenset(
    ("published", "since", "installed", "built", "released", "mtime", "modified", "created", "opened", "date")
)
"""Attributes that say since when: seconds since the epoch, or ISO 8601."""

_CVE = re.compile(r"CVE-(\d{4})-\d{4,7}")
_FIRST = datetime(1999, 1, 1, tzinfo=UTC).timestamp()


def earliest(facts: Iterable[Fact], at: float) -> float:
    """The earliest date that the facts carry, seconds; `at` where they carry none. Never later than `at`."""
    found = at
    for fact in facts:
        found = _sooner(found, fact.observed_at)
        said = fact.attributes
        if said:  # most facts carry none
            for name in _DATES & said.keys():
                found = _sooner(found, _seconds(said[name]))
        if fact.object.startswith("CVE-") and not (said.get("published") or said.get("since")):
            found = _sooner(found, _after_year(fact.object))
    return found


def _sooner(found: float, other: float) -> float:
    return other if _FIRST <= other < found else found


def dated(facts: Iterable[Fact]) -> bool:
    """Whether a fact says since when of itself, and not only when it was seen."""
    return any(name in fact.attributes for fact in facts for name in ("published", "since", "installed", "opened"))


def _after_year(text: str) -> float:
    """The end of the year in its number: a CVE is hardly ever published before, and often in it. A cautious date."""
    found = _CVE.fullmatch(text)
    return datetime(int(found[1]) + 1, 1, 1, tzinfo=UTC).timestamp() if found and found[1] > "1998" else 0.0


def _seconds(value: object) -> float:
    """A date as seconds; 0 where it is none."""
    if isinstance(value, bool) or value is None:
        return 0.0
    if isinstance(value, (int, float)):
        return float(value)
    try:
        when = datetime.fromisoformat(str(value)[:32])
    except ValueError:
        return 0.0
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
