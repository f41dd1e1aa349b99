"""From an estate to the inventory: addresses, ports, cables, and where an enforcer can put a target in force.

A host obeys Ringfence where `enforced_by` says so; what such a host runs (sshd, a subnet manager, exports, slurmctld)
is what can be enforced there. Everything else is open, and every writer tells it.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from ringfence.estate.estate import Estate
from ringfence.segment.inventory import Fabric, Inventory, PodFacts
from ringfence.segment.needs.accounts import host_network
from ringfence.segment.scene import IB, ROCE, Scene
from ringfence.segment.seen import Seen, starting
from ringfence.segment.standing import standing

_SLURMSTEPD = "system.slice/slurmstepd.scope"
"""Where slurmd puts jobs under cgroup v2 (cgroup.conf(5), cgroup_v2.html of Slurm 22.05 and later)."""


def inventory_of(estate: Estate, scene: Scene | None = None) -> Inventory:
    """The inventory of an estate; a partition table that nobody asked for holds `DEFAULT_TABLE` keys.

    `scene`: the estate's, if somebody looked at it already.
    """
    scene = scene or Scene(Seen(estate))
    host_of = {port: host for plane in (IB, ROCE) for host, found in scene.ports[plane].items() for port in found}
    host_of |= {gpu: min(hosts) for gpu, hosts in scene.seen.by("has_gpu").items()}
    host_of |= {pod: scene.seen.first(pod, "runs_on") for pod in _pods(scene) if scene.seen.objects(pod, "runs_on")}
    switch_of = _switch_ports(scene)
    return Inventory(
        addresses=dict(_addresses(scene)),
        cgroups=dict(_cgroups(scene)),
        fabrics={one.name: one for one in _fabrics(scene, switch_of)},
        domains={name: tuple(sorted(set(found))) for name, found in sorted(scene.seen.by("nvlink_member").items())},
        host_of=host_of,
        enforcers={target: tuple(sorted(where)) for target, where in _enforcers(scene).items() if where},
        there={target: found for target, found in standing(scene).items() if found},
        known_as=_interfaces(scene, switch_of),
        pods={pod: _pod(scene, pod) for pod in _pods(scene)},
    )


def _pods(scene: Scene) -> list[str]:
    return sorted(one for one in scene.seen.of("in_namespace") if one.startswith("pod:"))


def _pod(scene: Scene, pod: str) -> PodFacts:
    labels = (text.partition("=") for text in sorted(scene.seen.objects(pod, "labelled")))
    inside = scene.seen.subjects("part_of", pod)
    networks = [one for one in scene.seen.objects(pod, "attached_to") if one.startswith("network:kubernetes/")]
    second = {one for one in networks if one.count("/") == 3}  # <cluster>/<namespace>/<name>; the first has no name
    return PodFacts(
        {name: value for name, _, value in labels},
        any("host_network" in scene.seen.objects(one, "runs_with") for one in (pod, *inside)),
        tuple(sorted(second)),
    )


def _addresses(scene: Scene) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Hosts, controllers and pods by their addresses; people's machines and networks by their own names."""
    for subject, networks in scene.addresses.items():
        found = tuple(sorted({one for mine in networks.values() for one in mine}))
        if subject.startswith("workstation:"):
            yield from ((host_network(one), (host_network(one).partition(":")[2],)) for one in found)
        elif found:
            yield subject, found
            if subject in scene.shared:
                yield from ((f"{job}@{subject}", found) for gang in scene.at[subject] for job in gang.jobs)
    for name in sorted({name for networks in scene.addresses.values() for name in networks}):
        cidr = "/".join(name.partition(":")[2].split("/")[-2:])  # a site's name may stand before it
        if _is_network(cidr):
            yield name, (cidr,)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _cgroups(scene: Scene) -> Iterator[tuple[str, str]]:
    for gang in scene.gangs.values():
        for job in gang.jobs:
            if gang.cluster in scene.slurm:
                number = job.rpartition("/")[2].partition(".")[0]
                for host in starting(scene.seen.objects(job, "runs_on"), "host"):
                    yield f"{job}@{host}", f"{_SLURMSTEPD}/job_{number}"


def _switch_ports(scene: Scene) -> Mapping[str, str]:
    """Port of a switch → `<switch>/<its number or name>`."""
    return {
        port: f"{owner}/{shown['number']}"
        for owner, port, shown in scene.seen.rows("has_port")
        if owner.startswith("switch:") and "number" in shown
    }


def _fabrics(scene: Scene, switch_of: Mapping[str, str]) -> Iterator[Fabric]:
    cabled = scene.seen.of("cabled_to")
    host_of = {port: host for host, found in scene.ports[IB].items() for port in found}
    for network, found in sorted(scene.seen.by("on_fabric").items()):
        if not network.startswith("network:ib/"):
            continue
        ports = sorted({port for port in found if port in host_of})
        leaves = {port: switch_of[to] for port in ports for to in sorted(cabled.get(port, ())) if to in switch_of}
        managers = sorted(set(scene.seen.objects(network, "sm_on")))
        ufm = {one.host for one in scene.services.get("ufm", ())}
        yield Fabric(
            network.removeprefix("network:ib/"),
            tuple(managers),
            tuple(port for port in ports if host_of[port] in managers),
            tuple(ports),
            leaf_of=leaves,
            software="ufm" if ufm.intersection(managers) else "opensm",
        )


def _interfaces(scene: Scene, switch_of: Mapping[str, str]) -> dict[str, str]:
    """RoCE port → the interface of the switch that it is cabled to."""
    cabled = scene.seen.of("cabled_to")
    ports = sorted(port for found in scene.ports[ROCE].values() for port in found)
    return {port: switch_of[to] for port in ports for to in sorted(cabled.get(port, ())) if to in switch_of}


def _enforcers(scene: Scene) -> dict[str, set[str]]:
    """Target → where. Hosts that obey Ringfence, by what they run; clusters that obey it."""
    seen = scene.seen
    obeys = set(seen.of("enforced_by"))
    hosts = {one for one in obeys if one.startswith("host:")}
    managers = {one for found in seen.of("sm_on").values() for one in found} & hosts
    ufm = {one.host for one in scene.services.get("ufm", ())}
    servers: dict[str, set[str]] = {"exports": set(), "lustre": set()}
    for storage, found in seen.of("exported_by").items():
        servers["lustre" if storage.startswith("storage:lustre") else "exports"].update(hosts.intersection(found))
    trays = {host for host, found in seen.of("has_gpu").items() if not scene.spanning.isdisjoint(found)}
    clusters = {one for one in obeys if one.startswith("cluster:") and one not in scene.slurm}
    ruled = {name for name in scene.slurm if hosts.intersection(seen.subjects("controls", name))}
    return {
        "nftables": hosts,
        "sshd": hosts,
        "opensm": managers - ufm,
        "ufm": managers & ufm,
        "imex": hosts & trays,
        **servers,
        "slurm": ruled,
        "kubernetes": clusters,
        **{kind: {one for one in clusters if served in seen.objects(one, "setting")} for kind, served in _SERVED},
    }


_SERVED = (
    ("adminnetworkpolicy", "serves=adminnetworkpolicies.policy.networking.k8s.io/v1alpha1"),
    ("clusternetworkpolicy", "serves=clusternetworkpolicies.policy.networking.k8s.io/v1alpha2"),
    ("multinetworkpolicy", "serves=multi-networkpolicies.k8s.cni.cncf.io/v1beta1"),
    ("validatingadmissionpolicy", "serves=validatingadmissionpolicies.admissionregistration.k8s.io/v1"),
)
"""What a cluster speaks beside NetworkPolicy, and the fact that tells it."""
