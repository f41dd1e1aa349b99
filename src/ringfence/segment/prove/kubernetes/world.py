"""Peers of a large cluster: pods that no selector tells apart are one, and selectors are looked up in an index."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import numpy as np

from ringfence.segment.prove.netpol.intervals import Interval
from ringfence.segment.prove.netpol.resources import Resources
from ringfence.segment.prove.netpol.world import CONTROLLER, Bits, World
from ringfence.segment.relation import Ints
from ringfence.wire.netpol.values import AdminPolicy, Block, Peer, Policy, Rule, Selector


class Indexed(World):
    """A `World` whose outside is also cut at `borders`; without `borders` nothing is outside."""

    def __init__(self, cluster: Resources, borders: Iterable[Interval] | None) -> None:
        peers = (*cluster.workloads, CONTROLLER)
        if borders is None:
            super().__init__(cluster, peers, {})
        else:
            super().__init__(_cut(cluster, borders), peers)
        self._with: dict[tuple[str, str], Bits] = {}
        for at, workload in enumerate(self.workloads):
            for pair in workload.labels.items():
                self._with[pair] = self._with.get(pair, 0) | 1 << at
        self._of: dict[tuple[str, str], list[str]] = {}
        for name in self.inside:
            for pair in self.labels[name].items():
                self._of.setdefault(pair, []).append(name)

    def _with_labels(self, selector: Selector) -> Bits:
        first = _listed(selector)
        if first is None:
            return super()._with_labels(selector)
        if len(selector.requirements) == 1:
            key, values = first
            found = 0
            for value in values:
                found |= self._with.get((key, value), 0)
            return found
        candidates = 0
        for value in first[1]:
            candidates |= self._with.get((first[0], value), 0)
        return sum(1 << at for at in numbers(candidates).tolist() if selector.matches(self.workloads[at].labels))

    def _in_namespaces(self, selector: Selector) -> Bits:
        first = _listed(selector)
        names = self.inside if first is None else [n for value in first[1] for n in self._of.get((first[0], value), ())]
        found = 0
        for name in names:
            if selector.matches(self.labels[name]):
                found |= self.inside[name]
        return found


def _cut(cluster: Resources, borders: Iterable[Interval]) -> Resources:
    """The same cluster with one more policy, of no pod, that names all borders and blocks in both directions."""
    named = Peer(blocks=(*blocks(cluster), *map(Block, borders)))
    rules = (Rule((named,)),) if named.blocks else ()
    none = Policy("", "borders", Selector(), rules, rules)
    return msgspec.structs.replace(cluster, policies=(*cluster.policies, none))


def _listed(selector: Selector) -> tuple[str, frozenset[str]] | None:
    """The first requirement that lists values, as (key, values)."""
    for one in selector.requirements:
        if one.operator == "In":
            return one.key, one.values
    return None


def numbers(bits: Bits) -> Ints:
    """The numbers whose bits are set, ascending."""
    data = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(data, bitorder="little")).astype(np.int64)


def blocks(cluster: Resources) -> Iterator[Block]:
    """Every address block that a policy of the first interfaces names."""
    for peer in peers(cluster):
        yield from peer.blocks


def peers(cluster: Resources) -> Iterator[Peer]:
    """Every peer of every rule."""
    every: list[Policy | AdminPolicy] = [*cluster.policies, *cluster.admin]
    for one in every:
        for rule in (*(one.ingress or ()), *(one.egress or ())):
            yield from rule.peers or ()


def asked(cluster: Resources) -> frozenset[str]:
    """Keys of labels of pods that some selector asks for."""
    chosen = [one.pods for one in cluster.policies]
    chosen += [peer.pods for peer in (*peers(cluster), *(one.subject for one in cluster.admin)) if peer.pods]
    return frozenset(one.key for selector in chosen for one in selector.requirements)


def told(labels: Mapping[str, str], keys: frozenset[str]) -> dict[str, str]:
    """Those labels that matter."""
    return {key: labels[key] for key in sorted(keys & labels.keys())}
