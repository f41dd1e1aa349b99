"""Which hosts are nodes of which Slurm cluster, and by which names Slurm knows hosts and tenants."""

import re
from collections.abc import Iterable

from ringfence.segment.inventory import Inventory
from ringfence.wire.slurm import hostlist, show
from ringfence.wire.slurm.values import Partition

_NODE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,252}\Z")


def partitions(inventory: Inventory, cluster: str) -> tuple[Partition, ...]:
    """What `scontrol show partition` told of a cluster; empty where nobody captured it. Raises `InputError`."""
    text = inventory.there.get("slurm", {}).get(cluster, "")
    return show.read(text.encode()).partitions if text else ()


def nodes(inventory: Inventory, hosts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Cluster → node name → host. One cluster has all hosts; of several, each has those in its partitions.

    A host whose name Slurm could take for a list or for another option is a node of none.
    """
    by_name = {node: host for host in hosts if is_node(node := name(inventory, host))}
    clusters = inventory.enforcers.get("slurm", ())
    if len(clusters) == 1:
        return {clusters[0]: by_name}
    found = {}
    for cluster in clusters:
        listed = {one for each in partitions(inventory, cluster) for one in hostlist.expand(each.nodes)}
        found[cluster] = {node: host for node, host in by_name.items() if node in listed}
    return found


def is_node(name: str) -> bool:
    """Whether Slurm would take a name for one node, and for nothing else."""
    return _NODE.match(name) is not None


def name(inventory: Inventory, endpoint: str) -> str:
    """`host:gpu0001` → gpu0001, `tenant:vision` → vision, unless it is known under another name."""
    return inventory.known_as.get(endpoint, endpoint.partition(":")[2])
