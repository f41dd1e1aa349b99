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
    if tables or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        other = next(iter(tables), "accept")
        raise InputError(f"{file}: nothing is called {ids.clean(other)!r} here", remedy="write [[accept]]")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    places = lines if len(lines) == len(rows) else [0] * len(rows)
    return tuple(_accepted(row, known, file, line) for row, line in zip(rows, places, strict=True))


def _accepted(row: dict[str, Any], known: Sequence[str], file: str, line: int) -> Accepted:
    place = f"{file}:{line}" if line else file
    more = sorted(row.keys() - {"check", "subject", "owner", "reason", "expires"})
    if more:
        raise InputError(f"{place}: [[accept]] has no {ids.clean(more[0])!r}", line=line, remedy=_REMEDY)
    check, owner, reason = (_sentence(row, key, place, line) for key in ("check", "owner", "reason"))
    if check not in known:
        raise InputError(f"{place}: no check is called {check!r}", line=line, remedy="docs/checks.md lists them")
    subject = _sentence(row, "subject", place, line) if "subject" in row else "*"
    return Accepted(check, subject, owner, reason, _end(row.get("expires"), place, line), place)


def _sentence(row: dict[str, Any], key: str, place: str, line: int) -> str:
    text = row.get(key)
    if text is not None and not isinstance(text, str):
        raise InputError(f"{place}: {key} must be a text", line=line, remedy=f'write it in quotes: {key} = "..."')
    if text is None or not text.strip():
        raise InputError(f"{place}: [[accept]] has no {key}", line=line, remedy=_REMEDY)
    return ids.clean(text)


def _end(end: object, place: str, line: int) -> float:
    try:
        if isinstance(end, datetime):
            return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        if isinstance(end, date):
            return (datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)).timestamp()
    except (OverflowError, ValueError):
        raise InputError(f"{place}: ends {end}, which no clock shows", line=line, remedy="end it sooner") from None
    if end is not None:
        raise InputError(f"{place}: expires must be a date", line=line, remedy="without quotes: expires = 2027-03-01")
    raise InputError(f"{place}: [[accept]] has no end", line=line, remedy="expires = 2027-03-01, or a date and time")


def in_force(decisions: Sequence[Accepted], now: float) -> tuple[tuple[Accepted, ...], tuple[Accepted, ...]]:
    """(those in force, those past their end); `now` in seconds since the epoch."""
    return tuple(one for one in decisions if one.expires > now), tuple(one for one in decisions if one.expires <= now)
