"""Shared services: for each part of the cluster whom it needs, on which ports, and why. The table is the policy."""

from collections.abc import Iterator

import msgspec

from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs.known import Known
from ringfence.segment.scene import IB, Scene
from ringfence.segment.seen import starting

OWN = ""
"""Instead of ports: those on which the service was found, else its registered ones."""
SRUN = "srun"
"""Instead of ports: those on which srun waits for its steps."""
TREE = "tree"
"""Instead of ports: slurmd's, where the controller's messages go down a tree of nodes."""
WIDTH = 50
"""Nodes that a message reaches without a tree where slurm.conf names no TreeWidth (slurm.conf(5), 22.05; 16 later)."""
EPHEMERAL = "tcp/32768-60999"
"""What Linux hands out where slurm.conf names no SrunPortRange (ip(7), ip_local_port_range)."""

REGISTERED = {
    "slurmctld": "tcp/6817",
    "slurmd": "tcp/6818",
    "slurmdbd": "tcp/6819",
    "kube-api": "tcp/6443",
    "kubelet": "tcp/10250",
    "dcgm-exporter": "tcp/9400",
    "ringfence": "tcp/8443",
}
"""Ports where no service of the kind was found on the hosts that must have it (slurm.conf(5), kubernetes.io ports)."""

FIXED = {"dns": ("tcp/53", "udp/53"), "ntp": ("udp/123",), "kdc": ("tcp/88", "udp/88"), "ldap": ("tcp/389", "tcp/636")}
"""Kinds of which a capture may show one protocol and hosts need both."""


class Need(msgspec.Struct, frozen=True):
    """`source` needs `target` (parts of one cluster, or of all) on `what`."""

    source: str
    target: str
    what: str
    why: str


TABLE: tuple[Need, ...] = (
    Need("nodes", "slurmctld", OWN, "slurmd registers with its controller and reports how steps end"),
    Need("slurmctld", "nodes", "slurmd", "the controller starts, signals and ends jobs"),
    Need("nodes", "nodes", TREE, "slurmd passes the controller's messages on, down a tree of nodes (TreeWidth)"),
    Need("login", "slurmctld", OWN, "users submit and ask for their jobs"),
    Need("login", "nodes", "slurmd", "srun starts steps on the nodes of its job"),
    Need("nodes", "login", SRUN, "steps bring their output back to the srun that started them"),
    Need("slurmctld", "login", SRUN, "the controller tells a waiting srun that its job has nodes"),
    Need("slurmctld", "slurmctld", OWN, "a backup controller watches the first"),
    Need("slurmctld", "slurmdbd", OWN, "the controller accounts for jobs"),
    Need("slurmdbd", "slurmctld", OWN, "the database tells the controller of changed associations"),
    Need("login", "slurmdbd", OWN, "users ask what their jobs used"),
    Need("slurmrestd", "slurmctld", OWN, "the REST daemon passes requests on"),
    Need("slurmrestd", "slurmdbd", OWN, "the REST daemon passes requests on"),
    Need("workers", "kube-api", OWN, "kubelets watch what they are to run"),
    Need("kube-api", "workers", "kubelet", "logs, exec and metrics of pods"),
    Need("workers", "workers", "any", "the pod network runs between workers; the pod plane keeps pods apart"),
    Need("kube-api", "etcd", OWN, "the control plane keeps its state there"),
    Need("hosts", "dns", OWN, "every host resolves names"),
    Need("hosts", "ntp", OWN, "every host keeps the time, without which keys and certificates fail"),
    Need("hosts", "kdc", OWN, "mounts and logins with Kerberos ask it for tickets"),
    Need("hosts", "ldap", OWN, "every host looks up accounts"),
    Need("prometheus", "nodes", "dcgm-exporter", "monitoring reads the counters of accelerators"),
    Need("prometheus", "workers", "dcgm-exporter", "monitoring reads the counters of accelerators"),
    Need("fabric", "managers", "any", "every port asks the subnet administrator, on the default partition"),
)
"""Who needs whom among the shared parts of a cluster. Agents and enforcers of Ringfence follow their own facts."""

_NEEDED = {"dns": "names", "ntp": "time"}


def shared(known: Known) -> Iterator[Group | Allow | Residual]:
    """The table, for every cluster; Ringfence's own server; kinds that every cluster has and nobody told."""
    scene = known.scene
    found = parts(scene)
    used: dict[str, Group] = {}
    for need in TABLE:
        for (source, one), left in found.items():
            for (target, other), right in found.items():
                if (source, target) == (need.source, need.target) and (one == other or not one or not other):
                    used |= {left.name: left, right.name: right}
                    plane = IB if need.source == "fabric" else "ip"
                    for what in _whats(scene, need, one or other):
                        yield Allow(left.name, right.name, plane, what, need.why)
    yield from used.values()
    yield from _watched(known)
    for kind, what in _NEEDED.items():
        if not scene.services.get(kind):
            why = f"no {kind} server is known: where hosts get {what} from cannot be told, and is cut"
            yield cannot_tell(
                "ip", "hosts", kind, why, "name it: an override `allow` from `hosts`, or capture its sockets"
            )


def _whats(scene: Scene, need: Need, cluster: str) -> Iterator[str]:
    if need.what == SRUN:
        low, dash, high = scene.seen.settings(cluster).get("SrunPortRange", "").partition("-")
        yield f"tcp/{low}-{high}" if dash and low.isdigit() and high.isdigit() else EPHEMERAL
    elif need.what == TREE:
        width = scene.seen.settings(cluster).get("TreeWidth", "")
        wide = int(width) if width.isdigit() else WIDTH
        yield from ports(scene, "slurmd") if len(scene.nodes[cluster]) > wide else ()
    elif need.what == OWN or need.what in REGISTERED:
        yield from ports(scene, need.what or need.target)
    else:
        yield need.what


def ports(scene: Scene, kind: str) -> tuple[str, ...]:
    """`tcp/…` of every port on which services of a kind were found; the registered one where none was."""
    if kind in FIXED:
        return FIXED[kind]
    found = {f"tcp/{one.port}" for one in scene.services.get(kind, ()) if one.port}
    return tuple(sorted(found)) or (REGISTERED.get(kind, "tcp"),)


def parts(scene: Scene) -> dict[tuple[str, str], Group]:
    """(part, cluster or "") → its group, where it has any endpoint."""
    found = [("hosts", "", group("hosts", "role", "", "every host", ip=scene.hosts))]
    for cluster, mine in scene.nodes.items():
        name = "nodes" if cluster in scene.slurm else "workers"
        short = cluster.partition(":")[2]
        found.append((name, cluster, group(f"{name}:{short}", "role", "", f"nodes of {cluster}", ip=mine)))
        found += [(kind, cluster, made) for kind, made in _control(scene, cluster)]
    found.append(("login", "", group("login", "role", "", "hosts on which people log in", ip=scene.login)))
    for kind in ("etcd", "prometheus", *FIXED):
        hosts = [one.host for one in scene.services.get(kind, ())]
        found.append((kind, "", group(f"service:{kind}", "service", "", f"serves {kind}", ip=hosts)))
    found += list(_fabrics(scene))
    return {(part, cluster): made for part, cluster, made in found if made.members}


def _control(scene: Scene, cluster: str) -> Iterator[tuple[str, Group]]:
    """The daemons of one cluster's control plane; a controlling host stands for one that nobody saw listening."""
    hosts = starting(scene.seen.subjects("controls", cluster), "host")
    main = "slurmctld" if cluster in scene.slurm else "kube-api"
    for kind in ("slurmctld", "slurmdbd", "slurmrestd") if main == "slurmctld" else ("kube-api",):
        seen = [one.host for one in scene.services.get(kind, ()) if one.host in hosts]
        serving = seen or (hosts if kind == main else [])
        yield kind, group(f"{kind}:{cluster.partition(':')[2]}", "service", "", f"{kind} of {cluster}", ip=serving)


def _fabrics(scene: Scene) -> Iterator[tuple[str, str, Group]]:
    host_of = {port: host for host, found in scene.ports[IB].items() for port in found}
    for name, found in sorted(scene.seen.by("on_fabric").items()):
        managers = starting(scene.seen.objects(name, "sm_on"), "host")
        ends = [port for port in found if port in host_of]
        mine = [
            port
            for host in managers
            for port in scene.ports[IB].get(host, ())
            if name in scene.seen.objects(port, "on_fabric")
        ]
        short = name.partition(":")[2]
        yield "fabric", name, group(f"fabric:{short}", "role", "", f"every end port of {name}", ib=ends)
        yield "managers", name, group(f"sm:{short}", "service", "", f"subnet managers of {name}", ib=mine, ip=managers)


def _watched(known: Known) -> Iterator[Group | Allow]:
    """Agents and enforcers open one connection to their server, and none is opened to them."""
    scene = known.scene
    for entity, service in sorted(scene.by_entity.items()):
        told = {*scene.seen.subjects("watched_by", entity), *scene.seen.subjects("enforced_by", entity)}
        hosts = {host for one in told for host in ([one] if one.startswith("host:") else scene.nodes.get(one, ()))}
        if hosts:
            name = f"agents:{service.host.partition(':')[2]}"
            yield group(name, "role", "", f"hosts that report to {entity}", ip=hosts)
            yield known.service(service)
            why = "agents report and enforcers fetch signed orders, over connections of their own"
            yield Allow(name, entity, "ip", f"tcp/{service.port}" if service.port else "tcp/8443", why)
