"""Racks and hosts: HGX nodes four to a rack, NVL72 racks of 18 trays, and the servers around them."""

from collections.abc import Iterator, Sequence

import msgspec

from ringfence.synth.plan import Host, Storage, Tenant

TRAYS = 18
HGX_PER_RACK = 4
NVL_SHARE = 0.25
"""The part of the GPU nodes that are NVL72 trays, where there are enough for whole racks."""
SHARED_SHARE = 0.08
KUBE_SHARE = 0.06
HOMES_PER_SERVER = 4
PROJECTS_PER_SERVER = 2


def tenants(nodes: int, shared: Sequence[bool] = ()) -> tuple[Tenant, ...]:
    """One tenant for about 60 nodes, 2 to 40. `shared[i]`: the i-th home server has one export for all its tenants."""
    count = min(40, max(2, nodes // 60))
    found = []
    for at in range(count):
        name, server = f"t{at + 1:02d}", at // HOMES_PER_SERVER
        one = server < len(shared) and shared[server]
        found.append(
            Tenant(
                name=name,
                gid=20001 + at,
                pkey=0x0101 + at,
                home=f"nfs-home{server + 1:02d}:/export/" + ("home" if one else f"{name}/home"),
                project=f"nfs-proj{at // PROJECTS_PER_SERVER + 1:02d}:/export/proj/{name}",
            )
        )
    return tuple(found)


def home_servers(nodes: int) -> int:
    """How many servers hold homes."""
    return -(-len(tenants(nodes)) // HOMES_PER_SERVER)


def storages(groups: Sequence[Tenant]) -> tuple[Storage, ...]:
    """The home and project exports of the tenants, and one export of the scheduler's hooks."""
    found = {"hooks": Storage("nfs-home01", "/export/hooks", "hooks", "/opt/hooks")}
    for group in groups:
        for use, name in (("home", group.home), ("project", group.project)):
            server, _, path = name.partition(":")
            mountpoint = path.removeprefix("/export") if use == "project" else _home_mount(server, path)
            found.setdefault(name, Storage(server, path, use, mountpoint))
    return tuple(found.values())


def _home_mount(server: str, path: str) -> str:
    """`/home/t01` for a tenant's own export, `/home/nfs-home01` for one that several share."""
    name = path.split("/")[2]
    return f"/home/{server if name == 'home' else name}"


def hosts(nodes: int, groups: Sequence[Tenant], split: Sequence[bool]) -> tuple[Host, ...]:
    """Every host. `split[i]` says that the i-th NVLink domain serves two tenants."""
    plain = [*_gpu_nodes(nodes, groups, split), *_servers(nodes, groups)]
    return tuple(msgspec.structs.replace(host, number=number) for number, host in enumerate(plain, 1))


def domains(nodes: int) -> int:
    """How many NVL72 racks."""
    return round(nodes * NVL_SHARE / TRAYS) if nodes >= 2 * TRAYS else 0


def _gpu_nodes(nodes: int, groups: Sequence[Tenant], split: Sequence[bool]) -> Iterator[Host]:
    racks = domains(nodes)
    single = nodes - racks * TRAYS
    width = max(4, len(str(single)))
    owners = _owners(single, groups)
    for index in range(single):
        partition = owners[index]
        yield Host(
            f"gpu{index + 1:0{width}d}",
            "hgx",
            0,
            f"R{index // HGX_PER_RACK + 1:04d}",
            gpus=8,
            ports=8,
            partition=partition,
            tenant="" if partition in ("shared", "kube") else partition,
        )
    for rack in range(racks):
        first = groups[rack % len(groups)].name
        second = groups[(rack + 1) % len(groups)].name if split[rack] else first
        for tray in range(1, TRAYS + 1):
            owner = first if tray <= 12 else second
            yield Host(
                f"nvl{rack + 1:02d}-t{tray:02d}",
                "nvl",
                0,
                f"NVL{rack + 1:02d}",
                gpus=4,
                ports=4,
                domain=f"nvl{rack + 1:02d}",
                partition=f"{owner}-nvl",
                tenant=owner,
            )


def _owners(single: int, groups: Sequence[Tenant]) -> list[str]:
    """The partition of each HGX node: a contiguous run per tenant, then a shared part, then Kubernetes."""
    shared, kube = max(1, round(single * SHARED_SHARE)), max(1, round(single * KUBE_SHARE))
    own = single - shared - kube
    runs = [groups[index * len(groups) // own].name for index in range(own)]
    return [*runs, *["shared"] * shared, *["kube"] * kube]


def _servers(nodes: int, groups: Sequence[Tenant]) -> Iterator[Host]:
    for number in range(1, max(2, nodes // 500) + 1):
        yield Host(f"login{number:02d}", "login", 0, "S01")
    for name, role in (
        ("sched01", "scheduler"),
        ("sched02", "database"),
        ("sm01", "sm"),
        ("sm02", "sm"),
        ("registry01", "registry"),
        ("mgmt01", "management"),
        ("ringfence01", "ringfence"),
        ("kube01", "kube"),
    ):
        yield Host(name, role, 0, "S01")
    for server in sorted({export.server for export in storages(groups)}):
        yield Host(server, "storage", 0, "S02", ports=2)
