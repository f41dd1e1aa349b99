"""Random small policies, for comparing what is derived by classes with what is listed pair by pair."""

import random

from ringfence.segment.model import Allow, Group, Policy

TENANTS = ("", "red", "blue", "green")


def small_policy(
    chance: random.Random, plane: str, ends: list[str], whats: tuple[str, ...] = ("any",), most_groups: int = 5
) -> Policy:
    """A policy on one plane: a few groups of these endpoints, a few rules between them."""
    groups = {}
    for number in range(chance.randint(1, most_groups)):
        tenant = chance.choice(TENANTS)
        members = tuple(sorted(chance.sample(ends, chance.randint(0, min(4, len(ends))))))
        groups[f"g{number}"] = Group(f"g{number}", "gang" if tenant else "service", tenant, {plane: members})
    names = list(groups)
    rules = {
        (chance.choice(names), chance.choice(names), chance.choice(whats))
        for _ in range(chance.randint(0, 2 * len(names)))
    }
    return Policy(groups, tuple(sorted(Allow(source, target, plane, what, "drawn") for source, target, what in rules)))


def pairs(policy: Policy, plane: str) -> set[tuple[str, str, str]]:
    """(source, target, what) endpoint pairs that a policy allows, by the definition of `Allow`."""
    return {
        (source, target, allow.what)
        for allow in policy.on(plane)
        for source in policy.groups[allow.source].on(plane)
        for target in policy.groups[allow.target].on(plane)
        if source != target
    }
