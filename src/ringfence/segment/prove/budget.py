"""Egress budgets: what the holders' quotas let out together is never more than the jewel's hour.

For every holder the output chain is followed, as a packet of payload towards each destination would, up to the first
rule that could let it go. Quotas that stand before it and drop what is beyond them count. Shares of one name over all
holders are summed; what the kernel has counted already (`used`) is no allowance, so `limit - used` is the share.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from ipaddress import ip_address

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Budget, Difference, Policy, Proof, Residual
from ringfence.segment.prove import rulesets
from ringfence.wire.nft.values import ACCEPT, DROP, Chain, Rule, Table

COVERS = (
    "bytes of IP packets with payload, per holder, towards the destinations; not RDMA, not the bare segments that"
    " answer a download, and not holders without a filter"
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


class _Reading:
    """Hosts' tables; what one meters towards the same addresses is worked out once."""

    def __init__(self, tables: Mapping[str, Table | None]) -> None:
        self._tables = tables
        self._known: dict[tuple[int, frozenset[str]], tuple[tuple[str, int], ...]] = {}

    def quotas(self, host: str, wanted: frozenset[str]) -> tuple[tuple[str, int], ...]:
        """(quota, share) of those on a host that meter every address wanted."""
        table = self._tables.get(host)
        if table is None:
            return ()
        key = (id(table), wanted)
        if key not in self._known:
            self._known[key] = tuple(_quotas(table, wanted))
        return self._known[key]


def _judged(
    budget: Budget, policy: Policy, inventory: Inventory, reading: _Reading, behind: set[str]
) -> Iterator[Difference]:
    wanted = frozenset(end for name in budget.destinations for end in _addresses(policy, inventory, name))
    shares: dict[str, int] = defaultdict(int)
    holders: dict[str, set[str]] = defaultdict(set)
    here = {one.rpartition("@")[2] for one in budget.holders} & behind
    for host in sorted(here):
        for name, share in reading.quotas(host, wanted.difference(inventory.addresses.get(host, ()))):
            shares[name] += share
            holders[name].add(host)
    fitting = [name for name in shares if holders[name] >= here and shares[name] <= budget.bytes_per_hour]
    if here and not fitting:
        missing = sorted(here - set().union(*holders.values()))
        least = min(shares.values(), default=0)
        why = f"{missing[0]} meters nothing of it" if missing else f"shares of {least} bytes an hour together"
        source = missing[0] if missing else min(here)
        yield Difference("leak", "budget", source, budget.jewel, f"{budget.bytes_per_hour} bytes/h", len(here), why)


def _quotas(table: Table, wanted: frozenset[str]) -> Iterator[tuple[str, int]]:
    """(quota, share) of those that meter every address wanted before anything could let a packet to it go."""
    meters = {name: _meter(chain, table) for name, chain in table.chains.items() if not chain.hook}
    passed: dict[str, set[str]] = defaultdict(set)
    for chain in table.chains.values():
        if chain.hook == "output":
            open_ = set(wanted)
            for rule in chain.rules:
                towards = _towards(rule, table) & open_ if rule.matches else open_
                word, _, name = rule.verdict.partition(" ")
                if word == "jump" and meters.get(name) and _by_address(rule):
                    passed[meters[name]] |= towards
                elif not _holds_back(rule):
                    open_ -= towards if _by_address(rule) else open_
    for name, covered in passed.items():
        if covered >= wanted:
            quota = table.quotas[name]
            yield name, max(0, quota.limit - quota.used)


def _meter(chain: Chain, table: Table) -> str:
    """The quota that every packet with payload has to pass in this chain, "" where one could get by.

    A chain counts only if it is made of nothing but: drops beyond a rate, one drop beyond a quota, and a jump for
    established TCP segments that carry nothing. Anything else could return, accept or go elsewhere.
    """
    quotas = []
    rates = 0
    for rule in chain.rules:
        if rule.unknown or rule.sets_mark:
            return ""
        if rule.verdict == DROP and not rule.matches and rule.metered.startswith("limit over "):
            rates += 1
        elif rule.verdict == DROP and not rule.matches and rule.metered.removeprefix("quota ") in table.quotas:
            quotas.append(rule.metered.removeprefix("quota "))
        elif not _for_bare(rule, table):
            return ""
    return quotas[0] if len(quotas) == 1 and rates else ""


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
