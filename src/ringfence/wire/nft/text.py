"""The text of `nft list`, which is also the form of our own artefacts: a line each, blocks in braces.

Bounded: a file of 256 MiB at most, in linear time; what is nested otherwise than nft prints it is an `InputError`.
"""

import re
from collections.abc import Container, Iterator
from functools import lru_cache
from itertools import chain as joined

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.nft import rules
from ringfence.wire.nft.values import Chain, Quota, Rule, Ruleset, Set, Table

_HOOK = re.compile(
    r"\Atype (\w{1,32}) hook (\w{1,32}) ((?:device \S{1,40} |devices = [^;]{0,2000} )?)"
    r"priority (\w{1,10}|-\d{1,10})(?: ([+-]) (\d{1,10}))?; policy (\w{1,16});\Z"
)
_QUOTA = re.compile(r"\A(over )?(\d{1,20}) (\w{1,8})(?: used (\d{1,20}) (\w{1,8}))?\Z")
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_UNIT = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20}
_REMEDY = "print it again with `nft list ruleset`"
_PROLOGUE = ("table inet ringfence", "delete table inet ringfence")
"""What our own artefacts begin with; behind a table it would take the table away again."""

_QUOTED = re.compile(r'"[^"]*"')
Lines = Iterator[tuple[int, str]]


def read(data: bytes) -> Ruleset:
    """Every table in the text. Raises `InputError` with the line where the form is not that of `nft list`."""
    lines = ((number, line.strip()) for number, line in safe.lines(data))
    tables: dict[tuple[str, str], Table] = {}
    rows = ((number, line) for number, line in lines if line and not line.startswith("#"))
    for number, line in rows:
        words = line.split()
        if words[:1] == ["table"] and len(words) == 4 and words[3] == "{":
            if (words[1], words[2]) in tables:
                raise InputError(f"table {words[1]} {words[2]} stands here twice", line=number)
            tables[words[1], words[2]] = _table(words[1], words[2], rows, number)
        elif tables or line not in _PROLOGUE:
            raise InputError(f"{line[:60]!r} begins no table", line=number, remedy=_REMEDY)
    return Ruleset(tuple(tables.values()))


def _table(family: str, name: str, rows: Lines, start: int) -> Table:
    chains: dict[str, Chain] = {}
    sets: dict[str, Set] = {}
    quotas: dict[str, Quota] = {}
    counters: dict[str, int] = {}
    others: list[str] = []
    flags: tuple[str, ...] = ()
    named: list[tuple[str, Container[str]]] = [("chain", chains), ("set", sets), ("quota", quotas)]
    for number, line in rows:
        words = line.split()
        if line == "}":
            return Table(family, name, chains, sets, quotas, counters, tuple(others), flags)
        if len(words) < 2 or words[-1] != "{":
            if words[0] not in ("comment", "flags"):
                raise InputError(f"{line[:60]!r} stands in no chain or set", line=number, remedy=_REMEDY)
            _plain(line, number)
            flags = _flags(line) if words[0] == "flags" else flags
            continue
        kind, called = words[0], words[-2]
        if any(kind == one and called in there for one, there in named):
            raise InputError(f"{kind} {called} stands here twice", line=number)
        if kind == "chain":
            chains[called] = _chain(called, rows, number)
        elif kind == "set":
            sets[called] = _set(called, rows, number)
        elif kind == "quota":
            quotas[called] = _quota(called, rows, number)
        elif kind == "counter":
            counters[called] = _counter(rows, number)
        else:
            others.append(called)
            _skip(rows, number)
    raise _open(start)


def _chain(name: str, rows: Lines, start: int) -> Chain:
    found: list[Rule] = []
    base: dict[str, str] = {}
    devices, priority = False, 0
    for number, line in rows:
        if line == "}":
            return Chain(name, tuple(found), priority=priority, devices=devices, **base)
        hook = _HOOK.match(line)
        if hook and not base and not found:
            base = {"kind": hook[1], "hook": hook[2], "policy": hook[7]}
            devices, priority = bool(hook[3]), _priority(hook[4], hook[5], hook[6])
        elif line.startswith("type "):
            raise InputError(f"{line[:60]!r} is no hook", line=number, remedy=_REMEDY)
        else:
            if ";" in line or "}" in line:
                _plain(line, number)
            if not line.startswith("comment "):
                found.append(rules.rule(line))
    raise _open(start)


def _priority(word: str, sign: str, offset: str) -> int:
    base = int(word) if word.lstrip("-").isdecimal() else _PRIORITIES.get(word, 0)
    return base + int(f"{sign}{offset}") if sign else base


def _set(name: str, rows: Lines, start: int) -> Set:
    kind = ""
    flags: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    for number, line in rows:
        word, _, rest = line.partition(" ")
        if line == "}":
            return Set(name, kind, flags, elements)
        if word in ("type", "typeof"):
            kind = rest.rstrip(";")
        elif word == "flags":
            flags = _flags(line)
        if line.startswith("elements = {"):
            elements = _elements(line[12:], rows, number)
        else:
            _plain(line, number)
    raise _open(start)


def _elements(first: str, rows: Lines, start: int) -> tuple[str, ...]:
    parts: list[str] = []
    for _, line in joined([(start, first)], rows):
        done = line.endswith("}")
        parts.append(line[:-1] if done else line)
        if done:
            pieces = " ".join(parts)
            if "{" in pieces or "}" in pieces:
                break
            return _values(pieces)
    raise InputError("the elements do not end", line=start, remedy=_REMEDY)


@lru_cache(maxsize=1 << 12)
def _values(pieces: str) -> tuple[str, ...]:
    """The elements in a list; the rulesets of many hosts share most of theirs."""
    return tuple(_key(value) for piece in pieces.split(",") if (value := piece.strip()))


def _key(value: str) -> str:
    """An element without timeout, counter or comment: `10.0.0.1 timeout 1h expires 59m`."""
    return value if " " not in value else _PLAIN.split(value, maxsplit=1)[0]


_PLAIN = re.compile(r" (?:timeout|expires|counter|comment|limit|quota) ")


def _quota(name: str, rows: Lines, start: int) -> Quota:
    found = None
    for number, line in rows:
        if line == "}" and found:
            return found
        row = _QUOTA.match(line)
        if not row or found or not row[1] or row[3] not in _UNIT or (row[5] or "bytes") not in _UNIT:
            raise InputError(f"{line[:60]!r} is no quota", line=number, remedy="write `over 1000 bytes used 0 bytes`")
        found = Quota(name, int(row[2]) * _UNIT[row[3]], int(row[4] or 0) * _UNIT[row[5] or "bytes"])
    raise _open(start)


def _counter(rows: Lines, start: int) -> int:
    packets = 0
    for _, line in rows:
        if line == "}":
            return packets
        words = line.split()
        if words[0] == "packets" and words[1:] and words[1].isdecimal() and len(words[1]) < 21:
            packets = int(words[1])
    raise _open(start)


def _skip(rows: Lines, start: int) -> None:
    depth = 1
    for _, line in rows:
        depth += line.count("{") - line.count("}")
        if depth <= 0 and line != "}":
            break
        if depth <= 0:
            return
    raise _open(start)


def _flags(line: str) -> tuple[str, ...]:
    """`flags constant,timeout`."""
    return tuple(one.strip() for one in line.partition(" ")[2].rstrip(";").split(","))


def _plain(line: str, number: int) -> None:
    """One statement in a line, as nft prints it. Raises `InputError` where another, or the block's end, follows it."""
    bare = _QUOTED.sub("", line).removesuffix(";")
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        if sign == ";" or depth < 0:
            raise InputError(f"{line[:60]!r} is more than one statement", line=number, remedy=_REMEDY)


def _open(line: int) -> InputError:
    return InputError("a block is not closed", line=line, remedy=_REMEDY)
