"""The policy of one plane, turned to those who enforce it: by endpoint, with equal ones together."""

from collections.abc import Mapping

from ringfence.segment.model import Policy

Rules = tuple[tuple[str, str], ...]
"""(group of sources, what), sorted: all that may reach an endpoint."""


def by_target(policy: Policy, plane: str, kind: str) -> dict[Rules, tuple[str, ...]]:
    """Endpoints that begin with `kind` by who may reach them; what nobody may reach stands under ().

    Groups are few and endpoints many: rules are made per group, and per endpoint only where it is in several.
    """
    into: dict[str, set[tuple[str, str]]] = {}
    for allow in policy.on(plane):
        into.setdefault(allow.target, set()).add((allow.source, allow.what))
    of_group: dict[str, Rules] = {name: tuple(sorted(into.get(name, ()))) for name in policy.groups}
    rules: dict[str, Rules] = {}
    for name, group in policy.groups.items():
        mine = of_group[name]
        for endpoint in group.on(plane):
            if endpoint.startswith(kind):
                before = rules.get(endpoint, mine)
                rules[endpoint] = mine if before == mine else tuple(sorted({*before, *mine}))
    return turned(rules)


def turned(rules: Mapping[str, Rules]) -> dict[Rules, tuple[str, ...]]:
    """Endpoint → rules, turned to rules → endpoints, all sorted."""
    found: dict[Rules, list[str]] = {}
    for endpoint in sorted(rules):
        found.setdefault(rules[endpoint], []).append(endpoint)
    return {key: tuple(found[key]) for key in sorted(found)}


def sources(policy: Policy, plane: str, rules: Rules, kind: str) -> tuple[str, ...]:
    """Every endpoint that begins with `kind` in the groups that `rules` let in, sorted, none twice."""
    found = {one for group, _ in rules if group in policy.groups for one in policy.groups[group].on(plane)}
    return tuple(sorted(one for one in found if one.startswith(kind)))


def by_peers(policy: Policy, plane: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """On a symmetric plane: groups that may be reached, sorted → the endpoints that may reach exactly these."""
    peers: dict[str, set[str]] = {name: set() for name in policy.groups}
    for allow in policy.on(plane):
        peers.setdefault(allow.source, set()).add(allow.target)
        peers.setdefault(allow.target, set()).add(allow.source)
    of_endpoint: dict[str, set[str]] = {}
    for name, group in policy.groups.items():
        for endpoint in group.on(plane):
            before = of_endpoint.get(endpoint)
            of_endpoint[endpoint] = peers[name] if before is None else before | peers[name]
    found: dict[tuple[str, ...], list[str]] = {}
    for endpoint, names in of_endpoint.items():
        found.setdefault(tuple(sorted(names)), []).append(endpoint)
    return {key: tuple(sorted(found[key])) for key in sorted(found)}
