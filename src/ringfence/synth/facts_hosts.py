"""Facts about machines: inventory, networks, services, accelerators, management controllers."""

from collections.abc import Iterator

from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.kinds import EVERYONE
from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, Host, address
from ringfence.synth.say import fact
from ringfence.wire.host import toolkit

_ZONE = {"hgx": "compute", "nvl": "compute", "login": "access", "storage": "storage"}
_MODEL = {"hgx": "NVIDIA H100 80GB HBM3", "nvl": "NVIDIA GB200"}
_MEMORY = {"hgx": 81_559, "nvl": 189_471}


def inventory(plan: Cluster) -> Iterator[Fact]:
    """Clusters, racks, zones, partitions."""
    source = "slurm/nodes.json"
    slurm, kube = say.cluster(plan), say.kube(plan)
    for of in plan.hosts:
        host = say.host(of.name)
        yield fact(host, "in_zone", _ZONE.get(of.role, "management"), "inventory.ndjson")
        yield fact(host, "in_rack", of.rack, "inventory.ndjson")
        yield fact(host, "labelled", f"class={of.role}", "inventory.ndjson")
        if of.tenant:
            yield fact(host, "in_tenant", f"tenant:{of.tenant}", "inventory.ndjson")
        if "kube" in (of.partition, of.role):
            yield fact(host, "in_cluster", kube, "kubernetes/nodes.json")
        elif of.gpus:
            yield fact(host, "in_cluster", slurm, source)
            yield fact(host, "in_partition", say.partition(plan, of.partition), source)
    for of in plan.of_role("scheduler", "database"):
        yield fact(say.host(of.name), "controls", slurm, "slurm/slurm.conf")
    for of in plan.of_role("kube"):
        yield fact(say.host(of.name), "controls", kube, "kubernetes/nodes.json")


def guarded(plan: Cluster) -> Iterator[Fact]:
    """Ringfence's own server, whom it watches and orders, and the key that signs its orders."""
    source, path = "inventory.ndjson", "/etc/ringfence/signing.key"
    for of in plan.of_role("ringfence"):
        server, key = f"service:{of.name}/ringfence:8443", f"credential:ringfence/{of.name}/{path}"
        for host in plan.hosts:
            if data.obeys(host):
                yield fact(say.host(host.name), "watched_by", server, source)
                yield fact(say.host(host.name), "enforced_by", server, source)
        if plan.pods:
            yield fact(say.kube(plan), "enforced_by", server, source)
        yield fact(key, "signs_orders", server, source)
        yield fact(key, "jewel", "signs Ringfence's orders", source, {"marked_by": "default"})
        kept: dict[str, Scalar] = {"readable_by": "root", "path": path}
        yield fact(say.host(of.name), "stores_credential", key, source, kept)


def networks(plan: Cluster) -> Iterator[Fact]:
    """Subnets, what passes between them, and what has an address where."""
    source = "inventory.ndjson"
    name = say.network
    for network in plan.networks:
        yield fact(name(network.name), "in_zone", network.zone, source)
    for of in plan.of_role("login"):  # the firewall passes this one port, hence no route
        yield fact(f"service:{of.name}/ssh:22", "listens_on", name("corp"), source, {"port": 22})
    yield fact(name("compute"), "routes_to", name("service"), source)
    yield fact(name("corp"), "reaches_outside", "network:internet", source, {"mbit_s": 1000})
    yield fact(name("login"), "reaches_outside", "network:internet", source, {"mbit_s": 10_000})
    if plan.flawed("compute_reaches_outside"):
        yield fact(name("compute"), "reaches_outside", "network:internet", source, {"mbit_s": 100_000})
    if plan.flawed("bmc_network_reachable"):
        yield fact(name("compute"), "routes_to", name("bmc"), source)
    for of in plan.hosts:
        host, file = say.host(of.name), f"hosts/{of.name}/ip-addr"
        for each in data.ethernet_of(of):
            yield fact(host, "attached_to", name(each), file, {"address": address(of, each)})


def services(plan: Cluster) -> Iterator[Fact]:
    """SSH everywhere, what each server is there for, and what tenants started."""
    extras = data.tenants_services(plan)
    first = {user.tenant: user for user in reversed(plan.users)}
    for of in plan.hosts:
        source = f"hosts/{of.name}/sockets"
        for kind, port, proof in data.listening(plan, of, extras):
            entity = f"service:{of.name}/{kind}:{port}"
            yield fact(entity, "runs_on", say.host(of.name), source)
            yield fact(entity, "service_kind", kind, source)
            if kind != "ssh":
                yield fact(entity, "authenticates", proof, source)
            for name in data.reach_of(plan, of, kind):
                at: dict[str, Scalar] = {"port": port, "address": address(of, name)}
                yield fact(entity, "listens_on", say.network(name), source, at)
            if of.name in extras and kind in ("ray", "jupyter"):
                yield fact(entity, "runs_as", say.identity(first[of.tenant].name), source)


def logins(plan: Cluster) -> Iterator[Fact]:
    """What each host's sshd takes, as its captured configuration says it."""
    for of in plan.hosts:
        host, source = say.host(of.name), f"hosts/{of.name}/etc/ssh/sshd_config"
        takes = {
            "passwordauthentication": False,
            "permitrootlogin": False,
            "hostbasedauthentication": bool(data.trusted(plan, of)),
            "allowagentforwarding": of.role == "login",
        }
        for name, on in takes.items():
            yield fact(host, "setting", f"sshd.{name}={'yes' if on else 'no'}", source)


def accelerators(plan: Cluster) -> Iterator[Fact]:
    """GPUs, NVLink domains, drivers, container toolkits."""
    for of in plan.of_role("hgx", "nvl"):
        host, source, domain = say.host(of.name), f"hosts/{of.name}/nvidia-smi-q.xml", say.domain(plan, of)
        for index, gpu in enumerate(say.gpus(plan, of)):
            yield fact(host, "has_gpu", gpu, source, _gpu(of.role, index))
            yield fact(gpu, "nvlink_member", domain, source)
        yield fact(host, "runs_software", "package:nvidia-driver", source, {"version": "570.124.06"})
        version, file = data.toolkit_version(plan, of), f"hosts/{of.name}/versions/nvidia-ctk"
        yield fact(host, "runs_software", "package:generic/nvidia-container-toolkit", file, {"version": version})
        for flaw in toolkit.escapes(version, toolkit.UNKNOWN):
            shown: dict[str, Scalar] = {"gives": "container-escape", "version": version, "fixed": flaw.fixed}
            yield fact(host, "vulnerable_to", flaw.cve, file, shown)
        yield from _devices(plan, of, host)


def _devices(plan: Cluster, of: Host, host: str) -> Iterator[Fact]:
    """Device files are open to all, as the driver makes them; what jobs may use of them is the scheduler's to say."""
    source = f"hosts/{of.name}/devices"
    yield fact(host, "device_open", "gpu", source, {"path": "/dev/nvidia0"})
    yield fact(host, "device_open", "uverbs", source, {"path": "/dev/infiniband/uverbs0"})
    if plan.flawed("umad_open", of.rack):
        yield fact(host, "device_open", "umad", source, {"path": "/dev/infiniband/umad0"})
    if plan.flawed("runtime_open", of.rack):
        yield fact(EVERYONE, "may_use_runtime", host, source, {"path": "/run/docker.sock"})


def _gpu(role: str, index: int) -> dict[str, Scalar]:
    return {"index": index, "model": _MODEL[role], "memory_mib": _MEMORY[role], "pci": f"00000000:{index + 1:02X}:00.0"}


def controllers(plan: Cluster) -> Iterator[Fact]:
    """A management controller per GPU node and server, all on the BMC network."""
    network = say.network("bmc")
    for of in plan.hosts:
        host, bmc, source = say.host(of.name), f"bmc:{of.name}", f"redfish/{of.name}-bmc/Systems/1/index.json"
        yield fact(host, "managed_by", bmc, source)
        yield fact(bmc, "attached_to", network, source, {"address": address(of, "bmc")})
        version = {"version": "2.14.0", "name": "bmc"}
        yield fact(bmc, "runs_firmware", "firmware:openbmc-bmc/2.14.0", source, version)
        yield fact(bmc, "authenticates", "password", source)
        if plan.flawed("bmc_default_password", of.name):  # only the operators' own records can say this
            yield fact(bmc, "authenticates", "default-password", "inventory.ndjson")
