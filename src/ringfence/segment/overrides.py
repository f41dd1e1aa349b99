"""What people decide against the derivation, in TOML: each with an owner, a reason and an end.

    [[allow]]                                [[budget]]
    from = "gang:slurm/alpha/4711"           jewel = "model:llm"
    to = "service:wandb01/http:443"          bytes_per_hour = 50_000_000_000
    plane = "ip"       # the default         owner = …, reason = …, expires = …
    what = "tcp/443"   # default: any
    owner = "ann"                            [[tenant]]
    reason = "metrics of the spring run"     tenant = "tenant:t01"
    expires = 2026-03-01                     members = ["dataset:corpus", "host:gpu0001"]

`[[deny]]` is written like `[[allow]]`, and wins. A date ends with its day, in UTC; so does a time without a zone.
"""

import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.segment import what
from ringfence.segment.model import PLANES, SYMMETRIC
from ringfence.segment.what import What

_HEADER = re.compile(r"\s*\[\[\s*[\"']?(\w+)[\"']?\s*\]\]")
_AT_LINE = re.compile(r"at line (\d+)")
_LONGEST = 1_000_000
_MOST_BYTES = 1 << 62
_PASSES: dict[str, tuple[str, ...]] = {
    "ip": ("any", "tcp", "udp", "sctp", "icmp"),
    "pod": ("any", "tcp", "udp", "sctp", "icmp"),
    "storage": ("any", "ro", "rw"),
}
"""Plane → the protocols that it tells apart; every other plane carries `any`."""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `place` is `file:line`, `expires` in seconds since the epoch."""

    place: str
    owner: str
    reason: str
    expires: float

    @property
    def why(self) -> str:
        """The decision in one sentence."""
        return f"{self.owner} decided until {_day(self.expires)}: {self.reason} ({self.place})"


class Rule(Override, frozen=True, kw_only=True):
    """`allow` or `deny` of `source` → `target`: names of groups, entities or endpoints."""

    verb: str
    source: str
    target: str
    plane: str
    what: str


class Raised(Override, frozen=True, kw_only=True):
    """The egress budget of a jewel."""

    jewel: str
    bytes_per_hour: int


class Tenancy(Override, frozen=True, kw_only=True):
    """Whom these entities belong to."""

    tenant: str
    members: tuple[str, ...]


class _Rule(msgspec.Struct, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}):
    source: str
    target: str
    plane: str = "ip"
    what: str = "any"


class _Raised(msgspec.Struct, forbid_unknown_fields=True):
    jewel: str
    bytes_per_hour: int


class _Tenancy(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str
    members: tuple[str, ...]


_COMMON = ("owner", "reason", "expires")
_SHAPES: dict[str, type[msgspec.Struct]] = {"allow": _Rule, "deny": _Rule, "budget": _Raised, "tenant": _Tenancy}


def read_overrides(text: str, file: str = "overrides.toml") -> tuple[Override, ...]:
    """The overrides of one file, in its order. Raises `InputError` with the line of the table that is wrong."""
    if len(text) > _LONGEST:
        raise InputError(f"{file} is longer than {_LONGEST:,} characters", remedy="split it")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        raise InputError(f"{file}: {error}", line=int(match[1]) if match else 0, remedy="TOML 1.0: toml.io") from None
    lines = _lines(text)
    found = []
    for name, rows in tables.items():
        if name not in _SHAPES or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{file}: nothing is called {name!r}", remedy=f"write [[{']], [['.join(_SHAPES)}]]")
        places = lines.get(name, [])
        at = places if len(places) == len(rows) else [0] * len(rows)
        found += [(line, _override(name, row, f"{file}:{line}", line)) for row, line in zip(rows, at, strict=True)]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def _lines(text: str) -> dict[str, list[int]]:
    """Name → the lines of its `[[name]]` headers."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _HEADER.match(line)
        if match:
            found.setdefault(match[1], []).append(number)
    return found


def _override(name: str, row: dict[str, Any], place: str, line: int) -> Override:
    try:
        owner, reason = (_sentence(row, key) for key in ("owner", "reason"))
        common = {"place": place, "owner": owner, "reason": reason, "expires": _end(row)}
        rest = {key: value for key, value in row.items() if key not in common}
        shape = msgspec.convert(rest, _SHAPES[name])
        return _checked(name, shape, common)
    except (msgspec.ValidationError, InputError) as error:
        what_ = f"{place}: [[{name}]] {error}"
        raise InputError(what_, line=line, remedy=getattr(error, "remedy", "") or _remedy(name)) from None


def _remedy(name: str) -> str:
    """What such a table says."""
    fields = [one.encode_name for one in msgspec.structs.fields(_SHAPES[name])]
    return f"a [[{name}]] says {', '.join([*fields, *_COMMON])}"


def _checked(name: str, shape: msgspec.Struct, common: dict[str, Any]) -> Override:
    if isinstance(shape, _Rule):
        if shape.plane not in PLANES:
            raise InputError(f"names no plane {shape.plane!r}", remedy=f"one of {', '.join(PLANES)}")
        passes = _PASSES.get(shape.plane, ("any",))
        if what.parse(shape.what).protocol not in passes:
            raise InputError(
                f"{shape.what!r} is nothing that the plane {shape.plane} tells apart",
                remedy=f"what is one of {', '.join(passes)}",
            )
        return Rule(verb=name, source=shape.source, target=shape.target, plane=shape.plane, what=shape.what, **common)
    if isinstance(shape, _Raised):
        if not 0 <= shape.bytes_per_hour <= _MOST_BYTES:
            raise InputError(
                "bytes_per_hour cannot be negative or beyond 2**62", remedy="0 means: to named destinations only"
            )
        return Raised(jewel=shape.jewel, bytes_per_hour=shape.bytes_per_hour, **common)
    assert isinstance(shape, _Tenancy)
    if not shape.tenant.startswith("tenant:"):
        raise InputError(f"{shape.tenant!r} is no tenant", remedy='write "tenant:NAME"')
    inner = [one for one in shape.members if one.startswith("tenant:")]
    if inner:
        raise InputError(f"{inner[0]!r} cannot belong to a tenant", remedy="name what it has, one by one")
    return Tenancy(tenant=shape.tenant, members=shape.members, **common)


def _sentence(row: dict[str, Any], key: str) -> str:
    text = row.get(key)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"has no {key}", remedy=f"every override says {key} = …")
    return ids.clean(text)


def _end(row: dict[str, Any]) -> float:
    end = row.get("expires")
    try:
        if isinstance(end, datetime):
            when = end if end.tzinfo else end.replace(tzinfo=UTC)
            _day(when.timestamp())
            return when.timestamp()
        if isinstance(end, date):
            return (datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)).timestamp()
    except (OverflowError, ValueError):
        raise InputError(f"ends {end}, which no clock shows", remedy="end it before 9999-12-31") from None
    raise InputError("has no end", remedy="every override says expires = 2026-03-01, or a date and time")


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")


def agree(overrides: Sequence[Override]) -> None:
    """Raises `InputError` where two overrides in force say opposite things; the message names both places."""
    pairs: dict[tuple[str, frozenset[str] | tuple[str, str]], list[Rule]] = {}
    budgets: dict[str, Raised] = {}
    members: dict[str, Tenancy] = {}
    for one in overrides:
        if isinstance(one, Rule):
            same = pairs.setdefault(_pair(one), [])
            for first in same:
                if first.verb != one.verb and overlap(what.parse(first.what), what.parse(one.what)):
                    told = f"one allows and one denies {one.source} → {one.target} on {one.plane}"
                    raise _contradiction(first, one, told)
            same.append(one)
        elif isinstance(one, Raised):
            if budgets.setdefault(one.jewel, one).bytes_per_hour != one.bytes_per_hour:
                raise _contradiction(budgets[one.jewel], one, f"{one.jewel} gets two budgets")
        elif isinstance(one, Tenancy):
            for member in one.members:
                if members.setdefault(member, one).tenant != one.tenant:
                    raise _contradiction(members[member], one, f"{member} belongs to two tenants")


def _pair(one: Rule) -> tuple[str, frozenset[str] | tuple[str, str]]:
    ends = (one.source, one.target)
    return one.plane, frozenset(ends) if one.plane in SYMMETRIC else ends


def _contradiction(one: Override, other: Override, told: str) -> InputError:
    line = other.place.rpartition(":")[2]
    return InputError(
        f"{one.place} and {other.place} contradict each other: {told}", line=int(line), remedy="remove one of them"
    )


def overlap(one: What, other: What) -> bool:
    """Whether something passes that both name."""
    if "any" in (one.protocol, other.protocol) or {one.protocol, other.protocol} <= {"ro", "rw"}:
        return True
    return one.protocol == other.protocol and one.low <= other.high and other.low <= one.high


def less(one: What, other: What) -> list[str]:
    """What is left of `one` where `other` is denied; who may not read may not write.

    >>> less(What("tcp", 20, 30), What("tcp", 22, 22))
    ['tcp/20-21', 'tcp/23-30']
    """
    if not overlap(one, other):
        return [str(one)]
    if {one.protocol, other.protocol} & {"ro", "rw"}:
        return ["ro"] if other.protocol == "rw" else []
    if other.protocol == "any":
        return []
    if one.protocol == "any":
        rest = [name for name in ("tcp", "udp", "sctp", "icmp") if name != other.protocol]
        return [*rest, *(less(What(other.protocol), other))]
    parts = (What(one.protocol, one.low, other.low - 1), What(one.protocol, other.high + 1, one.high))
    return [str(part) for part in parts if part.low <= part.high]
