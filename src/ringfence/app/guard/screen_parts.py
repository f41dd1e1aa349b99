"""The screen of an incident as a list of parts, the same for a terminal and for a page: what stands in which line.

Screen ─▶ (headline, parts of rows, commands) ─▶ cli/respond_show (rich), screen_page (HTML)
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from ringfence.app.guard.screen import BAD, EXPIRED, GOOD, OVER, WAITS, WOULD, Screen, Seen, Shown
from ringfence.store import actions

_STATE = {
    actions.DONE: ("done", GOOD), actions.FAILED: ("FAILED", BAD), actions.PLANNED: ("coming", WAITS),
    actions.DOING: ("coming", WAITS), actions.UNDOING: ("undoing", WAITS), actions.HELD: ("HELD", WAITS),
    actions.UNDONE: ("undone", OVER), actions.LAPSED: ("lapsed", OVER), WOULD: ("would", WAITS),
    EXPIRED: ("EXPIRED", BAD),
}  # fmt: skip
"""State of a cut → its word, and how it is coloured."""
_FIRST = (actions.FAILED, EXPIRED, actions.UNDOING, actions.DOING, actions.PLANNED, actions.DONE)
_NAMES = 8
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""The name of a Sigma rule, which tells a person nothing."""


class Row(msgspec.Struct, frozen=True):
    """A line, with a word before it and smaller ones below it. `mood` as in `Screen`, "" for none."""

    mark: str
    text: str
    more: tuple[str, ...] = ()
    mood: str = ""


class Part(msgspec.Struct, frozen=True):
    """A heading with what is said beside it, and its rows."""

    title: str
    aside: str
    rows: tuple[Row, ...]


def parts(screen: Screen, most: int = 6) -> list[Part]:
    """The parts in the order of reading; of each at most so many rows, and how many more there are."""
    when = f"since {moment(screen.opened, screen.now)}, {ago(screen.now - screen.opened)}"
    last = f"; last sign {ago(screen.now - screen.updated)}" if screen.updated > screen.opened else ""
    cuts = sorted(screen.cuts, key=lambda one: _FIRST.index(one.state))
    who = f"approved by {', '.join(screen.approved_by)}" if screen.approved_by and screen.held else ""
    return [
        Part("What happened", when + last, _few(_signals(screen), most, "signals")),
        Part("At stake", "", tuple(_stake(screen))),
        Part("Cut", "" if cuts else "nothing", _few([_cut(one, screen.now) for one in _alike(cuts)], most, "cuts")),
        *_unless_empty("Waits for a person", who, _few([_held(one) for one in _alike(screen.held)], most, "cuts")),
        *_unless_empty("Taken back", "", _few([_back(one) for one in _alike(screen.back)], most, "cuts")),
        Part("Disturbed", "" if screen.jobs else "no job", tuple(_disturbed(screen))),
        *_unless_empty("Know", "", tuple(Row("", one, mood=_loud(one)) for one in screen.notes)),
        Part("Evidence", "", tuple(Row("", one, mood="" if screen.whole else BAD) for one in screen.evidence)),
    ]


def setup(screen: Screen) -> str:
    """The line that makes every command find its folders."""
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in screen.setup.items())])


def moment(when: float, now: float) -> str:
    """A time of the same day in UTC without its date."""
    try:
        found, today = datetime.fromtimestamp(when, UTC), datetime.fromtimestamp(now, UTC)
    except (OverflowError, ValueError, OSError):
        return f"second {when:g}"
    return found.strftime("%H:%M:%SZ" if found.date() == today.date() else "%Y-%m-%d %H:%M:%SZ")


def ago(seconds: float) -> str:
    """How long ago, in one unit."""
    for size, name in ((86_400, "day"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and name == "min"):
            count = int(seconds // size)
            return f"{count} {name}{'s' if name == 'day' and count > 1 else ''} ago"
    return f"{max(int(seconds), 0)} s ago"


def _signals(screen: Screen) -> list[Row]:
    return [Row(moment(one.when, screen.now), f"{one.said} ({_teller(one)})") for one in screen.signals]


def _teller(one: Seen) -> str:
    times = f", {one.count} times" if one.count > 1 else ""
    by = f"by {', '.join(one.by) or 'nobody enrolled'}{times}"
    rule = one.name if not _UUID.fullmatch(one.name) else one.title if one.title != one.said else ""
    return f"{rule}, {by}" if rule else by


def _stake(screen: Screen) -> Iterator[Row]:
    low, high = screen.minutes
    if screen.lost:
        yield Row("TAKEN", _names(screen.lost), mood=BAD)
    others = [one for one in screen.jewels if one not in screen.lost]
    if others:
        yield Row("in reach", f"{_names(others)} ({low:g} to {high:g} minutes away when it began)")
    if screen.left:
        yield Row("LEFT", f"{_names(screen.left)}: in reach even when all is cut", mood=BAD)
    if not (screen.lost or others or screen.left):
        yield Row("", "not known: the estate tells of no jewel in reach, which does not mean that none is")
    if screen.chain:
        yield Row("way", " → ".join(screen.chain[:6]))


def _alike(cuts: Iterable[Shown]) -> list[Sequence[Shown]]:
    """Cuts that are told in one row: the same at the same place, in the same state for the same reason."""
    found: dict[tuple[str, ...], list[Shown]] = {}
    for one in cuts:
        why = "" if one.state in (actions.DONE, EXPIRED) else one.why
        found.setdefault((one.state, one.verb, one.place, one.rule, why), []).append(one)
    return list(found.values())


def _row(alike: Sequence[Shown], *more: str) -> Row:
    """What is done to whom and where, the state before it, and below it what else is to be known."""
    one, subjects = alike[0], sorted(each.subject for each in alike if each.subject)
    word, mood = _STATE[one.state]
    whom = f": {_names(subjects)}" if subjects else ""
    times = f" ({len(alike)})" if len(alike) > 1 else ""
    return Row(word, f"{one.what}{times}{whom}, at {one.place}", tuple(each for each in more if each), mood)


def _cut(alike: Sequence[Shown], now: float) -> Row:
    one = alike[0]
    if one.state == EXPIRED:
        return _row(alike, f"was to lapse {moment(one.until, now)}; nobody has looked since", _stays(one))
    if one.state != actions.DONE:
        return _row(alike, one.why, _stays(one))
    since, until = max(each.since for each in alike), min(each.until for each in alike)
    stands = "" if one.stays else ", until it is undone"
    lapses = f", until {moment(until, now)} unless renewed" if until else stands
    return _row(alike, f"read back {moment(since, now)}{lapses}", _stays(one))


def _held(alike: Sequence[Shown]) -> Row:
    one = alike[0]
    return _row(alike, f"{one.rule}: {one.why}" if one.rule else one.why, _stays(one))


def _back(alike: Sequence[Shown]) -> Row:
    return _row(alike, _stays(alike[0]) if alike[0].since else "")


def _stays(one: Shown) -> str:
    return f"cannot be undone: {one.stays}" if one.stays else ""


def _disturbed(screen: Screen) -> Iterator[Row]:
    if screen.jobs:
        yield Row("jobs", f"{len(screen.jobs)}: {_names(screen.jobs)}")
    if screen.users:
        yield Row("users", _names([one.removeprefix("identity:") for one in screen.users]))


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _few(rows: Sequence[Row], most: int, what: str) -> tuple[Row, ...]:
    gone = len(rows) - most
    return (*rows[:most], Row("", f"and {gone} more {what}")) if gone > 0 else tuple(rows)


def _unless_empty(title: str, aside: str, rows: Iterable[Row]) -> tuple[Part, ...]:
    found = tuple(rows)
    return (Part(title, aside, found),) if found else ()


def _loud(note: str) -> str:
    return "" if note.startswith("the plan: ") else BAD
