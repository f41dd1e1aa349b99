"""The words of one host's ruleset, in the very form of `nft list` (so that one reader reads both)."""

from collections.abc import Iterable, Mapping, Sequence

from ringfence.segment.what import What, parse

TABLE = "inet ringfence"
LINK = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"
"""What IPv6 needs on a link: packets that no router forwards (RFC 4861: hop limit 255)."""

ALWAYS = [
    "ct state established,related accept",
    f"{LINK} ip6 hoplimit 255 accept",
    "icmpv6 type mld-listener-query ip6 hoplimit 1 accept",
    "icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 accept",
]
LOOPBACK = {"in": 'iif "lo"', "out": 'oif "lo"'}
BLOCKED = ("blocked4", "blocked6")
"""Sets with a timeout, empty at first: what is put there is cut in both directions, before all else."""

PEER = {"in": "saddr", "out": "daddr"}
_SETS = (("v4", "ipv4_addr", ""), ("v6", "ipv6_addr", ""), ("net4", "ipv4_addr", "i"), ("net6", "ipv6_addr", "i"))
_ICMP = {"ip": "icmp", "ip6": "ipv6-icmp", "": "{ icmp, ipv6-icmp }"}
Elements = tuple[str, str, str, str]
"""Rendered elements: addresses and networks of version 4 and 6, in the order v4, v6, net4, net6."""


def listed(values: Iterable[str]) -> str:
    """Elements, eight a line: a change touches one line."""
    found = list(values)
    rows = (", ".join(found[at : at + 8]) for at in range(0, len(found), 8))
    return ",\n\t\t\t".join(rows)


def joined(*pieces: str) -> str:
    """Matches and a verdict as one rule; what is empty is left out."""
    return " ".join(filter(None, pieces))


def block(kind: str, name: str, lines: Iterable[str]) -> str:
    """`chain input {` … `}`."""
    inside = "".join(f"\t\t{line}\n" for line in lines)
    return f"\t{kind} {name} {{\n{inside}\t}}\n"


def sets(name: str, elements: Elements) -> Iterable[str]:
    """The sets that hold one kind of peers; a kind of address that nobody has makes no set."""
    for (suffix, kind, interval), inside in zip(_SETS, elements, strict=True):
        if inside:
            flags = ["flags interval"] if interval else []
            yield block("set", f"{name}_{suffix}", [f"type {kind}", *flags, f"elements = {{ {inside} }}"])


def passes(direction: str, name: str, elements: Elements, what: str) -> Iterable[str]:
    """The rules that accept traffic with one kind of peers."""
    for (suffix, kind, _), inside in zip(_SETS, elements, strict=True):
        if inside:
            family = "ip" if kind == "ipv4_addr" else "ip6"
            matched = words_of(parse(what), family)
            yield joined(f"{family} {PEER[direction]} @{name}_{suffix}", matched, "accept")


def jumps(name: str, elements: Elements, before: str, chain: str) -> Iterable[str]:
    """The rules that send what goes to one kind of peers to a chain."""
    for (suffix, kind, _), inside in zip(_SETS, elements, strict=True):
        if inside:
            family = "ip" if kind == "ipv4_addr" else "ip6"
            yield f"{before}{family} daddr @{name}_{suffix} jump {chain}"


def spares(name: str, elements: Elements, side: str, what: str, verdict: str) -> Iterable[str]:
    """The rules that give `verdict` to what goes to one kind of peers; `side` in: answers to what they opened."""
    for (suffix, kind, _), inside in zip(_SETS, elements, strict=True):
        if inside:
            family = "ip" if kind == "ipv4_addr" else "ip6"
            answers, port = ("", "dport") if side == "out" else ("ct direction reply", "sport")
            matched = words_of(parse(what), family, port)
            yield joined(answers, f"{family} daddr @{name}_{suffix}", matched, verdict)


def words_of(what: What, family: str = "", port: str = "dport") -> str:
    """A kind of traffic as a match; "" for all. `family` ip or ip6; "" where a rule is about both."""
    if what.protocol == "any":
        return ""
    if what.protocol == "icmp":
        return f"meta l4proto {_ICMP[family]}"
    if str(what) == what.protocol:
        return f"meta l4proto {what.protocol}"
    return f"{what.protocol} {port} {str(what).partition('/')[2]}"


def name_of(what: str) -> str:
    """`tcp/6817-6820` as part of a name: `tcp_6817_6820`."""
    return what.replace("/", "_").replace("-", "_")


def cgroup(path: str) -> str:
    """Matches sockets of a control group and those below it (cgroups(7)); the path is below the cgroup v2 mount."""
    return f'socket cgroupv2 level {path.count("/") + 1} "{path}"'


def base(hook: str, rules: Sequence[str]) -> str:
    """A base chain, before those that most others use, so that its counters see what it denies."""
    return block("chain", hook, [f"type filter hook {hook} priority filter - 5; policy drop;", *rules])


def denied(shadow: bool) -> str:
    """The three points of denial; in shadow mode they only count."""
    ends = ("in", "out", "forward")
    counters = "".join(block("counter", f"denied_{end}", ["packets 0 bytes 0"]) for end in ends)
    verdict = "accept" if shadow else "drop"
    return counters + "".join(
        block("chain", f"denied_{end}", [f'counter name "denied_{end}" {verdict}']) for end in ends
    )


def blocked() -> str:
    """The sets of `BLOCKED`."""
    kinds: Mapping[str, str] = dict(zip(BLOCKED, ("ipv4_addr", "ipv6_addr"), strict=True))
    return "".join(block("set", name, [f"type {kind}", "flags timeout"]) for name, kind in kinds.items())


def cut(direction: str) -> list[str]:
    """The first rules of a direction: who is blocked is blocked."""
    return [f"ip {PEER[direction]} @blocked4 drop", f"ip6 {PEER[direction]} @blocked6 drop"]


def whole(head: str, parts: Iterable[str]) -> str:
    """One transaction: whatever stood in the table before goes as the new content comes (nft(8), "delete table")."""
    return f"# {head}\ntable {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{''.join(parts)}}}\n"
