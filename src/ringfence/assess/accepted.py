"""Risks that somebody bears for a while, in TOML: whoever accepts one says who, why and until when.

    [[accept]]
    check = "RF-D01"
    subject = "storage:nfs-scratch:*"     # an entity, or a glob; default: all of the check
    owner = "ann"
    reason = "moves to Lustre in spring"
    expires = 2027-03-01

An accepted finding stays in every report, as accepted. Past its end the finding counts again, and the acceptance
itself is a finding (`EXPIRED`). A date ends with its day, in UTC; so does a time without a zone.
"""

import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import msgspec

from ringfence.assess.check import Check, Layer
from ringfence.errors import InputError
from ringfence.estate import ids

EXPIRED = Check(
    id="RF-X01",
    name="acceptance_expired",
    title="No accepted risk is past its end",
    layer=Layer.WORKFLOW,
    each=(),
    fails=(),
    rests=(),
    why="A risk was accepted for a time. That time is over, nobody has decided again, and the fault is still there.",
    remedy="Repair what was accepted, or decide again: a new reason and a new end in the file of accepted risks.",
    weight=6,
    source="the file given with --accept",
)
"""What an acceptance past its end is reported as. It is judged from that file, not from the estate."""

_HEADER = re.compile(r"[ \t]*\[\[[ \t]*[\"']?accept[\"']?[ \t]*\]\]")
_AT_LINE = re.compile(r"at line (\d+)")
_LONGEST = 1_000_000
_LONGEST_GLOB = 200
"""Characters of a subject: what any entity has at most."""
_MOST_STARS = 8
"""Each star multiplies what a glob that nearly matches costs."""
_REMEDY = "an [[accept]] says check, owner, reason, expires, and which subject if not all"


class Accepted(msgspec.Struct, frozen=True):
    """One decision. `place` is `file:line`; `expires` in seconds since the epoch, UTC."""

    check: str
    subject: str
    owner: str
    reason: str
    expires: float
    place: str

    def covers(self, subject: str) -> bool:
        """Whether it is about this entity."""
        return self.subject in ("*", subject) or fnmatchcase(subject, self.subject)

    @property
    def ends(self) -> str:
        """Its end, for people."""
        return datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")


def read_accepted(text: str, known: Sequence[str], file: str = "accepted.toml") -> tuple[Accepted, ...]:
    """The decisions of one file, in its order; `known` are the ids of checks. Raises `InputError` with the line."""
    if len(text) > _LONGEST:
        raise InputError(f"{file} is longer than {_LONGEST:,} characters", remedy="split it")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        raise InputError(f"{file}: {error}", line=int(found[1]) if found else 0, remedy="TOML 1.0: toml.io") from None
    rows = tables.pop("accept", [])
    lines = text.split("\n")
    if tables or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        other = next(iter(tables), "accept")
        line = next((number for number, said in enumerate(lines, 1) if _names(said, other)), 0)
        raise InputError(f"{file}: nothing is called {ids.clean(other)!r} here", line=line, remedy="write [[accept]]")
    headers = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]
    places = headers if len(headers) == len(rows) else [0] * len(rows)
    bounds = pairwise([*places, len(lines) + 1])
    entries = [_Entry(file, at, lines[at - 1 : end - 1] if at else []) for at, end in bounds]
    return _once(tuple(_accepted(row, known, entry) for row, entry in zip(rows, entries, strict=True)), entries)


class _Entry(msgspec.Struct, frozen=True):
    """One [[accept]] as it stands in its file: from line `at`, 0 where that is not known."""

    file: str
    at: int
    lines: Sequence[str]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.at}" if self.at else self.file

    def wrong(self, what: str, remedy: str, key: str = "") -> InputError:
        """An error at the line of a key, else at that of the header."""
        line = next((n for n, said in enumerate(self.lines, self.at) if key and _names(said, key)), self.at)
        return InputError(f"{self.file}:{line}: {what}" if line else f"{self.file}: {what}", line=line, remedy=remedy)


def _names(line: str, key: str) -> bool:
    """Whether a line begins with this key or is the header of its table."""
    return line.partition("=")[0].strip(" \t[]").split("]")[0].strip("\"' \t") == key


def _once(found: tuple[Accepted, ...], entries: Sequence[_Entry]) -> tuple[Accepted, ...]:
    """Refuse a second decision on the same: which one holds would be a guess."""
    seen: dict[tuple[str, str], Accepted] = {}
    for one, entry in zip(found, entries, strict=True):
        before = seen.setdefault((one.check, one.subject), one)
        if before is not one:
            about = one.check if one.subject == "*" else f"{one.check} of {one.subject}"
            raise entry.wrong(f"{about} is accepted twice, also at {before.place}", "keep one: the later decision")
    return found


def _accepted(row: dict[str, Any], known: Sequence[str], entry: _Entry) -> Accepted:
    more = sorted(row.keys() - {"check", "subject", "owner", "reason", "expires"})
    if more:
        raise entry.wrong(f"[[accept]] has no {ids.clean(more[0])!r}", _REMEDY, more[0])
    check, owner, reason = (_sentence(row, key, entry) for key in ("check", "owner", "reason"))
    if check not in known:
        raise entry.wrong(f"no check is called {check!r}", "docs/checks.md lists them", "check")
    subject = _glob(row, entry) if "subject" in row else "*"
    return Accepted(check, subject, owner, reason, _end(row.get("expires"), entry), entry.place)


def _glob(row: dict[str, Any], entry: _Entry) -> str:
    """The subject, refused where it is longer or has more stars than one that names entities needs."""
    subject, said = _sentence(row, "subject", entry), str(row["subject"])
    if len(said) > _LONGEST_GLOB or subject.count("*") > _MOST_STARS:
        what = f"subject has {len(said):,} characters and {said.count('*'):,} stars"
        most = f"at most {_LONGEST_GLOB} characters and {_MOST_STARS} stars: an entity's id, or a shorter glob"
        raise entry.wrong(what, most, "subject")
    return subject


def _sentence(row: dict[str, Any], key: str, entry: _Entry) -> str:
    text = row.get(key)
    if text is not None and not isinstance(text, str):
        raise entry.wrong(f"{key} must be a text", f'write it in quotes: {key} = "..."', key)
    if text is None or not text.strip():
        raise entry.wrong(f"[[accept]] has no {key}", _REMEDY, key)
    return ids.clean(text)


def _end(end: object, entry: _Entry) -> float:
    try:
        if isinstance(end, datetime):
            return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        if isinstance(end, date):
            return (datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)).timestamp()
    except (OverflowError, ValueError):
        raise entry.wrong(f"ends {end}, which no clock shows", "end it sooner", "expires") from None
    if end is not None:
        raise entry.wrong("expires must be a date", "without quotes: expires = 2027-03-01", "expires")
    raise entry.wrong("[[accept]] has no end", "expires = 2027-03-01, or a date and time")


def in_force(decisions: Sequence[Accepted], now: float) -> tuple[tuple[Accepted, ...], tuple[Accepted, ...]]:
    """(those in force, those past their end); `now` in seconds since the epoch."""
    return tuple(one for one in decisions if one.expires > now), tuple(one for one in decisions if one.expires <= now)
