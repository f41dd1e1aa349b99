"""Egress budgets: what the holders' quotas let out together is never more than the jewel's hour.

For every holder the output chain is followed, as a packet of payload towards each destination would, up to the first
rule that could let it go. Quotas that stand before it and drop what is beyond them count. Shares of one name over all
holders are summed; what the kernel has counted already (`used`) is no allowance, so `limit - used` is the share.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from ipaddress import ip_address

from ringfence.errors import InputError
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Budget, Difference, Policy, Proof, Residual
from ringfence.wire.nft import json, text
from ringfence.wire.nft.values import ACCEPT, DROP, Chain, Rule, Table

COVERS = (
    "bytes of IP packets with payload, per holder, towards the destinations; not RDMA, not the bare segments that"
    " answer a download, and not holders without a filter"
)
_TO = ("ip daddr", "ip6 daddr")
_LOOPBACK = ("oif", "oifname")


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
    passed: dict[str, set[str]] = defaultdict(set)
    for chain in table.chains.values():
        if chain.hook == "output":
            open_ = set(wanted)
            for rule in chain.rules:
                towards = _towards(rule, table) & open_ if rule.matches else open_
                for name in _metering(rule, table):
                    passed[name] |= towards
                if _may_let_go(rule):
                    open_ -= towards if _by_address(rule) else open_
    for name, covered in passed.items():
        if covered >= wanted and name in table.quotas:
            quota = table.quotas[name]
            yield name, max(0, quota.limit - quota.used)


def _metering(rule: Rule, table: Table) -> list[str]:
    """Quotas of the chain that a rule jumps to, if all that it looks at is the destination."""
    word, _, name = rule.verdict.partition(" ")
    if word != "jump" or name not in table.chains or not _by_address(rule):
        return []
    dropping = (one.metered for one in _reached(table.chains[name]) if one.verdict == DROP)
    return [quota for quota in (one.removeprefix("quota ") for one in dropping) if quota in table.quotas]


def _reached(chain: Chain) -> Iterator[Rule]:
    """Rules that a packet with payload comes to: a jump for bare segments returns, an accept ends it."""
    for rule in chain.rules:
        if rule.verdict == ACCEPT and not rule.metered:
            return
        if not rule.matches or rule.metered:
            yield rule


def _by_address(rule: Rule) -> bool:
    return bool(rule.matches) and all(one.left in _TO and one.op == "==" for one in rule.matches)


def _may_let_go(rule: Rule) -> bool:
    if any(one.left in _LOOPBACK and one.right == ("lo",) for one in rule.matches):
        return False
    return rule.verdict == ACCEPT or bool(rule.unknown) or rule.verdict.startswith("goto ")


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
    data = artefact.text.encode("utf-8", "surrogatepass")
    try:
        found = (json if artefact.text.lstrip()[:1] == "{" else text).read(data)
    except InputError:
        return None
    return next((table for table in found.tables if table.ours), None)
