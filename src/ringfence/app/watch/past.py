"""`ringfence history`: events of the past, by host and time or by SQL."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringfence.errors import UsageError
from ringfence.store import history

HISTORY = "history"
"""The folder under the home of `ringfence watch`."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def past(
    home: Path, sql: str, host: str, since: str, until: str, now: float, most: int, seconds: float = 60.0
) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Column names and rows: those that have a value in any row, where no SQL says which."""
    names, rows = history.ask(
        home / HISTORY, sql, host=host, since=moment(since, now), until=moment(until, now), most=most, seconds=seconds
    )
    if sql:
        return names, rows
    found = list(rows)
    used = [at for at in range(len(names)) if any(row[at] not in (None, "") for row in found)]
    return [names[at] for at in used], ([row[at] for at in used] for row in found)


def moment(text: str, now: float) -> float:
    """`2h`, `30m`, `7d` ago, or a time of ISO 8601, UTC where it names no zone; 0 for nothing. Seconds."""
    if not text:
        return 0.0
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if ago:
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time", "`2h` (ago), or 2026-03-01T07:00:00") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
