"""Which keys say a policy: allows between groups → the fewest *stars*.

        a key with full members F and limited members L opens  F x F  and  F x L,  never  L x L

        gang A ⇄ gang A                F = A                        one key
        A → storage, storage ⇄ itself  F = storage, L = all its clients together      one key, and no relay
        A → B, neither speaks with itself   one key for each port of the smaller side

Groups of one tenant and kind that speak with each other and with the same others are one. Each edge between two
groups goes to the end that may stand as full and has more to do (services first, then who has more neighbours), so
that what many share costs each of them one entry of its table, and the shared end one in all.
"""

from collections.abc import Iterator, Mapping

import msgspec

from ringfence.segment.model import Policy, Residual

SPLIT_MOST = 16
"""Ports of a group that get a key each; a larger group has one key, and its inner pairs are told as open."""

_RANK = {"service": 2, "role": 1}


class Star(msgspec.Struct, frozen=True):
    """One key to be: `full` and `limited` are endpoints, sorted, disjoint. `service`: what it is for is shared."""

    name: str
    full: tuple[str, ...]
    limited: tuple[str, ...]
    service: bool
    why: str


class _Node(msgspec.Struct):
    """Groups that are treated as one. `inner`: its members may speak with each other, or there is but one."""

    name: str
    members: frozenset[str]
    peers: set[str]
    itself: bool
    rank: int

    @property
    def inner(self) -> bool:
        return self.itself or len(self.members) < 2


def stars(policy: Policy, target: str) -> tuple[tuple[Star, ...], tuple[Residual, ...]]:
    """The keys that the `ib` plane of a policy needs, by name, and the pairs that they open beyond it."""
    nodes = _nodes(policy)
    clients = _clients(nodes)
    made: list[Star] = []
    left: list[Residual] = []
    for name, node in sorted(nodes.items()):
        limited = frozenset().union(*(nodes[peer].members for peer in clients.get(name, ())))
        if node.inner or len(node.members) <= SPLIT_MOST:
            hubs = _hubs(node)
        else:
            hubs = {name: node.members}
            if limited:
                left.append(_opened(name, node, target))
        for hub, full in hubs.items():
            rest = limited - full
            if len(full | rest) > 1 and (limited or node.itself):
                why = f"{name} with {len(clients.get(name, ()))} other group(s)"
                made.append(Star(hub, tuple(sorted(full)), tuple(sorted(rest)), node.rank > 0, why))
    return tuple(made), tuple(left)


def _nodes(policy: Policy) -> dict[str, _Node]:
    """Groups with ports, those merged that speak with each other and with exactly the same others."""
    members = {name: frozenset(found) for name, group in policy.groups.items() if (found := group.on("ib"))}
    peers: dict[str, set[str]] = {name: set() for name in members}
    for allow in policy.on("ib"):
        if allow.source in members and allow.target in members:
            peers[allow.source].add(allow.target)
            peers[allow.target].add(allow.source)
    twins: dict[tuple[frozenset[str], str, str] | str, list[str]] = {}
    for name in sorted(members):
        alike = (frozenset(peers[name]), policy.groups[name].kind, policy.groups[name].tenant)
        twins.setdefault(alike if name in peers[name] else name, []).append(name)
    leader = {name: together[0] for together in twins.values() for name in together}
    return {
        together[0]: _Node(
            together[0],
            frozenset().union(*(members[name] for name in together)),
            {leader[peer] for peer in peers[together[0]]} - {together[0]},
            together[0] in peers[together[0]],
            max(_RANK.get(policy.groups[name].kind, 0) for name in together),
        )
        for together in twins.values()
    }


def _clients(nodes: Mapping[str, _Node]) -> dict[str, list[str]]:
    """For each node that stands as full, those that stand as limited in its key."""
    found: dict[str, list[str]] = {}
    for name, node in sorted(nodes.items()):
        for peer in sorted(node.peers):
            if name < peer:
                hub, client = sorted((node, nodes[peer]), key=_order, reverse=True)
                found.setdefault(hub.name, []).append(client.name)
    return found


def _order(node: _Node) -> tuple[bool, int, int, int, str]:
    fewer = 0 if node.inner else -len(node.members)
    return node.inner, fewer, node.rank, len(node.peers), node.name


def _hubs(node: _Node) -> dict[str, frozenset[str]]:
    """Name of the key → its full members: all of them, or each alone where they may not speak with each other."""
    if node.inner:
        return {node.name: node.members}
    return {f"{node.name}#{at}": frozenset({port}) for at, port in enumerate(sorted(node.members))}


def _opened(name: str, node: _Node, target: str) -> Residual:
    count = len(node.members)
    return Residual(
        "ib",
        target,
        name,
        name,
        count * (count - 1),
        f"keys cannot let {count} ports speak with others and not with each other, but with a key for each",
        f"a group of at most {SPLIT_MOST} ports gets a key for each",
    )


def shared(policy: Policy, target: str) -> Iterator[Residual]:
    """Ports that carry several gangs: a process of one there can use the key of the other."""
    gangs: dict[str, list[str]] = {}
    for name, group in sorted(policy.groups.items()):
        if group.kind == "gang":
            for port in group.on("ib"):
                gangs.setdefault(port, []).append(name)
    for port, names in gangs.items():
        for name in names if len(names) > 1 else ():
            pairs = len(policy.groups[name].on("ib")) - 1
            why = f"the port serves {len(names)} compartments, and a port's table is one for all its processes"
            yield Residual("ib", target, port, name, pairs, why, "start such jobs on whole hosts, or a port for each")
