"""The verdict on a plane that ends at NVLink domains: each domain is judged by itself, most of them by equality."""

from collections.abc import Mapping, Sequence

import numpy as np

from ringfence.segment.cliques import Domain, Pair
from ringfence.segment.model import Allow, Difference, Group, Policy, Proof, Residual
from ringfence.segment.prove.verdict import Names, verdict
from ringfence.segment.relation import Block
from ringfence.segment.what import What


def judged(
    policy: Policy,
    plane: str,
    target: str,
    domains: Sequence[Domain],
    found: Mapping[str, Sequence[Pair]],
    residuals: Sequence[Residual],
    covers: str,
) -> Proof:
    """`found`: domain → the pairs of sets that talk. Pairs in different domains cannot talk, and are not judged."""
    told = tuple(sorted(one for one in residuals if one.plane == plane))
    free = _free(policy, plane, told, domains)
    pairs = open_pairs = 0
    differences: list[Difference] = []
    for domain in domains:
        here = [pair for pair in found.get(domain.name, ()) if len(pair[0] | pair[1]) > 1]
        quick = _quick(domain, here, free)
        if quick is None:
            proof = _slow(policy, plane, target, domain, here, told)
            pairs, open_pairs = pairs + proof.pairs, open_pairs + proof.open_pairs
            differences += proof.differences
        else:
            pairs, open_pairs = pairs + quick[0], open_pairs + quick[1]
    return Proof(plane, target, pairs, tuple(sorted(differences, reverse=True)), told, open_pairs, covers)


def _free(policy: Policy, plane: str, told: Sequence[Residual], domains: Sequence[Domain]) -> frozenset[str]:
    """Endpoints that everyone is told to reach."""
    ends = {one.target for one in told if one.source == "*"}
    if "*" in ends:
        return frozenset(one for domain in domains for one in domain.members)
    grouped = {one for name in ends & policy.groups.keys() for one in policy.groups[name].on(plane)}
    return frozenset(ends | grouped)


def _quick(domain: Domain, found: Sequence[Pair], free: frozenset[str]) -> tuple[int, int] | None:
    """(pairs meant, pairs open but told) where that is plain to see: found as meant, or open throughout and told."""
    meant = domain.simple
    if meant is None:
        return None
    count = sum(len(one) * (len(one) - 1) for one in meant)
    if all(one == other for one, other in found) and {one for one, _ in found} == set(meant):
        return count, 0
    everyone = (domain.members, domain.members)
    if list(found) == [everyone] and domain.members <= free:
        return count, len(domain.members) * (len(domain.members) - 1) - count
    return None


def _slow(
    policy: Policy, plane: str, target: str, domain: Domain, found: Sequence[Pair], told: Sequence[Residual]
) -> Proof:
    groups = {name: _cut(group, plane, domain) for name, group in policy.groups.items()}
    groups = {name: group for name, group in groups.items() if group.on(plane)}
    allows: tuple[Allow, ...] = tuple(one for one in policy.on(plane) if one.source in groups and one.target in groups)
    names = Names(Policy(groups, allows), plane, sorted(domain.members))
    blocks = [Block(names.numbers(one), names.numbers(other), What("any")) for one, other in found]
    blocks = blocks or [Block(np.zeros(0, np.int64), np.zeros(0, np.int64), What("any"))]
    return verdict(names, target, [blocks], told)


def _cut(group: Group, plane: str, domain: Domain) -> Group:
    here = tuple(one for one in group.on(plane) if one in domain.members)
    return Group(group.name, group.kind, group.tenant, {plane: here})
