"""One network of one cluster: its endpoints, pods that no selector tells apart, pieces of the outside."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, ip_network, summarize_address_range

import msgspec

from ringfence.estate.kinds import OUTSIDE, kind_of
from ringfence.segment.inventory import Inventory, PodFacts
from ringfence.segment.model import Group, Policy
from ringfence.segment.prove.kubernetes.objects import Objects
from ringfence.segment.prove.kubernetes.world import Indexed, asked, told
from ringfence.segment.prove.netpol import intervals
from ringfence.segment.prove.netpol.intervals import Interval, Intervals
from ringfence.segment.prove.netpol.resources import Resources
from ringfence.wire.netpol.values import Workload

_OURS = "ringfence.io/"
_PLAIN = PodFacts()


class Pods:
    """The pods of one cluster under one policy: those it names, and one unknown in each of their namespaces."""

    def __init__(self, policy: Policy, inventory: Inventory, cluster: str, objects: Objects) -> None:
        self.policy, self.inventory, self.objects = policy, inventory, objects
        self.cluster, self.name = cluster, cluster.partition(":")[2]
        mine = [one for group in policy.groups.values() for one in group.on("pod") if self._is_mine(one)]
        self.mine = frozenset(mine)
        unknown = (f"namespace:{self.name}/{namespace_of(one)}" for one in mine)
        self.endpoints = tuple(dict.fromkeys([*mine, *unknown]))

    def _is_mine(self, endpoint: str) -> bool:
        kind, _, rest = endpoint.partition(":")
        return kind in ("pod", "namespace") and rest.partition("/")[0] == self.name

    def facts(self, endpoint: str) -> PodFacts:
        """What is known of one; nothing of those that nobody knows yet."""
        return self.inventory.pods.get(endpoint, _PLAIN)

    def labels(self, endpoint: str) -> dict[str, str]:
        """Its labels: ours as the objects tell them, the others as the estate does."""
        theirs = {key: value for key, value in self.facts(endpoint).labels.items() if not key.startswith(_OURS)}
        return {**theirs, **self.objects.labels.get(endpoint.partition("/")[2], {})}


def namespace_of(endpoint: str) -> str:
    """The namespace in `pod:<cluster>/<namespace>/<name>` and `namespace:<cluster>/<namespace>`."""
    return endpoint.split("/", 2)[1]


class Scene:
    """One network. `network` "" is the first interface of every pod, with the outside; else a secondary network."""

    def __init__(self, pods: Pods, network: str = "") -> None:
        self.pods, self.network = pods, network
        self.here = list(pods.endpoints) if not network else _attached(pods, network)
        self.on_node = [] if network else [one for one in self.here if pods.facts(one).host_network]
        self._blocks = {} if network else dict(self._outside())
        self.world = Indexed(self._resources(), None if network else self._borders())
        self.pieces: Intervals = self.world.ranges[True]
        self.outside = [self._piece(one) for one in self.pieces]

    def _resources(self) -> Resources:
        pods, objects = self.pods, self.pods.objects
        chosen = [one for one in objects.policies if self._is_of(one.networks)]
        cluster = Resources((), objects.namespaces, tuple(chosen), () if self.network else objects.admin)
        keys = asked(cluster)
        self.alike: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
        nodes = frozenset(self.on_node)
        for one in self.here:
            if one not in nodes:
                labels = told(pods.labels(one), keys)
                self.alike.setdefault((namespace_of(one), tuple(labels.items())), []).append(one)
        workloads = (
            Workload(namespace, str(at), labels=dict(labels)) for at, (namespace, labels) in enumerate(self.alike)
        )
        return msgspec.structs.replace(cluster, workloads=tuple(workloads))

    def _is_of(self, networks: tuple[tuple[str, str], ...] | None) -> bool:
        if not self.network:
            return networks is None
        return tuple(self.network.split("/")[-2:]) in (networks or ())

    def _outside(self) -> Iterator[tuple[str, Intervals]]:
        for group in self.pods.policy.groups.values():
            for endpoint in group.on("pod"):
                if kind_of(endpoint) == "network":
                    yield endpoint, addresses(self.pods.inventory, endpoint)
        for pod in self.on_node:
            yield pod, addresses(self.pods.inventory, self.pods.inventory.host_of.get(pod, ""))
        inner = f"network:kubernetes/{self.pods.name}/pods"
        yield inner, addresses(self.pods.inventory, inner)

    def _borders(self) -> Iterator[Interval]:
        for held in self._blocks.values():
            yield from held

    def _piece(self, piece: Interval) -> str:
        """The name of a piece of the outside; "" for addresses of pods, which are no outside."""
        if covers(self._blocks.get(f"network:kubernetes/{self.pods.name}/pods", ()), piece):
            return ""
        first, *more = summarize_address_range(IPv4Address(piece[0]), IPv4Address(piece[1]))
        return f"network:{first}" if not more else f"network:{IPv4Address(piece[0])}-{IPv4Address(piece[1])}"

    def behind(self) -> Iterator[list[str]]:
        """Endpoints behind every bit of the world: pods alike, then pieces of the outside and the nodes in them."""
        every = list(self.alike.values())
        for one in self.world.workloads:
            yield every[int(one.name)] if one.name.isdigit() else []
        for name, piece in zip(self.outside, self.pieces, strict=True):
            yield [name, *(pod for pod in self.on_node if covers(self._blocks[pod], piece))] if name else []

    def intent(self, extra: Mapping[str, Iterable[str]]) -> Policy:
        """The policy in terms of this network's endpoints; `extra` groups are what residuals name."""
        here, seen = frozenset(self.here), frozenset((*self.here, *self.outside))
        pieces = [(name, piece) for name, piece in zip(self.outside, self.pieces, strict=True) if name]
        within = {
            endpoint: tuple(name for name, piece in pieces if covers(held, piece))
            for endpoint, held in self._blocks.items()
            if kind_of(endpoint) == "network"
        }
        groups = dict(self.pods.policy.groups)
        for name, group in groups.items():
            mine = (found for one in group.on("pod") for found in ((one,) if one in here else within.get(one, ())))
            groups[name] = msgspec.structs.replace(group, members={"pod": tuple(dict.fromkeys(mine))})
        for name, members in extra.items():
            groups[name] = Group(name, "residual", "", {"pod": tuple(one for one in members if one in seen)})
        return msgspec.structs.replace(self.pods.policy, groups=groups)


def _attached(pods: Pods, network: str) -> list[str]:
    """Pods on a secondary network, and the unknown one of each of their namespaces, which may be there as well."""
    found = [one for one in pods.endpoints if network in pods.facts(one).networks]
    unknown = {f"namespace:{pods.name}/{namespace_of(one)}" for one in found}
    return [*found, *sorted(unknown)]


def covers(held: Intervals, piece: Interval) -> bool:
    """Whether a piece lies within; no piece lies in part, since every border cuts."""
    return any(low <= piece[0] and piece[1] <= high for low, high in held)


def addresses(inventory: Inventory, endpoint: str) -> Intervals:
    """The IPv4 addresses that an endpoint stands for; none where nobody knows."""
    name = endpoint.partition(":")[2]
    texts = inventory.addresses.get(endpoint) or (name, name.partition("/")[2])
    if endpoint == OUTSIDE:
        texts = ("0.0.0.0/0",)
    return intervals.union(found for text in texts for found in _interval(text))


def _interval(text: str) -> Iterator[Interval]:
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return
    if isinstance(found, IPv4Network):
        yield int(found.network_address), int(found.broadcast_address)
