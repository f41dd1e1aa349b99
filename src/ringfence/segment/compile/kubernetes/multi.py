"""MultiNetworkPolicy (k8s.cni.cncf.io/v1beta1): the same rules on the secondary networks of pods.

A NetworkPolicy is of a pod's first interface only. Where the cluster does not enforce MultiNetworkPolicy, every
secondary network is open between all pods that are on it: a residual that names the network.
"""

from collections.abc import Iterator

from ringfence.segment.compile.kubernetes.cells import Cells, Json
from ringfence.segment.compile.kubernetes.networkpolicy import DENY, Peers, name_of, specification
from ringfence.segment.compile.kubernetes.rules import manifest
from ringfence.segment.model import Residual

VERSION, KIND = "k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy"
FOR = "k8s.v1.cni.cncf.io/policy-for"
_BOTH = ("Ingress", "Egress")


def attached(cells: Cells) -> dict[str, list[str]]:
    """Pods by the secondary network they are on."""
    found: dict[str, list[str]] = {}
    for cell in cells.cells:
        for pod in cell.pods:
            for network in cells.inventory.pods[pod].networks if pod in cells.inventory.pods else ():
                found.setdefault(network, []).append(pod)
    return found


def policies(cells: Cells) -> Iterator[Json]:
    """Every MultiNetworkPolicy of a cluster: one default deny a namespace, one policy a cell, for all its networks."""
    peers = Peers(cells)
    by_cell: dict[tuple[str, str], set[str]] = {}
    for network, pods in attached(cells).items():
        for pod in pods:
            cell = cells.by_pod[pod]
            by_cell.setdefault((cell.namespace, cell.value), set()).add(_named(network))
    for namespace, here in cells.by_namespace.items():
        every = set().union(*(by_cell.get((namespace, cell.value), ()) for cell in here))
        if not every:
            continue
        deny = {"podSelector": {}, "policyTypes": _BOTH}
        yield manifest(VERSION, KIND, DENY, deny, namespace, {FOR: ",".join(sorted(every))})
        for cell in here:
            mine = by_cell.get((namespace, cell.value))
            if mine and cell.groups:
                about = {FOR: ",".join(sorted(mine))}
                yield manifest(VERSION, KIND, name_of(cell), specification(cells, cell, peers), namespace, about)


def _named(network: str) -> str:
    """`namespace/name` of `network:kubernetes/<cluster>/<namespace>/<name>`."""
    return "/".join(network.split("/")[-2:])


def residuals(cells: Cells, target: str) -> Iterator[Residual]:
    """Each secondary network as a set of pods that all reach one another."""
    for network, pods in attached(cells).items():
        if len(pods) > 1:
            why = "pods reach one another on this secondary network; nothing there enforces MultiNetworkPolicy"
            remedy = "enable multi-networkpolicy, or fence the network by its partition key or VLAN"
            yield Residual("pod", target, network, network, len(pods) * (len(pods) - 1), why, remedy)
