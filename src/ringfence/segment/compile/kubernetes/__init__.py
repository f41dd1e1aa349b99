"""Kubernetes as an enforcer: one stream of manifests a cluster.

        Policy ─▶ cells (namespace × groups) ─▶ labels · NetworkPolicy · admin tiers · MultiNetworkPolicy

Which kinds a cluster speaks is in `inventory.enforcers`: `kubernetes` for NetworkPolicy, without which nothing is
written and the whole cluster is a residual; `clusternetworkpolicy`, else `adminnetworkpolicy`; `multinetworkpolicy`;
`validatingadmissionpolicy`, which keeps the label of the compartment to our own account.
"""

from collections.abc import Iterator

from ringfence.estate.kinds import kind_of
from ringfence.segment.compile.kubernetes import admin, cluster, labels, multi, networkpolicy, reserve
from ringfence.segment.compile.kubernetes.cells import LABEL, Cells, Json
from ringfence.segment.compile.kubernetes.rules import unspoken, written
from ringfence.segment.compile.kubernetes.tiers import tenants
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Residual

TARGET = "kubernetes"


def compile_kubernetes(policy: Policy, inventory: Inventory) -> Compiled:
    """The manifests of every cluster that the pod plane speaks of; at once all of ours that should be there."""
    artefacts: list[Artefact] = []
    residuals: list[Residual] = []
    for name in clusters(policy):
        cells = Cells(policy, inventory, name)
        if name not in inventory.enforcers.get(TARGET, ()):
            residuals.extend(_open(cells))
            continue
        artefacts.append(Artefact(f"{cells.name}/fence.yaml", written(_objects(cells)), (name,)))
        residuals.extend(_residuals(cells))
    return Compiled(TARGET, "pod", tuple(artefacts), tuple(sorted(residuals)))


def clusters(policy: Policy) -> list[str]:
    """Clusters of the pods and namespaces of the pod plane, `cluster:<name>`, sorted."""
    endpoints = (endpoint for group in policy.groups.values() for endpoint in group.on("pod"))
    names = {one.partition(":")[2].partition("/")[0] for one in endpoints if kind_of(one) in ("pod", "namespace")}
    return [f"cluster:{name}" for name in sorted(names)]


def _objects(cells: Cells) -> Iterator[Json]:
    if _speaks(cells, reserve.TARGET):
        yield from reserve.policies()
    yield from networkpolicy.policies(cells)
    if _speaks(cells, "clusternetworkpolicy"):
        yield from cluster.policies(cells)
    elif _speaks(cells, "adminnetworkpolicy"):
        yield from admin.policies(cells)
    if _speaks(cells, "multinetworkpolicy"):
        yield from multi.policies(cells)
    yield from labels.pods(cells)  # last: a pod gets its new compartment when that compartment's rules are there


def _speaks(cells: Cells, kind: str) -> bool:
    return cells.cluster in cells.inventory.enforcers.get(kind, ())


def _open(cells: Cells) -> Iterator[Residual]:
    count = sum(len(cell.pods) for cell in cells.cells)
    why = "nothing enforces NetworkPolicy in this cluster: every pod reaches every pod"
    remedy = "install a network plugin that enforces it, and name the cluster under `kubernetes`"
    for source, target in ((cells.cluster, "*"), ("*", cells.cluster)):
        yield Residual("pod", TARGET, source, target, count * (count - 1), why, remedy)


def _residuals(cells: Cells) -> Iterator[Residual]:
    yield from unspoken(cells, TARGET)
    yield from _of_hosts(cells)
    crowded = any(len([cell for cell in here if cell.value]) > 1 for here in cells.by_namespace.values())
    if crowded and not _speaks(cells, reserve.TARGET):
        why = "whoever may write pods in a namespace can give one the label of another compartment of that namespace"
        remedy = f"Kubernetes 1.30, and `set` on compartments.ringfence.io for our account, keep {LABEL} to it"
        yield Residual("pod", TARGET, cells.cluster, "*", 0, why, remedy)
    if not _speaks(cells, "multinetworkpolicy"):
        yield from multi.residuals(cells, TARGET)
    if not (_speaks(cells, "clusternetworkpolicy") or _speaks(cells, "adminnetworkpolicy")):
        for tenant in tenants(cells):
            why = "owners of its namespaces can open them with policies of their own; the cluster has no admin tier"
            remedy = "install a network plugin with ClusterNetworkPolicy, or keep owners from writing policies"
            yield Residual("pod", TARGET, tenant, "*", 0, why, remedy)


def _of_hosts(cells: Cells) -> Iterator[Residual]:
    """Pods on their node's network are nodes to every policy: open themselves, and let in by their neighbours."""
    pods, host_of = cells.inventory.pods, cells.inventory.host_of
    on_host: dict[str, int] = {}
    for pod in cells.by_pod:
        on_host[host_of.get(pod, "")] = on_host.get(host_of.get(pod, ""), 0) + 1
    for pod in sorted(name for name in cells.by_pod if name in pods and pods[name].host_network):
        host = host_of.get(pod, "")
        why = "it uses its node's network, of which no policy speaks"
        remedy = "fence the node's own rules (nftables), or give the pod a network of its own"
        yield Residual("pod", TARGET, "*", pod, max(len(cells.by_pod) - 1, 1), why, remedy)
        out = "its node's own address is let out"
        yield Residual("pod", TARGET, pod, "network:*", -1, out, remedy)
        near = "a node reaches the pods that it runs, and this pod sends with its node's address"
        yield Residual("pod", TARGET, pod, host or cells.cluster, on_host[host] - 1, near, remedy)
