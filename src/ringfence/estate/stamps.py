"""Times of facts: seconds since the epoch, UTC, 0 for not known. What no calendar shows is refused where it is read."""

from datetime import UTC, datetime

LATEST = 253402300799.0
"""The last second of the year 9999."""
_MOST = 40
"""Characters of a time."""


def known(at: float) -> bool:
    """Whether it is a time that a calendar can show. NaN is none."""
    return 0.0 <= at <= LATEST


def utc(at: float) -> str:
    """ISO 8601 in UTC, whole seconds; a time that no calendar shows is said to be none.

    >>> utc(0.0), utc(5e18)
    ('1970-01-01T00:00:00Z', 'no time')
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if known(at) else "no time"


def moment(value: object) -> float | None:
    """Seconds since the epoch, from themselves or from ISO 8601, UTC where no zone is told; None for what is neither.

    >>> moment(5), moment("1970-01-01T00:01:00"), moment("soon")
    (5.0, 60.0, None)
    """
    try:
        return _known(float(str(value)[:_MOST]))
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(str(value)[:_MOST])
    except ValueError:
        return None
    return _known((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _known(at: float) -> float | None:
    return at if known(at) else None
