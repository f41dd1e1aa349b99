"""Nodes, and where pods without one are drawn.

* A pod with `nodeName` runs on that host.
* Where no node at all is known (a manifest on its own), one assumed host `host:<cluster>/some-node`
  stands for "some node of this cluster"; what rests on it carries `assumed=true`.
* Where nodes are known and a pod has none yet, it runs on a stand-in host, one per nodeSelector,
  which `stands_for` every node that the selector admits (affinity and taints may narrow that; they
  are not used, so the set is never too small). A selector that admits one node means that node.

Every node runs a kubelet, which is `system:node:<name>` in the group `system:nodes`:
`acts_as`, with `bound=true` where a binding gives it more than the node
authoriser does.
"""

from collections.abc import Iterator

import msgspec

from ringfence.collect.base import asked, stamped
from ringfence.collect.kubernetes.model import Held, Model, Pod, labels
from ringfence.collect.kubernetes.names import Names, name_of
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.kubernetes import shapes

_NODES = "system:nodes"
_TOLD = ("nvidia.com/gpu.", "nvidia.com/mig.", "amd.com/gpu.", "topology.kubernetes.io/", "network.topology.",
         "node.kubernetes.io/instance-type", "cloud.provider.com/", "topology.k8s.aws/")  # fmt: skip
_CONTROL = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_OURS = "every Kubernetes cluster has a node; none was captured"


class Placement:
    """Which host each pod is drawn on."""

    def __init__(self, model: Model) -> None:
        self._names = model.names
        self._labels = {name_of(held.value.metadata): labels(held.value.metadata) for held in model.of("Node")}
        self._held = {name_of(held.value.metadata): held for held in model.of("Node")}
        self._named = sorted({pod.node for pod in model.pods if pod.node} - self._labels.keys())
        self._with: dict[tuple[str, str], list[str]] = {}
        for node, have in self._labels.items():
            for label in have:
                self._with.setdefault(label, []).append(node)
        self._stand_ins: dict[frozenset[tuple[str, str]], tuple[str, bool, list[str]]] = {}

    @property
    def known(self) -> bool:
        """Whether any node's name is known."""
        return bool(self._labels or self._named)

    def of(self, pod: Pod) -> tuple[str, bool]:
        """(host, whether it is assumed)."""
        if pod.node:
            return self._names.host(pod.node), False
        if not self.known:
            return self._names.stand_in(), True
        wanted = frozenset((key, str(value)) for key, value in (pod.spec.node_selector or {}).items())
        if wanted not in self._stand_ins:
            self._stand_ins[wanted] = self._stand_in(wanted)
        host, assumed, _ = self._stand_ins[wanted]
        return host, assumed

    def _stand_in(self, wanted: frozenset[tuple[str, str]]) -> tuple[str, bool, list[str]]:
        if wanted:
            smallest = min((self._with.get(label, []) for label in wanted), key=len)
            admitted = [node for node in smallest if wanted <= self._labels[node]]
        else:
            admitted = list(self._labels)
        admitted += self._named  # known by name only: their labels may well match
        if len(admitted) == 1:
            return self._names.host(admitted[0]), True, []
        shown = ",".join(sorted(f"{key}={value}" for key, value in wanted))
        return self._names.stand_in(shown), True, admitted

    def facts(self, groups: frozenset[str], holders: frozenset[str]) -> Iterator[Fact]:
        """Facts of all nodes and stand-ins; call it after every pod has been placed."""
        for node, held in self._held.items():
            yield from _node_facts(self._names, node, held)
            yield from _kubelet(
                self._names, node, self._names.host(node), groups, holders, held.file.path, held.file.observed_at
            )
        for node in self._named:
            host = self._names.host(node)
            yield Fact(host, "in_cluster", self._names.cluster, source="kubernetes: a pod's nodeName")
            yield from _kubelet(self._names, node, host, groups, holders, "kubernetes: a pod's nodeName", 0.0)
        if not self.known:
            host = self._names.stand_in()
            yield Fact(host, "in_cluster", self._names.cluster, {"assumed": True}, _OURS)
            hole = asked(host, "kubernetes-nodes", answered=False, reason=_OURS)
            yield msgspec.structs.replace(hole, source=_OURS)
            yield from _kubelet(self._names, "some-node", host, groups, holders, _OURS, 0.0)
        for host, _, admitted in self._stand_ins.values():
            for node in admitted:
                yield Fact(host, "stands_for", self._names.host(node), source="kubernetes: nodeSelector")


def _kubelet(
    names: Names, node: str, host: str, groups: frozenset[str], holders: frozenset[str], source: str, at: float
) -> Iterator[Fact]:
    """The kubelet's identity, `bound` where a binding names it; its group only where one names the group."""
    identity = names.kubelet(node)
    own: dict[str, Scalar] = {"process": "kubelet"}
    bound: dict[str, Scalar] = {**own, "bound": True}
    yield Fact(identity, "in_cluster", names.cluster, source=source, observed_at=at)
    yield Fact(host, "acts_as", identity, bound if identity in holders else own, source, at)
    if _NODES in groups:
        yield Fact(host, "acts_as", names.group(_NODES), bound, source, at)
        yield Fact(identity, "member_of", names.group(_NODES), {}, source, at)
    if "system:authenticated" in groups:
        yield Fact(identity, "member_of", names.group("system:authenticated"), {}, source, at)


def _node_facts(names: Names, node: str, held: Held) -> Iterator[Fact]:
    value: shapes.Node = held.value
    host = names.host(node)
    yield held.say(host, "in_cluster", names.cluster)
    yield stamped(asked(host, "kubernetes-nodes", answered=True, complete=True), held.file)
    for key, text in sorted(labels(value.metadata)):
        if key.startswith(_TOLD):
            yield held.say(host, "labelled", f"{key}={text}")
        if key in _CONTROL:
            yield held.say(host, "controls", names.cluster)
    status = value.status or shapes.NodeStatus()
    info = status.node_info or shapes.NodeInfo()
    if info.kubelet_version:
        yield held.say(host, "runs_software", "package:kubelet", version=info.kubelet_version)
    if info.container_runtime_version:
        runtime, _, version = info.container_runtime_version.partition("://")
        yield held.say(host, "runs_software", f"package:{runtime}", version=version)
    if info.kernel_version:
        yield held.say(host, "runs_software", "package:linux", version=info.kernel_version)
    for key, count in sorted((status.capacity or {}).items()):
        if is_device(key):
            yield held.say(host, "setting", f"{key}={count}")
    for address in status.addresses or ():
        if address.type == "InternalIP":
            yield held.say(host, "attached_to", names.network("nodes"), address=address.address)


def is_device(resource: str) -> bool:
    """Whether an extended resource is an accelerator or a fabric device."""
    vendor, slash, name = resource.partition("/")
    return bool(slash) and (
        vendor.endswith(("nvidia.com", "amd.com", "intel.com", "mellanox.com", "habana.ai"))
        or name.startswith(("rdma", "hca", "ib"))
        or vendor == "rdma"
    )
