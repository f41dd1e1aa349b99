"""The table `inet ringfence_contain`: its words for nft, and what is read back from it (`nft -j list`).

        chain: lo, neighbours ▶ seen: count ▶ keep: accept ▶ peers, wide, users, jobs, isolated: drop ▶ slow: limit

Its chains stand before those of the fence (priority -5) and before whatever accepts what is established, so a cut
ends standing connections with the next packet; what it lets pass is judged by the other tables as ever. An element
that expires carries the second in which it does as its comment.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import msgspec

from ringfence.enforce.contain_parts import JOB_LEVELS, Key, Placed
from ringfence.errors import EnforceError
from ringfence.segment.compile.nftables_text import ALWAYS, block
from ringfence.wire.contain import LONGEST

NAME = "ringfence_contain"
TABLE = f"inet {NAME}"
PRIORITY = -160
"""After connection tracking (-200), before mangle (-150), the fence (-5) and other filters (0)."""

SLACK = 3
"""Seconds by which the kernel's clock and the wall clock may differ before the kernel's is told."""

_HOOKS = {"output": ("out", ("daddr",)), "input": ("in", ("saddr",)), "forward": ("through", ("saddr", "daddr"))}
_FAMILIES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}
_A_LINE = 1000
_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20}
_TELLING = frozenset(("ip", "ip6", "saddr", "daddr", "icmpv6", "hoplimit", "iif", "oif", "lo", "skuid", "cgroupv2"))
_TELLING |= {"nfproto", "limit", "accept", "drop", "return", "continue", "jump", "goto", "reject", "queue"}
_COMMENT = re.compile(r"([0-9]{1,13})(?: ([0-9]{1,12}))?\Z")

SETS: dict[str, str] = {
    **{
        f"{name}{version}": f"type {kind}; flags {flags};"
        for version, (_, kind) in _FAMILIES.items()
        for name, flags in (
            ("seen", "timeout"), ("keep", "interval"), ("peers", "timeout"), ("wide", "interval,timeout"),
            ("slow", "timeout"),
        )
    },
    "users": "typeof meta skuid; flags timeout;",
    **{f"jobs{level}": f"typeof socket cgroupv2 level {level}; flags timeout;" for level in JOB_LEVELS},
    "isolated": "typeof meta nfproto; flags timeout;",
}  # fmt: skip
"""Set → how it is declared."""


class Element(msgspec.Struct, frozen=True):
    """An element of a set. `until`: seconds since the epoch, 0 for ever; `note` as in `contain_parts.Part`."""

    until: int
    note: str = ""


class Listed(msgspec.Struct, frozen=True):
    """The table as the kernel has it: set → key → element, in order.

    `whole`: all of our chains and rules, and no others, are there.
    """

    elements: Mapping[str, Mapping[Key, Element]]
    rate: int
    whole: bool


def rules(hook: str) -> list[str]:
    """The rules of a chain, in order."""
    limit, peers = _HOOKS[hook]
    ends = [(f"{family} {peer}", version) for peer in peers for version, (family, _) in _FAMILIES.items()]
    own = ["meta skuid @users", *(f"socket cgroupv2 level {level} @jobs{level}" for level in JOB_LEVELS)]
    interface = {"output": ['oif "lo" accept'], "input": ['iif "lo" accept'], "forward": []}[hook]
    return [
        *interface,
        *ALWAYS[1:],
        *(f"{peer} @seen{version} counter" for peer, version in ends),
        *(f"{peer} @keep{version} accept" for peer, version in ends),
        *(f"{peer} @{name}{version} counter drop" for name in ("peers", "wide") for peer, version in ends),
        *(f"{match} counter drop" for match in own if hook == "output"),
        "meta nfproto @isolated counter drop",
        *(f'{peer} @slow{version} limit name "slow_{limit}" counter drop' for peer, version in ends),
    ]


def making(wanted: Placed, rate: int, now: float, prefix: str) -> str:
    """The transaction that makes the table anew, whatever stood there."""
    parts = [block("limit", f"slow_{one}", [f"rate over {rate} bytes/second"]) for one, _ in _HOOKS.values()]
    parts += [block("set", name, [declared]) for name, declared in SETS.items()]
    for hook in _HOOKS:
        head = f"type filter hook {hook} priority {PRIORITY}; policy accept;"
        parts.append(block("chain", hook, [head, *rules(hook)]))
    body = "".join(parts)
    head = f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{body}}}\n"
    return head + "\n".join(_adding(wanted, now, prefix))


def renewing(listed: Listed, wanted: Placed, now: float, prefix: str) -> str:
    """The transaction that changes the elements alone; what the rules have counted stays."""
    cleared = [f"flush set {TABLE} {name}" for name, inside in listed.elements.items() if inside]
    return "\n".join([*cleared, *_adding(wanted, now, prefix)])


def _adding(wanted: Placed, now: float, prefix: str) -> Iterator[str]:
    for name, inside in wanted.items():
        words = [text for key, (until, note) in inside.items() for text in _words(name, key, until, note, now, prefix)]
        for at in range(0, len(words), _A_LINE):
            yield f"add element {TABLE} {name} {{ {', '.join(words[at : at + _A_LINE])} }}"


def _words(name: str, key: Key, until: int, note: str, now: float, prefix: str) -> Iterator[str]:
    left = min(max(math.ceil(until - now), 1), LONGEST)
    timeout = f" timeout {left}s" if until else ""
    comment = "" if name.startswith("keep") else f' comment "{until}{" " + note if note else ""}"'
    for value in _values(name, key, prefix):
        yield f"{value}{timeout}{comment}"


def _values(name: str, key: Key, prefix: str) -> Iterator[str]:
    made = IPv6Address if name.endswith("6") else IPv4Address
    if isinstance(key, tuple):
        yield f"{made(key[0])}-{made(key[1])}" if key[0] < key[1] else str(made(key[0]))
    elif name.startswith("jobs"):
        yield f'"{prefix}{key}"'
    else:
        yield str(made(key)) if isinstance(key, int) and name != "users" else str(key)


def read(listing: str, now: float, prefix: str) -> Listed:
    """The table from `nft -j list table`. Raises `EnforceError` where this is none."""
    try:
        rows = [next(iter(row.items())) for row in msgspec.json.decode(listing)["nftables"]]
        sets = {row["name"]: row for kind, row in rows if kind == "set"}
        elements = {name: dict(_elements(row, now, prefix)) for name, row in sets.items() if name in SETS}
        rates = {row["rate"] * _UNITS[row["rate_unit"]] for kind, row in rows if kind == "limit"}
        whole = _chains(rows) == _expected() and sets.keys() == SETS.keys() and len(rates) == 1
        dormant = any(row.get("flags") for kind, row in rows if kind == "table")
        return Listed(elements, min(rates, default=1), whole and not dormant)
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise EnforceError(f"what nft lists of {TABLE} cannot be read: {error!r}"[:300]) from None


def _elements(row: Mapping[str, Any], now: float, prefix: str) -> Iterator[tuple[Key, Element]]:
    for one in row.get("elem", ()):
        about = one["elem"] if isinstance(one, dict) and "elem" in one else {"val": one}
        known = _COMMENT.match(about.get("comment", ""))
        expires = about.get("expires")
        until = _until(int(known[1]) if known else None, expires, now)
        yield _key(row["name"], about["val"], prefix), Element(until, known[2] or "" if known else "")


def _until(said: int | None, expires: int | None, now: float) -> int:
    """When an element ends: as its comment says, unless the kernel will really end it earlier, or never."""
    if expires is None:
        return 0
    really = int(now) + expires
    return said if said and really >= said - SLACK else max(really, 1)


def _key(name: str, value: Any, prefix: str) -> Key:
    if name.startswith("jobs"):
        return str(value).removeprefix(prefix)
    if name == "users":
        return int(value)
    if name == "isolated":
        return str(value)
    if isinstance(value, dict) and "range" in value:
        return int(ip_address(value["range"][0])), int(ip_address(value["range"][1]))
    inside = value["prefix"] if isinstance(value, dict) else None
    net = ip_network(f"{inside['addr']}/{inside['len']}" if inside else value)
    low, high = int(net.network_address), int(net.broadcast_address)
    return (low, high) if name.startswith(("wide", "keep")) else low


def _chains(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind, row in rows:
        if kind == "chain":
            head = (row.get("type"), row.get("hook"), row.get("prio"), row.get("policy"))
            found.setdefault(row["name"], []).insert(0, head)
        elif kind == "rule":
            found.setdefault(row["chain"], []).append(_marks(row["expr"]))
    return found


def _marks(expression: Any) -> frozenset[str]:
    """What tells one of our rules from another, in every version of nft: sets, fields, objects, verdicts."""
    if isinstance(expression, list):
        return frozenset[str]().union(*map(_marks, expression))
    if isinstance(expression, dict):
        return frozenset(_TELLING.intersection(expression)).union(*map(_marks, expression.values()))
    named = isinstance(expression, str) and (expression in _TELLING or expression.startswith(("@", "slow_")))
    return frozenset({expression}) if named else frozenset()


def _expected() -> dict[str, list[Any]]:
    return {
        hook: [("filter", hook, PRIORITY, "accept"), *(_marks(rule.replace('"', "").split()) for rule in rules(hook))]
        for hook in _HOOKS
    }
