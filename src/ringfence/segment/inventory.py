"""What writers and provers must know of the cluster beside the policy: addresses, ports, capacities, enforcers."""

from collections.abc import Mapping

import msgspec

DEFAULT_TABLE = 64
"""Partition keys that a port holds where nobody has asked it (64 on simulated and most real adapters)."""


class Fabric(msgspec.Struct, frozen=True):
    """One InfiniBand subnet.

    `managers`: hosts of its subnet managers, standby included; `manager_ports`: the ports they speak through.
    `ports`: every end port; `leaf_of`: end port → `<switch>/<port number>` that it is cabled to; `table`: end
    port or leaf port → how many partition keys it holds. `software`: `opensm` or `ufm`.
    """

    name: str
    managers: tuple[str, ...]
    manager_ports: tuple[str, ...]
    ports: tuple[str, ...]
    leaf_of: Mapping[str, str] = {}
    table: Mapping[str, int] = {}
    software: str = "opensm"

    def holds(self, port: str) -> int:
        """How many partition keys fit on the way: the smaller of the port's table and its leaf port's."""
        ends = (port, self.leaf_of.get(port, port))
        return min(self.table.get(end, DEFAULT_TABLE) for end in ends)


class PodFacts(msgspec.Struct, frozen=True):
    """What Kubernetes knows of one pod.

    `host_network`: it has no network of its own. `networks`: its secondary networks, `network:kubernetes/…`.
    """

    labels: Mapping[str, str] = {}
    host_network: bool = False
    networks: tuple[str, ...] = ()


class Inventory(msgspec.Struct, frozen=True):
    """Facts of the estate in the form that compiling and proving need.

    `addresses`: endpoint of the `ip` plane → its addresses, or its networks in CIDR notation.
    `cgroups`: `job:…@host:…` → path of the job's control group below the cgroup v2 mount.
    `fabrics`: by name. `domains`: NVLink domain → its accelerators. `host_of`: port, accelerator → host.
    `there`: target → host, switch or cluster → what others keep there, in the target's own language: export tables,
    `fmpm -l`, `scontrol show partition`, `sshd_config`. It is left alone, and taken into the proof.
    `known_as`: endpoint → how its enforcer names it: a RoCE port's `<switch>/<interface>`, an accelerator's NMX-M id.
    `pods`: `pod:…` → its labels and interfaces; its host stands in `host_of`, its addresses in `addresses`.
    `enforcers`: target (`nftables`, `opensm`, `ufm`, `kubernetes` and what a cluster speaks beside NetworkPolicy:
    `adminnetworkpolicy`, `clusternetworkpolicy`, `multinetworkpolicy`, `validatingadmissionpolicy`; `slurm`,
    `exports`, `lustre`, `sshd`, `imex`, `nmx-m`, `fabric-manager`, `nvue`, `sonic`) → hosts, switches or clusters
    where this target can be put in force. What has none is *open* on that plane, and told so.
    """

    addresses: Mapping[str, tuple[str, ...]] = {}
    cgroups: Mapping[str, str] = {}
    fabrics: Mapping[str, Fabric] = {}
    domains: Mapping[str, tuple[str, ...]] = {}
    host_of: Mapping[str, str] = {}
    enforcers: Mapping[str, tuple[str, ...]] = {}
    there: Mapping[str, Mapping[str, str]] = {}
    known_as: Mapping[str, str] = {}
    pods: Mapping[str, PodFacts] = {}
