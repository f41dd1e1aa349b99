"""The two sides of every connection as blocks: what sources may open, and what targets let in."""

from collections.abc import Iterator

import numpy as np

from ringfence.segment.prove.kubernetes.scene import Scene
from ringfence.segment.prove.kubernetes.world import numbers
from ringfence.segment.prove.netpol.layers import Outcome
from ringfence.segment.prove.netpol.outcomes import outcomes, ranked
from ringfence.segment.prove.netpol.ports import ALL, Ports
from ringfence.segment.prove.netpol.world import Bits
from ringfence.segment.prove.verdict import Names
from ringfence.segment.relation import Block, Ints
from ringfence.segment.what import LAST, What
from ringfence.wire.netpol.values import PROTOCOLS


class Sides:
    """The blocks of one scene."""

    def __init__(self, scene: Scene, names: Names) -> None:
        self.scene, self._numbers = scene, names.numbers
        self._known: dict[Bits, Ints] = {}
        self._members = [names.numbers(ends) for ends in scene.behind()]
        self._outside = names.numbers(name for name in scene.outside if name)
        self._nodes = names.numbers(scene.on_node)
        self._pods = names.numbers(scene.here)
        self._everyone = names.of("*")
        self._between = list(_between(names, self._outside))

    def everything(self) -> list[Block]:
        """Where nothing is enforced: all that is not outside on both ends."""
        open_ = Block(self._pods, self._everyone, What("any")), Block(self._outside, self._pods, What("any"))
        return [*open_, *self._between]

    def sides(self) -> list[list[Block]]:
        """What egress leaves open, and what ingress does; a connection needs both."""
        return [list(self._side(inward=False)), list(self._side(inward=True))]

    def _side(self, *, inward: bool) -> Iterator[Block]:
        cluster = self.scene.world.cluster
        found = outcomes(self.scene.world, ranked(cluster.admin), list(cluster.policies), inward)
        alike: dict[int, tuple[Outcome, Bits]] = {}
        for at, outcome in enumerate(found):
            alike[id(outcome)] = (outcome, alike.get(id(outcome), (outcome, 0))[1] | 1 << at)
        for outcome, subjects in alike.values():
            for ports, peers in outcome.items():
                for kind in kinds(ports):
                    mine, others = self._of(subjects), self._of(peers)
                    yield Block(others, mine, kind) if inward else Block(mine, others, kind)
        yield from self._ungoverned(inward)
        yield from self._between

    def _ungoverned(self, inward: bool) -> Iterator[Block]:
        """Ends of which no policy speaks: the outside, and pods on their node's network, which near pods let in."""
        for ends, others in ((self._outside, self._pods), (self._nodes, self._everyone)):
            if len(ends):
                yield Block(others, ends, What("any")) if inward else Block(ends, others, What("any"))
        if inward:
            host_of = self.scene.pods.inventory.host_of
            near: dict[str, list[str]] = {}
            for pod in self.scene.here if self.scene.on_node else ():
                near.setdefault(host_of.get(pod, ""), []).append(pod)
            for pod in self.scene.on_node:
                neighbours = near[host_of[pod]] if pod in host_of else self.scene.here
                yield Block(self._numbers((pod,)), self._numbers(neighbours), What("any"))

    def _of(self, bits: Bits) -> Ints:
        known = self._known.get(bits)
        if known is None:
            parts = [self._members[at] for at in numbers(bits).tolist()]
            known = self._known[bits] = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
        return known


def _between(names: Names, outside: Ints) -> Iterator[Block]:
    """What is meant between two networks outside: no policy of a cluster speaks of it, so none is missed here."""
    for block in names.intent():
        ends = np.intersect1d(block.sources, outside), np.intersect1d(block.targets, outside)
        if len(ends[0]) and len(ends[1]):
            yield Block(*ends, block.what)


def kinds(ports: Ports) -> Iterator[What]:
    """A set of ports as kinds of traffic; everything that a policy can name counts as everything."""
    if ports == ALL:
        yield What("any")
        return
    for protocol in PROTOCOLS:
        for low, high in ports.of(protocol):
            yield What(protocol.lower(), 0 if (low, high) == (1, LAST) else low, high)
