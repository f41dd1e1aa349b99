"""`nft -j list ruleset` (libnftables-json(5)) as the values that the text gives."""

from collections.abc import Callable, Mapping
from typing import Any

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.nft.rules import meter, number
from ringfence.wire.nft.values import ACCEPT, Chain, Match, Quota, Rule, Ruleset, Set, Table

_REMEDY = "print it again with `nft -j list ruleset`"
_BARE = ("iif", "oif", "iifname", "oifname")
_VERDICTS = ("accept", "drop", "return", "continue")


class _Unread(Exception):
    """An expression that the values have no form for."""


def read(data: bytes) -> Ruleset:
    """Every table in the answer. Raises `InputError` where it is not of the published shape."""
    answer = safe.json(data)
    objects = answer.get("nftables") if isinstance(answer, dict) else None
    if not isinstance(objects, list):
        raise InputError("no list `nftables` stands in it", remedy=_REMEDY)
    tables: dict[tuple[str, str], dict[str, Any]] = {}
    for one in objects:
        kind, value = next(iter(one.items())) if isinstance(one, dict) and len(one) == 1 else ("", None)
        if not isinstance(value, dict):
            raise InputError("an object of the list is not of the published shape", remedy=_REMEDY)
        if kind == "table":
            key = _word(value, "family"), _word(value, "name")
            if key in tables:
                raise InputError(f"table {' '.join(key)} stands here twice", remedy=_REMEDY)
            tables[key] = {"others": [], "flags": _flags(value)}
        elif kind != "metainfo":
            key = (_word(value, "family"), _word(value, "table"))
            if key not in tables:
                raise InputError(f"{kind} stands before its table {' '.join(key)}", remedy=_REMEDY)
            _KINDS.get(kind, _other)(tables[key], value)
    return Ruleset(tuple(_table(family, name, parts) for (family, name), parts in tables.items()))


def _table(family: str, name: str, parts: dict[str, Any]) -> Table:
    rules = parts.get("rules", {})
    chains = {
        called: Chain(called, tuple(rules.get(called, ())), **base) for called, base in parts.get("chains", {}).items()
    }
    if rules.keys() - chains.keys():
        raise InputError("a rule stands in no chain", remedy=_REMEDY)
    sets, quotas, counters = (parts.get(kind, {}) for kind in ("sets", "quotas", "counters"))
    return Table(family, name, chains, sets, quotas, counters, tuple(parts["others"]), parts["flags"])


def _flags(value: Mapping[str, Any]) -> tuple[str, ...]:
    """A table's flags. Of `dormant` nft 1.0.6 prints a byte that says nothing: that is no flag that anybody knows."""
    found = value.get("flags", [])
    return tuple(map(str, found)) if isinstance(found, list) else (str(found),)


def _word(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise InputError(f"`{key}` is missing or no text", remedy=_REMEDY)
    return found


def _int(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key, 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 1 << 64:
        raise InputError(f"`{key}` is no number", remedy=_REMEDY)
    return found


def _chain(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    base: dict[str, Any] = {}
    if "hook" in value:
        base = {"kind": _word(value, "type"), "hook": _word(value, "hook"), "priority": _priority(value)}
        base |= {"policy": str(value.get("policy", ACCEPT)), "devices": "dev" in value}
    table.setdefault("chains", {})[_word(value, "name")] = base


def _priority(value: Mapping[str, Any]) -> int:
    found = value.get("prio", 0)
    if not isinstance(found, int) or isinstance(found, bool):
        raise InputError("`prio` is no number", remedy=_REMEDY)
    return found


def _rule(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    expressions = value.get("expr")
    if not isinstance(expressions, list) or not all(isinstance(one, dict) and len(one) == 1 for one in expressions):
        raise InputError("a rule's `expr` is not of the published shape", remedy=_REMEDY)
    table.setdefault("rules", {}).setdefault(_word(value, "chain"), []).append(_read_rule(expressions))


def _set(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    name, kind = _word(value, "name"), value.get("type")
    flags = value.get("flags", [])
    elements = value.get("elem", [])
    if not isinstance(elements, list) or not isinstance(flags, list | str):
        raise InputError(f"set {name} is not of the published shape", remedy=_REMEDY)
    flags = tuple(str(one) for one in ([flags] if isinstance(flags, str) else flags))
    plain = kind if isinstance(kind, str) else " . ".join(map(str, kind)) if isinstance(kind, list) else ""
    try:
        table.setdefault("sets", {})[name] = Set(name, plain, flags, tuple(map(_element, elements)))
    except _Unread:
        raise InputError(f"set {name} holds an element of unknown shape", remedy=_REMEDY) from None


def _quota(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    name = _word(value, "name")
    table.setdefault("quotas", {})[name] = Quota(name, _int(value, "bytes"), _int(value, "used"))


def _counter(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    table.setdefault("counters", {})[_word(value, "name")] = _int(value, "packets")


def _other(table: dict[str, Any], value: Mapping[str, Any]) -> None:
    table["others"].append(str(value.get("name", "")))


_KINDS: dict[str, Callable[[dict[str, Any], Mapping[str, Any]], None]] = {
    "chain": _chain,
    "rule": _rule,
    "set": _set,
    "quota": _quota,
    "counter": _counter,
}


def _element(value: Any) -> str:
    """One value as the text prints it: an address, `10.0.0.0/8`, `22-25`, `a . b`."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict) and len(value) == 1:
        kind, inner = next(iter(value.items()))
        if kind == "elem" and isinstance(inner, dict):
            return _element(inner.get("val"))
        if kind == "prefix" and isinstance(inner, dict):
            return f"{_element(inner.get('addr'))}/{_element(inner.get('len'))}"
        if kind == "range" and isinstance(inner, list) and len(inner) == 2:
            return f"{_element(inner[0])}-{_element(inner[1])}"
        if kind == "concat" and isinstance(inner, list):
            return " . ".join(map(_element, inner))
    raise _Unread


def _read_rule(expressions: list[dict[str, Any]]) -> Rule:
    matches: list[Match] = []
    verdict = mark = unknown = metered = ""
    for one in expressions:
        kind, value = next(iter(one.items()))
        if kind == "match":
            try:
                matches.append(_match(value))
            except (_Unread, AttributeError):
                unknown = f"match {value!r}"[:200]
        elif kind in _VERDICTS or kind == "reject":
            verdict = kind
        elif kind in ("jump", "goto") and isinstance(value, dict):
            verdict = f"{kind} {value.get('target', '')}"
        elif kind == "quota" and isinstance(value, str):
            metered = f"quota {value}"
        elif kind == "limit" and isinstance(value, dict):
            metered = _limit(value)
        elif _marks(kind, value):
            mark = number(str(value["value"]))
        elif kind not in ("counter", "log"):
            unknown = kind[:200]
            verdict = "unknown" if kind in ("vmap", "queue") else verdict
    return Rule(tuple(matches), verdict, mark, metered, unknown)


def _limit(value: Mapping[str, Any]) -> str:
    rate, burst = _int(value, "rate"), _int(value, "burst")
    unit, of_burst = str(value.get("rate_unit", "packets")), str(value.get("burst_unit", "packets"))
    return meter(bool(value.get("inv")), (rate, unit), str(value.get("per")), (burst, of_burst))


def _marks(kind: str, value: Any) -> bool:
    return kind == "mangle" and isinstance(value, dict) and value.get("key") == {"ct": {"key": "mark"}}


def _match(value: dict[str, Any]) -> Match:
    left, right = _left(value["left"]) if "left" in value else "", value.get("right")
    if isinstance(right, dict) and isinstance(right.get("set"), list):
        right = right["set"]
    values = tuple(_element(one) for one in right) if isinstance(right, list) else (_element(right),)
    op = str(value.get("op"))
    return Match(left, "==" if op == "in" else op, values)


def _left(value: Any) -> str:
    if not isinstance(value, dict) or len(value) != 1:
        raise _Unread
    kind, inner = next(iter(value.items()))
    if not isinstance(inner, dict):
        raise _Unread
    if kind == "payload" and "field" in inner and inner.keys() == {"protocol", "field"}:
        return f"{inner['protocol']} {inner['field']}"
    if kind in ("meta", "ct", "socket") and inner.keys() == {"key"}:
        return str(inner["key"]) if inner["key"] in _BARE else f"{kind} {inner['key']}"
    raise _Unread
