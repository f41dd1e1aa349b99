"""Captures of storage and data: export tables, mount tables, folder listings, lineage events, marks."""

import uuid
from collections.abc import Iterator

import msgspec

from ringfence.synth import data
from ringfence.synth.captures_slurm import File
from ringfence.synth.facts_work import flow
from ringfence.synth.plan import Cluster, Host, Job, Pipeline, Storage, address

_ROW = "{mode:04o}\t{kind}\t{owner}\t{group}\t{size}\t{path}\0"
SHARDS = 4


def storage(plan: Cluster, chosen: frozenset[str]) -> Iterator[File]:
    """Export tables and listings of the file servers, mount tables of the `chosen` hosts."""
    by_server: dict[str, list[Storage]] = {}
    for export in plan.storages:
        by_server.setdefault(export.server, []).append(export)
    for server, found in by_server.items():
        yield f"hosts/{server}/exports", "".join(_export(plan, each) for each in found).encode()
        yield f"hosts/{server}/folders", "".join(row for each in found for row in listing(plan, each)).encode()
    servers = {host.name: host for host in plan.hosts}
    for host in plan.hosts:
        if host.name in chosen and (host.gpus or host.role == "login"):
            yield f"hosts/{host.name}/mounts", mounts(plan, host, servers).encode()
    yield "inventory-data.toml", "".join(marks(plan)).encode()
    yield "lineage/events.ndjson", b"\n".join(events(plan)) + b"\n"


def _export(plan: Cluster, export: Storage) -> str:
    squash = "no_root_squash" if plan.flawed("no_root_squash", export.name) else "root_squash"
    sec = "sys" if data.weak(plan, export) else "krb5p"
    nets = {network.name: network.cidr for network in plan.networks}
    to = " ".join(f"{nets[name]}(rw,sync,no_subtree_check,{squash},sec={sec})" for name in data.clients(plan, export))
    return f"{export.path} {to}\n"


def mounts(plan: Cluster, host: Host, servers: dict[str, Host]) -> str:
    """/proc/mounts."""
    lines = ["/dev/nvme0n1p2 / ext4 rw,relatime 0 0", "tmpfs /tmp tmpfs rw,nosuid,nodev 0 0"]
    for export in data.mounted(plan, host):
        sec = "sys" if data.weak(plan, export) else "krb5p"
        lines.append(
            f"{export.name} {export.mountpoint} nfs4 rw,relatime,vers=4.2,proto=tcp,timeo=600,sec={sec},"
            f"addr={address(servers[export.server], data.clients(plan, export)[0])} 0 0"
        )
    return "\n".join(lines) + "\n"


def _row(mode: int, kind: str, owner: str, group: str, size: int, path: str) -> str:
    return _ROW.format(mode=mode, kind=kind, owner=owner, group=group, size=size, path=path)


def listing(plan: Cluster, export: Storage) -> Iterator[str]:
    """The folders below an export, as the capture script lists them."""
    if export.use == "hooks":
        mode = 0o777 if plan.flawed("hook_on_writable_path") else 0o755
        yield _row(mode, "d", "root", "root", 4096, export.path)
        yield _row(0o755, "f", "root", "root", 812, f"{export.path}/prolog")
    elif export.use == "home":
        yield _row(0o755, "d", "root", "root", 4096, export.path)
        for user in plan.users:
            if user.tenant and data.home(plan, user) == export.name:
                yield _row(0o700, "d", user.name, user.tenant, 4096, f"{export.path}/{user.name}")
    else:
        tenant = export.path.rpartition("/")[2]
        yield _row(0o751, "d", "root", tenant, 4096, export.path)
        for line in plan.pipelines:
            if line.tenant == tenant:
                yield _row(0o751, "d", line.owner, tenant, 4096, f"{export.path}/{line.name}")
                yield from _pipeline(plan, line, export.path)


def _pipeline(plan: Cluster, line: Pipeline, top: str) -> Iterator[str]:
    for entity, mode in data.modes(plan, line):
        folder = data.folder(line, entity, top)
        yield _row(mode, "d", line.owner, line.tenant, 4096, folder)
        for name in data.files(plan, line, entity, SHARDS):
            size = data.size(line, entity) // SHARDS
            yield _row(mode & 0o666, "f", line.owner, line.tenant, size, f"{folder}/{name}")


def marks(plan: Cluster) -> Iterator[str]:
    """What the pipelines' folders are and are called."""
    projects = {group.name: group.project for group in plan.tenants}
    for line in plan.pipelines:
        for entity, _ in data.modes(plan, line):
            kind, _, name = entity.partition(":")
            path = data.folder(line, entity, projects[line.tenant])
            yield f'[[data]]\npath = "{path}"\nkind = "{kind}"\nname = "{name}"\n\n'


def events(plan: Cluster) -> Iterator[bytes]:
    """OpenLineage events of the running jobs and of the runs that made what there is."""
    projects = {group.name: group.project for group in plan.tenants}
    lines = {line.name: line for line in plan.pipelines}
    for job in plan.jobs:
        found = list(flow(job.stage, lines[job.pipeline]))
        if found:
            yield _event(plan, job, found, lines[job.pipeline], projects[job.tenant])


def _event(plan: Cluster, job: Job, found: list[tuple[str, str]], line: Pipeline, project: str) -> bytes:
    server = project.partition(":")[0]

    def named(which: str) -> list[dict[str, str]]:
        return [
            {"namespace": f"nfs://{server}", "name": data.folder(line, entity, project.partition(":")[2])}
            for predicate, entity in found
            if predicate == which
        ]

    return msgspec.json.encode(
        {
            "eventType": "RUNNING",
            "eventTime": "2026-01-05T00:00:00Z",
            "producer": "https://example.org/pipelines",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{plan.seed}/{job.number}")), "facets": {}},
            "job": {"namespace": f"slurm://{plan.name}", "name": str(job.number)},
            "inputs": named("reads"),
            "outputs": named("writes"),
        }
    )
