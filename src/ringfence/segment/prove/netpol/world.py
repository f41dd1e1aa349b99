"""Peers as bits: workloads first, then the ingress controller, then the address ranges.

A set of peers is a whole number with one bit for each, so a rule over thousands of workloads is one `&`.
Addresses outside the cluster are cut where some policy cuts them, once for those that connect in (bits beyond the
workloads when judging ingress) and once for those connected to (when judging egress).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from ringfence.segment.prove.netpol import intervals
from ringfence.segment.prove.netpol.intervals import Interval, Intervals
from ringfence.segment.prove.netpol.resources import NAME_LABEL, Resources, labelled
from ringfence.wire.netpol.values import AdminPolicy, Block, ContainerPort, Peer, Policy, Rule, Selector, Workload

ADDRESSES: Interval = (0, 0xFFFFFFFF)
CONTROLLER = Workload("ingress-controller-ns", "ingress-controller")
"""Stands for the controller behind Ingress and Route: a pod without labels in a namespace of its own."""

Bits = int
_Key = TypeVar("_Key")


def members(bits: Bits) -> Iterator[int]:
    """The numbers whose bits are set, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def without(block: Block) -> Intervals:
    """The addresses of a block, its exceptions taken out."""
    return intervals.difference((block.range,), intervals.union(block.excepted))


class World:
    """The peers of one cluster. Sets of them are asked for often, and remembered.

    `workloads` ends with the controller. With `addresses` (workload number: its addresses) it is the view of a
    secondary network: nothing is outside, and an address block means the workloads that have an address in it.
    """

    def __init__(
        self,
        cluster: Resources,
        workloads: tuple[Workload, ...],
        addresses: Mapping[int, frozenset[int]] | None = None,
    ) -> None:
        self.cluster = cluster
        self.addresses = addresses
        self.workloads = workloads
        self.controller = len(workloads) - 1
        self.first_range = len(workloads)
        outside = addresses is None
        self.ranges = {inward: _cut(cluster, inward) if outside else () for inward in (True, False)}
        self._lows = {inward: [low for low, _ in ranges] for inward, ranges in self.ranges.items()}
        self._pods: dict[Selector, Bits] = {}
        self._namespaces: dict[Selector, Bits] = {}
        self._blocks: dict[tuple[Block, bool], Bits] = {}

    @cached_property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """Labels by namespace."""
        return {CONTROLLER.namespace: {NAME_LABEL: CONTROLLER.namespace}, **labelled(self.cluster)}

    @cached_property
    def inside(self) -> dict[str, Bits]:
        """Workloads by namespace."""
        found: dict[str, Bits] = {}
        for at, workload in enumerate(self.workloads):
            found[workload.namespace] = found.get(workload.namespace, 0) | 1 << at
        return found

    @cached_property
    def by_ports(self) -> dict[tuple[ContainerPort, ...], Bits]:
        """Workloads by the ports that their containers name."""
        found: dict[tuple[ContainerPort, ...], Bits] = {}
        for at, workload in enumerate(self.workloads):
            found[workload.ports] = found.get(workload.ports, 0) | 1 << at
        return found

    @property
    def pods(self) -> Bits:
        """All workloads, the controller included."""
        return (1 << self.first_range) - 1

    def everyone(self, inward: bool) -> Bits:
        """All workloads and all address ranges of that direction."""
        return (1 << (self.first_range + len(self.ranges[inward]))) - 1

    def selected(self, selector: Selector | None, namespaces: Selector | None, own: str = "") -> Bits:
        """Workloads by pod labels, in namespaces by theirs (None: in `own`)."""
        if namespaces is None:
            found = self.inside.get(own, 0)
        else:
            found = _remembered(self._namespaces, namespaces, self._in_namespaces)
        if selector is not None and selector.requirements:
            found &= _remembered(self._pods, selector, self._with_labels)
        return found

    def peer(self, peer: Peer, own: str, inward: bool) -> Bits:
        """The peers that a rule of a policy in the namespace `own` speaks of."""
        if not peer.blocks:
            return self.selected(peer.pods, peer.namespaces, own)
        found = 0
        for block in peer.blocks:
            found |= _remembered(self._blocks, (block, inward), self._in_block)
        return found

    def rule(self, rule: Rule, own: str, inward: bool) -> Bits:
        """The peers of a whole rule."""
        if rule.peers is None:
            return self.everyone(inward)
        found = 0
        for peer in rule.peers:
            found |= self.peer(peer, own, inward)
        return found

    def _in_namespaces(self, selector: Selector) -> Bits:
        found = 0
        for namespace, bits in self.inside.items():
            if selector.matches(self.labels[namespace]):
                found |= bits
        return found

    def _with_labels(self, selector: Selector) -> Bits:
        return sum(1 << at for at, workload in enumerate(self.workloads) if selector.matches(workload.labels))

    def _in_block(self, key: tuple[Block, bool]) -> Bits:
        block, inward = key
        held = without(block)
        if self.addresses is not None:
            mine = self.addresses.items()
            return sum(1 << at for at, its in mine if any(low <= one <= high for low, high in held for one in its))
        found, lows = 0, self._lows[inward]
        for low, high in held:  # every border of a block is a border of a range
            first, after = bisect_left(lows, low), bisect_right(lows, high)
            found |= ((1 << (after - first)) - 1) << (self.first_range + first)
        return found


def _remembered(known: dict[_Key, Bits], key: _Key, find: Callable[[_Key], Bits]) -> Bits:
    if key not in known:
        known[key] = find(key)
    return known[key]


def _cut(cluster: Resources, inward: bool) -> Intervals:
    """All addresses, cut at every border that a policy of this direction draws."""
    blocks = (part for block in _mentioned(cluster, inward) for part in without(block))
    return intervals.partition(ADDRESSES, blocks)


def _mentioned(cluster: Resources, inward: bool) -> Iterator[Block]:
    mine: list[Policy | AdminPolicy] = [*(one for one in cluster.policies if one.networks is None), *cluster.admin]
    for one in mine:
        for rule in (one.ingress if inward else one.egress) or ():
            for peer in rule.peers or ():
                yield from peer.blocks
