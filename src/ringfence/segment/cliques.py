"""Symmetric planes that end at an NVLink domain: the policy domain by domain, as sets whose members all talk.

Partitions and channels join everyone in them with everyone. An allow of a group with itself is such a set; an allow of
two groups becomes the set of both, and the pairs within each that nobody meant are told as residuals.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from ringfence.segment.model import Policy, Residual

Members = frozenset[str]
Pair = tuple[Members, Members]
"""Everyone of the first with everyone of the second; a clique where both are the same."""


class Domain(msgspec.Struct, frozen=True):
    """One NVLink domain: its endpoints, and what the policy allows between them."""

    name: str
    members: Members
    meant: tuple[Pair, ...]

    @property
    def simple(self) -> tuple[Members, ...] | None:
        """The cliques, where they are all that is meant and none shares a member with another; else None."""
        sets = {one for one, other in self.meant if one == other and len(one) > 1}
        pairs = [pair for pair in self.meant if len(pair[0] | pair[1]) > 1]
        if any(one != other for one, other in pairs) or sum(map(len, sets)) != len(frozenset[str]().union(*sets)):
            return None
        return tuple(sets)

    def allowed(self, one: str, other: str) -> bool:
        """Whether the policy lets these two talk."""
        return any((one in a and other in b) or (one in b and other in a) for a, b in self.meant)


def by_domain(policy: Policy, plane: str, domains: Mapping[str, Iterable[str]]) -> list[Domain]:
    """Every domain by name, with the policy's allows cut to it. What crosses domains is no NVLink and left out."""
    home = {endpoint: name for name, members in domains.items() for endpoint in members}
    of_group: dict[str, dict[str, list[str]]] = {}
    members: dict[str, list[str]] = {name: [] for name in domains}
    for group in policy.groups.values():
        mine = of_group.setdefault(group.name, {})
        for endpoint in group.on(plane):
            if endpoint in home:
                mine.setdefault(home[endpoint], []).append(endpoint)
    for endpoint, name in home.items():
        members[name].append(endpoint)
    meant: dict[str, list[Pair]] = {name: [] for name in domains}
    for allow in policy.on(plane):
        targets = of_group.get(allow.target, {})
        for name, here in of_group.get(allow.source, {}).items():
            if name in targets:
                meant[name].append((frozenset(here), frozenset(targets[name])))
    return [Domain(name, frozenset(members[name]), tuple(meant[name])) for name in sorted(domains)]


def joined(domain: Domain) -> list[tuple[str, ...]]:
    """The sets of two and more that have to be one each, sorted: those that share a member made one."""
    simple = domain.simple
    if simple is not None:
        return sorted(tuple(sorted(one)) for one in simple)
    found: list[set[str]] = []
    for one, other in domain.meant:
        fresh = set(one | other) if one and other else set()
        apart = [each for each in found if each.isdisjoint(fresh)]
        found = [*apart, fresh.union(*(each for each in found if not each.isdisjoint(fresh)))]
    return sorted(tuple(sorted(one)) for one in found if len(one) > 1)


def surplus(
    domain: Domain, sets: Iterable[Collection[str]], plane: str, target: str, why: str, remedy: str
) -> list[Residual]:
    """Pairs that a set joins and the policy does not."""
    exact = set(domain.simple or ())
    return [
        Residual(plane, target, one, other, 1, why, remedy)
        for each in sets
        if frozenset(each) not in exact
        for one, other in combinations(sorted(each), 2)
        if not domain.allowed(one, other)
    ]


def open_residuals(
    domains: Sequence[Domain], policy: Policy, plane: str, target: str, why: str, remedy: str
) -> list[Residual]:
    """Domains that nobody guards: their endpoints, by groups that lie wholly in them; `*` if all groups do."""
    bare = {one for domain in domains if len(domain.members) > 1 for one in domain.members}
    known = [group.on(plane) for group in policy.groups.values()]
    names = {group.name for group in policy.groups.values() if group.on(plane) and bare.issuperset(group.on(plane))}
    whole = {one for name in names for one in policy.groups[name].on(plane)}
    if bare and bare.issuperset(one for members in known for one in members):
        names, whole = {"*"}, bare
    return [Residual(plane, target, "*", one, -1, why, remedy) for one in sorted(names | (bare - whole))]
