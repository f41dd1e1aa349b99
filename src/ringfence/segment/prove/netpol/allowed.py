"""Who may connect to whom, on every network.

A connection is possible where the source's egress and the target's ingress both leave it open, and where both stand
on one network: the pod network, a primary user-defined network (which shuts its namespaces off from all others), or
a secondary one, where only MultiNetworkPolicies count. Connections of a workload with itself are left out, and so
are those between two addresses.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address

import msgspec

from ringfence.segment.prove.netpol import gates
from ringfence.segment.prove.netpol.layers import Outcome
from ringfence.segment.prove.netpol.outcomes import let_in, outcomes, ranked
from ringfence.segment.prove.netpol.ports import NONE, Ports
from ringfence.segment.prove.netpol.resources import POD_NETWORK, Network, Resources, merged, primary_networks
from ringfence.segment.prove.netpol.world import CONTROLLER, Bits, World, members
from ringfence.wire.netpol.values import Workload


class Flow(msgspec.Struct, frozen=True):
    """`source` may open connections to `target` on `ports`. Both are names as they are shown."""

    network: Network
    source: str
    target: str
    ports: Ports


class Standing(msgspec.Struct, frozen=True):
    """The networks that one workload stands on: its first, and the names of the others."""

    primary: Network
    secondary: tuple[str, ...] = ()


class Allowed(msgspec.Struct, frozen=True):
    """All flows, in no order; where each workload stands; and what was ignored on the way."""

    flows: tuple[Flow, ...]
    standing: dict[str, Standing]
    notes: tuple[str, ...] = ()


def allowed(cluster: Resources) -> Allowed:
    """Every connection that the cluster's policies leave open, and no other.

    Raises `InputError` where the objects contradict one another, so that no answer can be trusted.
    """
    notes: list[str] = []
    primary = primary_networks(cluster, notes)
    world = World(cluster, (*merged(cluster), CONTROLLER))
    standing = [_standing(one, primary) for one in world.workloads]
    flows = [*_on_primary(world, standing, notes), *_on_secondary(world)]
    named = {str(one): standing[at] for at, one in enumerate(world.workloads) if at != world.controller}
    return Allowed(tuple(flows), named, tuple(dict.fromkeys(notes)))


def _standing(workload: Workload, primary: dict[str, Network]) -> Standing:
    secondary = tuple(sorted({one.network for one in workload.attachments}))
    return Standing(primary.get(workload.namespace, POD_NETWORK), secondary)


def _on_primary(world: World, standing: list[Standing], notes: list[str]) -> Iterator[Flow]:
    admin = ranked(world.cluster.admin)
    policies = [one for one in world.cluster.policies if one.networks is None]
    egress = outcomes(world, admin, policies, inward=False)
    ingress = outcomes(world, admin, policies, inward=True)
    names = [_shown(one, standing[at].primary) for at, one in enumerate(world.workloads)]
    together: dict[Network, Bits] = {}
    for at, one in enumerate(standing):
        if at != world.controller:
            together[one.primary] = together.get(one.primary, 0) | 1 << at
    inward = let_in(world, ingress)
    for at, one in enumerate(standing):
        if at != world.controller:
            yield from _from(world, at, one.primary, together[one.primary], egress[at], inward[at], names)
            yield from _outside(world, at, one.primary, egress[at], ingress[at], names)
    if world.cluster.gates:
        yield from _through_gates(world, standing, egress[world.controller], ingress, names, notes)


def _from(
    world: World, at: int, network: Network, together: Bits, egress: Outcome, inward: Outcome, names: list[str]
) -> Iterator[Flow]:
    reachable = together & ~(1 << at) & world.pods
    for out, towards in egress.items():
        if not out:
            continue
        for into, targets in inward.items():
            both = reachable & towards & targets
            if both and (open_ := out & into):
                for target in members(both):
                    yield Flow(network, names[at], names[target], open_)


def _outside(
    world: World, at: int, network: Network, egress: Outcome, ingress: Outcome, names: list[str]
) -> Iterator[Flow]:
    for outcome, inward in ((egress, False), (ingress, True)):
        ranges = world.ranges[inward]
        for open_, peers in outcome.items():
            for number in members(peers >> world.first_range) if open_ else ():
                outside = _external(ranges[number])
                source, target = (outside, names[at]) if inward else (names[at], outside)
                yield Flow(network, source, target, open_)


def _through_gates(
    world: World,
    standing: list[Standing],
    egress: Outcome,
    ingress: list[Outcome],
    names: list[str],
    notes: list[str],
) -> Iterator[Flow]:
    for at, led in sorted(gates.led_to(world, notes).items()):
        open_ = led & _towards(egress, at) & _towards(ingress[at], world.controller)
        if open_:
            yield Flow(standing[at].primary, "{ingress-controller}", names[at], open_)
        elif led:
            notes.append(gates.blocked(world.cluster.gates, world.workloads[at]))


def _towards(outcome: Outcome, at: int) -> Ports:
    return next((ports for ports, peers in outcome.items() if peers >> at & 1), NONE)


def _on_secondary(world: World) -> Iterator[Flow]:
    """Networks of NetworkAttachmentDefinitions: flat, and judged by MultiNetworkPolicies alone."""
    defined: dict[str, set[str]] = {}
    for one in world.cluster.definitions:
        defined.setdefault(one.name, set()).add(one.namespace)
    names = [str(one) for one in world.workloads]
    for name, namespaces in sorted(defined.items()):
        joined: dict[int, frozenset[int]] = {}
        for at, workload in enumerate(world.workloads):
            mine = [one for one in workload.attachments if one.network == name and one.namespace in namespaces]
            if mine:
                joined[at] = frozenset(address for one in mine for address in one.addresses)
        wanted = {(namespace, name) for namespace in namespaces}
        policies = [one for one in world.cluster.policies if one.networks and wanted.intersection(one.networks)]
        view = World(world.cluster, world.workloads, joined)
        together = sum(1 << at for at in joined)
        egress = outcomes(view, [], policies, inward=False)
        inward = let_in(view, outcomes(view, [], policies, inward=True))
        for at in joined:
            yield from _from(view, at, Network("NAD", name), together, egress[at], inward[at], names)


def _shown(workload: Workload, network: Network) -> str:
    if network.kind == "UDN":
        return f"{workload.namespace}[udn]/{workload.name}[{workload.kind}]"
    return str(workload)


def _external(addresses: tuple[int, int]) -> str:
    return f"{IPv4Address(addresses[0])}-{IPv4Address(addresses[1])}[External]"
