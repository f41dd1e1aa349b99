"""A folder of saved estates as a history: which window each is of.

The time of an estate is that in its name (`2026-03-01.estate`, `site-20260301T0700.estate`), else that of the newest
fact in it. Nothing else of a file counts, so that copying or touching it changes no answer. Facts that are much older
than the date in the name are an old survey under a new name, and no window; nor are facts that are newer than it.
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ringfence.app.estates import open_estate
from ringfence.errors import EstateError, Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.ids import clean
from ringfence.estate.kinds import KINDS
from ringfence.estate.stamps import LATEST
from ringfence.store import plain

_NAMED = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?:[T_-](\d{2}):?(\d{2}))?")

FIRST = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
"""No survey is older: a clock that was never set says 1970, and a time that no fact tells is 0."""

STALE = 0.5
"""Facts may be older than the date in a survey's name by this share of the time since the survey before."""

_AHEAD = 86_400.0
"""Seconds. Places and clocks differ by less: what is later has not happened."""

_NAME_AHEAD = 2 * _AHEAD
"""Seconds. A name without an hour says a day's begin: that day, and one more for places and long surveys."""

_DATE = "give it the day of the survey as its name, as in 2026-03-01.estate"
_PLAIN = "a saved estate is a plain file: `ringfence collect -o` makes one"


class Surveys:
    """The saved estates of a folder, the earliest first, read one at a time as they are asked for.

    `problems`: what is no survey, or could not be read; it is named, and the rest goes on. `earlier`: how many lie
    before `since` and were left out. Whole once all were read.
    """

    def __init__(self, folder: Path, identity: Path | None, since: float, now: float) -> None:
        self.problems: list[Problem] = []
        self.earlier = 0
        self._folder, self._identity = folder, identity
        self._times = self._dated(since, now)

    def __iter__(self) -> Iterator[tuple[float, Estate]]:
        """(seconds, estate). Raises `EstateError` where none can be read."""
        times = sorted(self._times)
        before: float | None = None
        for at in times:
            estate = self._of_its_day(at)
            span = at - before if before is not None else _to_next(times)
            if estate is not None and not self._stale(at, estate, span):
                before = at
                yield at, estate
        if before is None:
            raise EstateError(*self._nothing())

    def _of_its_day(self, at: float) -> Estate | None:
        """The estate of a time; None where it cannot be read or knows what came later: that is told."""
        estate = self._opened(self._times[at])
        if estate is None or (seen := newest(estate)) <= at + _NAME_AHEAD:
            return estate
        early = f"left out: by its name it is of {_day(at)}, and its newest fact is of {_day(seen)}: of a later time"
        self._tell(self._times[at], early, "name it by the day of its facts")
        return None

    def _stale(self, at: float, estate: Estate, span: float) -> bool:
        """Whether nothing in it was seen anew since the survey before, `span` seconds ago: that is told."""
        seen = newest(estate)
        if seen <= 0 or at - seen <= max(_AHEAD, STALE * span):
            return False
        old = f"left out: by its name it is of {_day(at)}, and its newest fact is of {_day(seen)}"
        way = "collect again, or name it by the day of its facts"
        self._tell(self._times[at], f"{old}: stale, nobody looked anew", way)
        return True

    @property
    def first(self) -> float | None:
        """When the earliest was, seconds; None where none has a time."""
        return min(self._times, default=None)

    def last(self, when: float) -> tuple[float, Path, Estate] | None:
        """(seconds, file, estate) of the last that is not later than `when` (seconds) and can be read.

        None where none is so early. Raises `EstateError` where there are some, and none can be read.
        """
        early = sorted((at for at in self._times if at <= when), reverse=True)
        for at in early:
            estate = self._of_its_day(at)
            if estate is not None:
                return at, self._times[at], estate
        if early:
            raise EstateError(*self._nothing())
        return None

    def _nothing(self) -> tuple[str, str]:
        first = min(self.problems, default=None)
        if first is None:
            return f"none of the {self.earlier:,} estates is of that day or later", "name an earlier day with --since"
        more = f", and {len(self.problems) - 1:,} more" if len(self.problems) > 1 else ""
        return f"{self._folder} holds no survey that can be read: {first.file}: {first.what}{more}", first.remedy

    def _dated(self, since: float, now: float) -> dict[float, Path]:
        """Raises `UsageError` where the folder holds none. Of two of one time the first by name stays."""
        paths = sorted(self._folder.glob("*.estate"))
        if not paths:
            raise UsageError(
                f"{self._folder} holds no estate",
                "`ringfence collect --from DIR -o FOLDER/2026-03-01.estate` keeps one",
            )
        times: dict[float, Path] = {}
        for path in paths:
            at = self._time(path, now)
            if at is None:
                continue
            if at < since:
                self.earlier += 1
                continue
            if at in times:
                self._tell(path, f"left out: of the same time as {times[at].name}", "keep one of them there")
                continue
            times[at] = path
        return times

    def _time(self, path: Path, now: float) -> float | None:
        """When it was, None where it is no survey: that is told."""
        if not path.is_file():
            self._tell(path, "no plain file, which is not read", _PLAIN)
            return None
        at, by = named(path.name), "its name"
        if at is None and (said := _meant(path.name)):
            self._tell(path, f"left out: {said} is no date", _DATE)
            return None
        if at is None:
            estate = self._opened(path)
            if estate is None:
                return None
            at, by = newest(estate), "its newest fact"
        if FIRST <= at <= now + _AHEAD:
            return at
        why = "before there were such surveys" if at < FIRST else "which has not come yet"
        self._tell(path, f"left out: by {by} it is of {_day(at)}, {why}", _DATE)
        return None

    def _opened(self, path: Path) -> Estate | None:
        """The estate, None where it cannot be read: that is told."""
        try:
            return open_estate(path, self._identity)
        except EstateError as error:
            self._tell(path, error.what.removeprefix(f"{path}: "), error.remedy)
            return None

    def _tell(self, path: Path, what: str, remedy: str) -> None:
        self.problems.append(Problem(clean(path.name), 0, clean(what), remedy))


def _to_next(times: list[float]) -> float:
    """The first survey has none before it: seconds to the one after. One alone is as old as its name says."""
    return times[1] - times[0] if len(times) > 1 else float("inf")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def estates_in(folder: Path, identity: Path | None = None, since: str = "", now: float | None = None) -> Surveys:
    """Every `*.estate` in the folder, from the day `since` on (ISO 8601, UTC). `now`: seconds, that of the clock.

    Raises `UsageError` where there is none, or `since` is no date.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name the folder that holds saved estates, one per survey")
    return Surveys(folder, identity, _moment(since), time.time() if now is None else now)


def _moment(text: str) -> float:
    """Seconds of a day's begin, 0 for none. Raises `UsageError`."""
    if not text:
        return 0.0
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", "as in --since 2026-03-01") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def named(name: str) -> float | None:
    """The time that a file's name says, seconds; None where it says none.

    >>> named("site-2026-03-01.estate")
    1772323200.0
    """
    found = _NAMED.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part) for part in found.groups(default="0")), tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
    except ValueError:
        return None


def _meant(name: str) -> str:
    """What stands in a file's name in the place of a date; "" where nothing does, as with other numbers."""
    found = _NAMED.search(name)
    return found[0] if found and ("-" in found[0] or found[0][:2] in ("19", "20")) else ""


def newest(estate: Estate) -> float:
    """When the newest living fact was seen, seconds; times that no calendar shows do not count."""
    times = (table.observed[table.live] for table in estate.tables.values())
    return max((float(seen[seen <= LATEST].max(initial=0.0)) for seen in times), default=0.0)


def retired_hosts(path: Path | None) -> frozenset[str]:
    """The things named in a file, one id a line; a name without a kind is a host's. Raises `UsageError`."""
    if path is None:
        return frozenset()
    lines = plain.text(path, "write the names of retired hosts, one a line").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return frozenset(name if name.partition(":")[0] in KINDS else f"host:{name}" for name in names)
