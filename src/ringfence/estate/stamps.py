"""Times of facts: seconds since the epoch, UTC, 0 for not known. What no calendar shows is refused where it is read."""

from datetime import UTC, datetime

LATEST = 253402300799.0
"""The last second of the year 9999."""


def known(at: float) -> bool:
    """Whether it is a time that a calendar can show. NaN is none."""
    return 0.0 <= at <= LATEST


def utc(at: float) -> str:
    """ISO 8601 in UTC, whole seconds; a time that no calendar shows is said to be none.

    >>> utc(0.0), utc(5e18)
    ('1970-01-01T00:00:00Z', 'no time')
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if known(at) else "no time"
