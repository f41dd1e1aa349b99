"""Racks and hosts: HGX nodes four to a rack, NVL72 racks of 18 trays, and the servers around them."""

from collections.abc import Collection, Iterator, Mapping, Sequence

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


def tenants(nodes: int, homes: Mapping[str, str] | None = None) -> tuple[Tenant, ...]:
    """One tenant for about 60 nodes, 2 to 40. `homes` names the export of tenants that have none of their own."""
    found = []
    for at in range(min(40, max(2, nodes // 60))):
        name = f"t{at + 1:02d}"
        found.append(
            Tenant(
                name=name,
                gid=20001 + at,
                pkey=0x0101 + at,
                home=(homes or {}).get(name) or f"{home_server(at)}:/export/{name}/home",
                project=f"nfs-proj{at // PROJECTS_PER_SERVER + 1:02d}:/export/proj/{name}",
            )
        )
    return tuple(found)


def home_server(tenant: int) -> str:
    """The server that keeps the homes of a tenant, counted from 0."""
    return f"nfs-home{tenant // HOMES_PER_SERVER + 1:02d}"


def one_home(nodes: int, servers: Collection[str]) -> dict[str, str]:
    """The exports of tenants whose server has one export for all of them."""
    found = {}
    for at, group in enumerate(tenants(nodes)):
        if home_server(at) in servers:
            found[group.name] = f"{home_server(at)}:/export/home"
    return found


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


Shares = Sequence[tuple[str, int]]
"""(tenant, trays) of one NVL72 rack, from the first tray on."""


def hosts(
    nodes: int, groups: Sequence[Tenant], racks: Sequence[Shares], trays_only: Collection[str]
) -> tuple[Host, ...]:
    """Every host. `racks` gives the shares of each NVL72 rack; tenants of `trays_only` have no HGX nodes."""
    hgx = [group.name for group in groups if group.name not in trays_only]
    plain = [*_hgx(nodes - len(racks) * TRAYS, hgx), *_trays(racks), *_servers(nodes, groups)]
    return tuple(msgspec.structs.replace(host, number=number) for number, host in enumerate(plain, 1))


def domains(nodes: int) -> int:
    """How many NVL72 racks."""
    return round(nodes * NVL_SHARE / TRAYS) if nodes >= 2 * TRAYS else 0


def shares(groups: Sequence[Tenant], rack: int, split: bool) -> Shares:
    """Who has which trays of a rack: one tenant, or two."""
    first, second = groups[rack % len(groups)].name, groups[(rack + 1) % len(groups)].name
    return ((first, 12), (second, TRAYS - 12)) if split else ((first, TRAYS),)


def _hgx(count: int, tenants_: Sequence[str]) -> Iterator[Host]:
    width = max(4, len(str(count)))
    for index, partition in enumerate(_owners(count, tenants_)):
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


def _owners(count: int, tenants_: Sequence[str]) -> list[str]:
    """The partition of each HGX node: a contiguous run per tenant, then a shared part, then Kubernetes."""
    shared, kube = max(1, round(count * SHARED_SHARE)), max(1, round(count * KUBE_SHARE))
    own = count - shared - kube
    return [*(tenants_[index * len(tenants_) // own] for index in range(own)), *["shared"] * shared, *["kube"] * kube]


def _trays(racks: Sequence[Shares]) -> Iterator[Host]:
    for rack, parts in enumerate(racks, 1):
        owners = [tenant for tenant, trays in parts for _ in range(trays)]
        for tray, tenant in enumerate(owners, 1):
            yield Host(
                f"nvl{rack:02d}-t{tray:02d}",
                "nvl",
                0,
                f"NVL{rack:02d}",
                gpus=4,
                ports=4,
                domain=f"nvl{rack:02d}",
                partition=f"{tenant}-nvl",
                tenant=tenant,
            )


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
    for number in range(1, -(-len(groups) // PROJECTS_PER_SERVER) + 1):
        yield Host(f"tracking{number:02d}", "tracking", 0, "S02", ports=2)


def tracking(groups: Sequence[Tenant], tenant: str) -> str:
    """The tracking server that keeps a tenant's models."""
    at = next(at for at, group in enumerate(groups) if group.name == tenant)
    return f"tracking{at // PROJECTS_PER_SERVER + 1:02d}"
