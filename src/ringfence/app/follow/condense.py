"""A cluster of ten thousand hosts as a few hosts see it: those who are alike to them become one.

What a host's rules say of others depends on the groups these are in and on their addresses, never on who they are.
So endpoints elsewhere that are in the same groups stand as one endpoint that has all their addresses, and those whom
these hosts may never meet are left out: the rules of the hosts in question come out the same to the byte, and proving
them takes a few endpoints instead of all. A rule that named one of those left out would be a leak to a stranger.
"""

from collections.abc import Collection, Iterable

import msgspec

from ringfence.segment.address import host_of, located
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Group, Policy

PREFIX = "host:(others)-"
"""Names no host: `ids.host` never writes a bracket."""


def condensed(policy: Policy, plane: str, inventory: Inventory, hosts: Collection[str]) -> tuple[Policy, Inventory]:
    """The policy and inventory of one plane, with one endpoint for all that are alike and on none of these hosts."""
    near = frozenset(hosts)
    met = _met(policy, plane, near)
    alike: dict[int, list[str]] = {}
    gone = set()
    for end, groups in _membership(policy, plane).items():
        host = host_of(end)
        if host and host not in near:
            gone.add(end)
            if groups & met:
                alike.setdefault(groups, []).append(end)
    name_of: dict[int, str] = {groups: f"{PREFIX}{at}" for at, groups in enumerate(sorted(alike))}
    where = {name_of[groups]: _together(ends, inventory) for groups, ends in alike.items()}
    groups_of = {
        name: [other for mask, other in name_of.items() if mask >> at & 1] for at, name in enumerate(policy.groups)
    }
    kept = {
        name: Group(
            name, group.kind, group.tenant, {plane: _members(group.on(plane), gone, groups_of[name])}, group.why
        )
        for name, group in policy.groups.items()
    }
    here = {end: located(inventory.addresses, end) for group in kept.values() for end in group.on(plane)}
    addresses = {end: tuple(found) for end, found in here.items() if found and end not in where}
    known = msgspec.structs.replace(inventory, addresses=addresses | where)
    return Policy(kept, policy.allows, policy.budgets), known


def _met(policy: Policy, plane: str, near: Collection[str]) -> int:
    """The groups, as bits, whose members these hosts may meet."""
    own = {name for name, group in policy.groups.items() if any(host_of(end) in near for end in group.on(plane))}
    peers = {one.target for one in policy.allows if one.source in own}
    peers |= {one.source for one in policy.allows if one.target in own}
    peers |= {one for budget in policy.budgets for one in (*budget.destinations, *(it.group for it in budget.spared))}
    return sum(1 << at for at, name in enumerate(policy.groups) if name in peers)


def _membership(policy: Policy, plane: str) -> dict[str, int]:
    """Endpoint → the groups that it is in, as bits in their order."""
    found: dict[str, int] = {}
    for at, group in enumerate(policy.groups.values()):
        bit = 1 << at
        for end in group.on(plane):
            found[end] = found.get(end, 0) | bit
    return found


def _together(ends: Iterable[str], inventory: Inventory) -> tuple[str, ...]:
    """Every address as it is: which of them could be written as one network is the writer's to say."""
    return tuple(sorted({text for end in ends for text in located(inventory.addresses, end)}))


def _members(ends: tuple[str, ...], gone: Collection[str], instead: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*(end for end in ends if end not in gone), *instead}))
