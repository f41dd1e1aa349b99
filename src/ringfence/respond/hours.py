"""Hours in which people are there: windows of local time, `Mon-Fri 08:00-18:00 Europe/Zurich`.

An instant is turned into local time and then compared, never the reverse, so that it lies in a window or does not on
every day: of an hour that comes twice in autumn both are inside, and one that spring leaves out never comes. A window
over midnight (`22:00-06:00`) belongs to the day on which it begins; one whose ends are equal lasts until the next day.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(
    r"(?P<days>[A-Za-z,-]+)\s+(?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d)(?:\s+(?P<zone>[A-Za-z0-9_+/-]{1,64}))?"
)
_LAST = 253_402_300_000.0 - 2 * 86_400
"""Seconds: no calendar goes further."""


class Window(msgspec.Struct, frozen=True):
    """`days` of the week from 0 for Monday; minutes of the day, `end` not within; `zone` of the IANA database."""

    days: frozenset[int]
    start: int
    end: int
    zone: str

    def has(self, now: float) -> bool:
        """Whether an instant (seconds since the epoch) lies in it; one that no calendar knows does not."""
        if not 86_400 <= now <= _LAST:
            return False
        local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        today, before = local.weekday(), (local - timedelta(days=1)).weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or (before in self.days and minute < self.end)


ALWAYS = (Window(frozenset(range(7)), 0, 24 * 60, "UTC"),)


def within(windows: Iterable[Window], now: float) -> bool:
    """Whether an instant lies in any of them."""
    return any(one.has(now) for one in windows)


def parse(text: str) -> Window:
    """The window that a text says; without a zone it is UTC. Raises `ValueError`."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no window of hours: write Mon-Fri 08:00-18:00 Europe/Zurich")
    zone = found["zone"] or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{zone!r} is no time zone: write it like Europe/Zurich") from None
    return Window(frozenset(_days(found["days"])), _minute(found["from"]), _minute(found["to"]), zone)


def _days(text: str) -> Iterable[int]:
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS or part.endswith("-"):
            raise ValueError(f"{part!r} is no day: write Mon, Tue … or Mon-Fri")
        at = DAYS.index(first)
        yield at
        while at != DAYS.index(last or first):
            at = (at + 1) % 7
            yield at


def _minute(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise ValueError(f"{text!r} is no time of day")
    return hours * 60 + minutes
