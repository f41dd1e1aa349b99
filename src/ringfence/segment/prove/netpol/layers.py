"""What the policies of one direction leave open, for one subject towards all peers at once.

Three layers are asked in turn (network-policy-api, "Tiers"): cluster-wide policies of the Admin tier, namespaced
policies, cluster-wide policies of the Baseline tier. A partition {ports: peers} is cut further by every rule, so
the work grows with the number of distinct outcomes, not of peers.
"""

from collections.abc import Iterable, Iterator

from ringfence.segment.prove.netpol.ports import ALL, NONE, Ports, ports
from ringfence.segment.prove.netpol.world import Bits, World
from ringfence.wire.netpol.values import AdminPolicy, ContainerPort, Policy, Port, Rule

Outcome = dict[Ports, Bits]
"""A partition of the peers by what is open towards (or from) them."""

_Piece = tuple[Bits, Ports, str]


class Subject:
    """A pod under policies: those that touch it in one direction, and, for ingress, the ports it names."""

    def __init__(
        self, admin: Iterable[AdminPolicy], policies: Iterable[Policy], named: tuple[ContainerPort, ...] | None
    ) -> None:
        self.admin = tuple(admin)
        self.policies = tuple(policies)
        self.named = named

    def outcome(self, world: World, inward: bool) -> Outcome:
        """What is open between the subject and each peer in this direction."""
        everyone = world.everyone(inward)
        above = _decided(self._pieces(world, inward, False), everyone)
        below = self._namespaced(world, inward, everyone) if self.policies else self._baseline(world, inward, everyone)
        found: Outcome = {}
        for (allowed, left), bits in above.items():
            for lower, others in below.items():
                if both := bits & others:
                    open_ = allowed | (left & lower)
                    found[open_] = found.get(open_, 0) | both
        return found

    def _namespaced(self, world: World, inward: bool, everyone: Bits) -> Outcome:
        found: Outcome = {NONE: everyone}
        for policy in self.policies:
            for rule in (policy.ingress if inward else policy.egress) or ():
                for bits, open_, _ in _resolved(world, rule, policy.namespace, inward, self.named):
                    found = _widened(found, bits, open_)
        return found

    def _baseline(self, world: World, inward: bool, everyone: Bits) -> Outcome:
        found: Outcome = {}
        for (allowed, left), bits in _decided(self._pieces(world, inward, True), everyone).items():
            open_ = allowed | left
            found[open_] = found.get(open_, 0) | bits
        return found

    def _pieces(self, world: World, inward: bool, baseline: bool) -> Iterator[_Piece]:
        for policy in self.admin:
            if policy.baseline == baseline:
                for rule in policy.ingress if inward else policy.egress:
                    yield from _resolved(world, rule, "", inward, self.named)


def _widened(found: Outcome, bits: Bits, open_: Ports) -> Outcome:
    wider: Outcome = {}
    for before, peers in found.items():
        if inside := peers & bits:
            both = before | open_
            wider[both] = wider.get(both, 0) | inside
        if outside := peers & ~bits:
            wider[before] = wider.get(before, 0) | outside
    return wider


def _decided(pieces: Iterable[_Piece], everyone: Bits) -> dict[tuple[Ports, Ports], Bits]:
    """{(allowed, left to the next layer): peers}. The first rule that matches a port decides it."""
    states: dict[tuple[Ports, Ports, Ports], Bits] = {(NONE, ALL, NONE): everyone}  # allowed, pending, passed
    for bits, touched, action in pieces:
        after: dict[tuple[Ports, Ports, Ports], Bits] = {}
        for state, peers in states.items():
            allowed, pending, passed = state
            if inside := peers & bits:
                taken = pending & touched
                new = (
                    allowed | taken if action == "allow" else allowed,
                    pending - taken,
                    passed | taken if action == "pass" else passed,
                )
                after[new] = after.get(new, 0) | inside
            if outside := peers & ~bits:
                after[state] = after.get(state, 0) | outside
        states = after
    found: dict[tuple[Ports, Ports], Bits] = {}
    for (allowed, pending, passed), peers in states.items():
        key = (allowed, pending | passed)
        found[key] = found.get(key, 0) | peers
    return found


def _resolved(
    world: World, rule: Rule, own: str, inward: bool, named: tuple[ContainerPort, ...] | None
) -> Iterator[_Piece]:
    """A rule as (peers, ports, action); names of ports are looked up in the containers of the target."""
    bits = world.rule(rule, own, inward)
    if not bits:
        return
    if rule.ports is None:
        yield bits, ALL, rule.action
    elif inward:
        yield bits, _numbered(rule.ports, named or ()), rule.action
    elif any(port.name for port in rule.ports):
        for its, having in world.by_ports.items():
            if here := bits & having:
                yield here, _numbered(rule.ports, its), rule.action
        if beyond := bits & ~world.pods:  # an address names no port
            yield beyond, _numbered(rule.ports, ()), rule.action
    else:
        yield bits, _numbered(rule.ports, ()), rule.action


def _numbered(asked: Iterable[Port], named: tuple[ContainerPort, ...]) -> Ports:
    return ports(one for port in asked for one in _numbers(port, named))


def _numbers(port: Port, named: tuple[ContainerPort, ...]) -> Iterator[tuple[str, int, int]]:
    if not port.name:
        yield port.protocol, port.low, port.high
        return
    found = next((one for one in named if one.name == port.name), None)
    if found is not None and port.protocol in ("", found.protocol):
        yield found.protocol, found.number, found.number
