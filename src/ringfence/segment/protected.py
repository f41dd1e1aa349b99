"""Which pairs of hosts are to be encrypted between: those that a gang's own allows join."""

from ringfence.segment.address import first
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy

Pairs = frozenset[tuple[str, str]]


def protected(policy: Policy, inventory: Inventory, hosts: frozenset[str]) -> Pairs:
    """Ordered pairs, both ways, of these hosts in gangs that the `ip` plane lets talk, if both have an address."""
    able = {group.name: _able(group.on("ip"), inventory, hosts) for group in policy.groups.values()}
    found: set[tuple[str, str]] = set()
    for source, target in {(one.source, one.target) for one in policy.on("ip")}:
        if policy.groups[source].kind == policy.groups[target].kind == "gang":
            for one in able[source]:
                for other in able[target]:
                    if one != other:
                        found.add((one, other))
                        found.add((other, one))
    return frozenset(found)


def _able(members: tuple[str, ...], inventory: Inventory, hosts: frozenset[str]) -> list[str]:
    return [one for one in members if one in hosts and first(inventory.addresses.get(one, ()))]
