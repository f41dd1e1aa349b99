"""Egress budgets: what the holders' quotas let out together is never more than the jewel's hour.

For every holder the output chain is followed, as a packet of payload towards each destination would, up to the first
rule that could let it go. Quotas that stand before it and drop what is beyond them count. Shares of one name over all
holders are summed; what the kernel has counted already (`used`) is no allowance, so `limit - used` is the share.
What the policy spares (`Budget.spared`) has to leave the quota's chain uncounted, and nothing else may: a node whose
controllers are behind a quota is cut off from them by whoever spends it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from ipaddress import ip_address

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import SPARED_BURST, Artefact, Budget, Difference, Policy, Proof, Residual
from ringfence.segment.prove import rulesets
from ringfence.wire.nft.values import ACCEPT, DROP, Chain, Rule, Table

COVERS = (
    "bytes of IP packets with payload, per holder, towards the destinations; not RDMA, not the bare segments that"
    " answer a download, not what the policy spares because it governs the holder, and not holders without a filter"
)
_TO = ("ip daddr", "ip6 daddr")
_LOOPBACK = ("oif", "oifname")
_HEADER = {"ipv4": 20, "ipv6": 40}
"""Bytes of an IP header without options or extensions."""


def prove_budgets(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual] = ()
) -> Proof:
    """The verdict on hosts' rulesets: every budget is metered at each holder, and the shares fit into it.

    A holder without a filter cannot be metered: it is among the residuals of the `ip` plane, not a leak here.
    """
    tables: dict[str, Table | None] = {}
    for artefact in artefacts:
        table = _ours(artefact)
        tables |= dict.fromkeys(artefact.loaded_by, table)
    behind = set(inventory.enforcers.get("nftables", ()))
    metered = [one for one in policy.budgets if one.bytes_per_hour]
    reading = _Reading(tables)
    differences = [wrong for one in metered for wrong in _judged(one, policy, inventory, reading, behind)]
    return Proof("budget", "nftables", len(metered), tuple(sorted(differences)), (), 0, COVERS)


_Way = tuple[str, str, str, int]
"""(address, side, what, bytes a second or 0 for all) of something that is spared."""
_Ways = frozenset[_Way]


class _Metered(msgspec.Struct, frozen=True):
    """A quota by its name, the share that is left in it, and what of the spared it counts nevertheless."""

    name: str
    share: int
    cut: _Ways


class _Reading:
    """Hosts' tables; what one meters towards the same addresses is worked out once."""

    def __init__(self, tables: Mapping[str, Table | None]) -> None:
        self._tables = tables
        self._known: dict[tuple[int, frozenset[str], _Ways], tuple[_Metered, ...]] = {}

    def quotas(self, host: str, wanted: frozenset[str], spared: _Ways) -> tuple[_Metered, ...]:
        """Those on a host that meter every address wanted, and let nothing by that is not spared."""
        table = self._tables.get(host)
        if table is None:
            return ()
        key = (id(table), wanted, spared)
        if key not in self._known:
            self._known[key] = tuple(_quotas(table, wanted, spared))
        return self._known[key]


def _judged(
    budget: Budget, policy: Policy, inventory: Inventory, reading: _Reading, behind: set[str]
) -> Iterator[Difference]:
    wanted = frozenset(end for name in budget.destinations for end in _addresses(policy, inventory, name))
    spared = frozenset(
        (end, one.side, one.what, one.a_second)
        for one in budget.spared
        for end in _addresses(policy, inventory, one.group)
    )
    cut: dict[str, dict[str, _Ways]] = defaultdict(dict)
    shares: dict[str, int] = defaultdict(int)
    holders: dict[str, set[str]] = defaultdict(set)
    here = {one.rpartition("@")[2] for one in budget.holders} & behind
    for host in sorted(here):
        for one in reading.quotas(host, wanted.difference(inventory.addresses.get(host, ())), spared):
            shares[one.name] += one.share
            holders[one.name].add(host)
            cut[one.name][host] = one.cut
    fitting = [name for name in shares if holders[name] >= here and shares[name] <= budget.bytes_per_hour]
    if here and not fitting:
        missing = sorted(here - set().union(*holders.values()))
        least = min(shares.values(), default=0)
        why = f"{missing[0]} meters nothing of it" if missing else f"shares of {least} bytes an hour together"
        source = missing[0] if missing else min(here)
        yield Difference("leak", "budget", source, budget.jewel, f"{budget.bytes_per_hour} bytes/h", len(here), why)
    worst = min((cut[name] for name in fitting), key=lambda mine: sum(map(bool, mine.values())), default={})
    lost = [host for host in sorted(worst) if worst[host]]
    if lost:
        address, side, what, _ = min(worst[lost[0]])
        why = f"a quota counts what governs it: {what} of {'it' if side == 'in' else address}"
        yield Difference("break", "budget", lost[0], address, what, len(lost), why)


def _quotas(table: Table, wanted: frozenset[str], spared: _Ways) -> Iterator[_Metered]:
    """Those that meter every address wanted, but for what is spared, before anything could let a packet to it go."""
    by_chain = {name: _meter(chain, table, spared) for name, chain in table.chains.items() if not chain.hook}
    meters = {name: quota for name, (quota, _) in by_chain.items()}
    free: dict[str, _Ways] = {}
    for quota_name, let_by in by_chain.values():
        free[quota_name] = free.get(quota_name, let_by) & let_by
    passed: dict[str, set[str]] = defaultdict(set)
    for chain in table.chains.values():
        if chain.hook == "output":
            open_ = set(wanted)
            for rule in chain.rules:
                towards = _towards(rule, table) & open_ if rule.matches else open_
                word, _, name = rule.verdict.partition(" ")
                if word == "jump" and meters.get(name) and _by_address(rule):
                    passed[meters[name]] |= towards
                elif not _holds_back(rule) and not (word == "jump" and _comes_back(table.chains.get(name), table)):
                    open_ -= towards if _by_address(rule) else open_
    for name, covered in passed.items():
        if covered >= wanted:
            quota = table.quotas[name]
            yield _Metered(name, max(0, quota.limit - quota.used), spared - free[name])


def _meter(chain: Chain, table: Table, spared: _Ways) -> tuple[str, _Ways]:
    """The quota that every packet with payload has to pass in this chain, "" where one could get by; what is let by.

    A chain counts only if it is made of nothing but: returns of what is spared, drops beyond a rate, one drop beyond
    a quota, and a jump for established TCP segments that carry nothing. Anything else could return, accept or go
    elsewhere. A return behind a drop spares nothing.
    """
    quotas: list[str] = []
    free = set[_Way]()
    rates = 0
    for rule in chain.rules:
        if rule.unknown or rule.sets_mark:
            return "", frozenset()
        let_by = _let_by(rule, table)
        if let_by and let_by <= spared:
            free |= set() if quotas or rates else let_by
            continue
        if rule.verdict == DROP and not rule.matches and rule.metered.startswith("limit over "):
            rates += 1
        elif rule.verdict == DROP and not rule.matches and rule.metered.removeprefix("quota ") in table.quotas:
            quotas.append(rule.metered.removeprefix("quota "))
        elif not _for_bare(rule, table):
            return "", frozenset()
    return (quotas[0] if len(quotas) == 1 and rates else ""), frozenset(free)


def _comes_back(chain: Chain | None, table: Table) -> bool:
    """Whether every packet with payload that jumps here is dropped or returns: a meter lets nothing go."""
    return chain is not None and all(
        not rule.unknown and not rule.sets_mark and (rule.verdict in (DROP, "return", "") or _for_bare(rule, table))
        for rule in chain.rules
    )


def _let_by(rule: Rule, table: Table) -> _Ways:
    """`ip daddr @to tcp dport 8443 return`, or `ct direction reply … sport`: what leaves a chain; empty if unclear."""
    looks = {one.left: one.right for one in rule.matches if one.op == "=="}
    side = "in" if looks.pop("ct direction", ()) == ("reply",) else "out"
    to = [looks.pop(name) for name in _TO if name in looks]
    if rule.verdict != "return" or len(to) != 1 or len(looks) != 1 or len(rule.matches) != 2 + (side == "in"):
        return frozenset()
    ((left, right),) = looks.items()
    protocol, _, end = left.partition(" ")
    a_second = _a_second(rule.metered)
    if end != ("dport" if side == "out" else "sport") or a_second < 0:
        return frozenset()
    return frozenset((each, side, f"{protocol}/{port}", a_second) for each in _members(to[0], table) for port in right)


def _a_second(metered: str) -> int:
    """Bytes a second of a rate whose bucket is the one that the writer gives it, 0 for none, -1 for anything else."""
    rate = metered.removeprefix("limit ").partition(" ")[0]
    whole = f"limit {rate} bytes/second burst {SPARED_BURST * int(rate)} bytes" if rate.isdecimal() else ""
    return int(rate) if whole and metered == whole else (-1 if metered else 0)


def _for_bare(rule: Rule, table: Table) -> bool:
    """Whether a rule does nothing but send segments without payload to their own, rate-limited way."""
    word, _, name = rule.verdict.partition(" ")
    looks = {(one.left, one.op, one.right) for one in rule.matches}
    only = {("ct state", "==", ("established",)), ("meta l4proto", "==", ("tcp",))} <= looks
    if rule.metered or word not in ("jump", "goto") or not only or name not in table.chains:
        return False
    return all(_carries_nothing(one) and _limited(one, table) for one in table.chains[name].rules)


def _carries_nothing(rule: Rule) -> bool:
    """`meta nfproto ipv4 tcp doff 8 meta length 52`: the headers are the packet (RFC 9293, 3.1)."""
    looks = {one.left: one.right for one in rule.matches if one.op == "==" and len(one.right) == 1}
    if looks.keys() != {"meta nfproto", "tcp doff", "meta length"} or len(rule.matches) != len(looks):
        return False
    family, words, length = (looks[name][0] for name in ("meta nfproto", "tcp doff", "meta length"))
    known = family in _HEADER and words.isdigit() and length.isdigit()
    return known and int(length) == _HEADER[family] + 4 * int(words)


def _limited(rule: Rule, table: Table) -> bool:
    """Whether a rule leads to a chain that drops beyond a rate of packets before it accepts."""
    word, _, name = rule.verdict.partition(" ")
    rules = table.chains[name].rules if word in ("jump", "goto") and name in table.chains else ()
    if len(rules) != 2 or any(one.matches or one.unknown or one.sets_mark for one in rules):
        return False
    first, last = rules
    dropping = first.verdict == DROP and first.metered.startswith("limit over ") and " packets/" in first.metered
    return dropping and last.verdict == ACCEPT and not last.metered


def _by_address(rule: Rule) -> bool:
    return bool(rule.matches) and all(one.left in _TO and one.op == "==" for one in rule.matches)


def _holds_back(rule: Rule) -> bool:
    """Whether a rule lets nothing go: it drops, it only counts, or it is about this host's own loopback."""
    if any(one.left in _LOOPBACK and one.op == "==" and one.right == ("lo",) for one in rule.matches):
        return True
    return rule.verdict in (DROP, "reject", "") and not rule.unknown


def _towards(rule: Rule, table: Table) -> frozenset[str]:
    """Single addresses that a rule's destinations name; of a rule that looks at something else, all may be meant."""
    found = [_members(match.right, table) for match in rule.matches if match.left in _TO]
    return frozenset[str]().union(*found) or _Everything()


def _members(right: Iterable[str], table: Table) -> frozenset[str]:
    named = (table.sets[one[1:]].elements if one[1:] in table.sets else () for one in right if one.startswith("@"))
    return _plainly(tuple(one for one in right if not one.startswith("@"))).union(*map(_plainly, named))


@lru_cache(maxsize=1 << 12)
def _plainly(elements: tuple[str, ...]) -> frozenset[str]:
    """Addresses as everybody writes them; the rulesets of many hosts share most of their lists."""
    return frozenset(map(_plain, elements))


class _Everything(frozenset[str]):
    """A set that holds all: its intersection with another is the other."""

    def __and__(self, other: object) -> frozenset[str]:
        return frozenset(other) if isinstance(other, Set) else frozenset()


def _addresses(policy: Policy, inventory: Inventory, name: str) -> Iterator[str]:
    """Addresses and networks of a group; a network is wanted as it is written, for nothing less holds all of it."""
    group = policy.groups.get(name)
    for end in group.on("ip") if group else (name,):
        yield from (_plain(one) for one in inventory.addresses.get(end, ()))


@lru_cache(maxsize=1 << 16)
def _plain(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _ours(artefact: Artefact) -> Table | None:
    found, unread = rulesets.read(artefact.text)
    return None if unread else next((table for table in found.tables if table.ours and not table.flags), None)
