"""Files: which hosts speak to which file server, and which folders of it they may mount.

On `ip` (and on `ib`, where only IPoIB or RDMA leads there) a host reaches the servers of what it mounts; a server
cannot be told from its exports there. Which folder, is the `storage` plane:

    gang  → its pipeline's folder (rw if it writes, else ro), the homes of its accounts
    login → homes; no folder of data
    all   → exports in which neither data nor homes are known, as they are mounted (ro if root runs programs there)
"""

from collections.abc import Iterator, Mapping

from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs.files import Files
from ringfence.segment.needs.known import Known
from ringfence.segment.scene import IB, ROCE, Scene
from ringfence.segment.workflow import Gang

_PORTS: Mapping[str, tuple[tuple[str, ...], bool, str]] = {
    "lustre": (("tcp/988",), True, "LNet carries Lustre over verbs, and over TCP"),
    "beegfs": (("tcp/8003-8008", "udp/8003-8008"), True, "BeeGFS clients speak to its daemons"),
    "gpfs": (("tcp/1191",), True, "nodes of a Storage Scale cluster speak to its servers"),
    "weka": (("tcp/14000-14100", "udp/14000-14100"), True, "WEKA clients speak to its processes"),
    "": (("tcp/2049",), False, "clients of NFS reach the servers of what they mount"),
}
"""By what the storage's name begins with: ports, whether it uses verbs, why (defaults of each product's manual)."""


def shared(known: Known) -> Iterator[Group | Allow | Residual]:
    """Servers for those who mount from them, exports for those who mount them, homes for login hosts."""
    yield from _servers(known.files)
    yield from _folders(known.files)


def _servers(files: Files) -> Iterator[Group | Allow | Residual]:
    """For each file server its clients, by what they mount."""
    scene = files.scene
    using: dict[str, set[str]] = {}
    for host, found in files.mounted.items():
        for storage in found:
            using.setdefault(storage, set()).add(host)
    clients: dict[tuple[str, str], set[str]] = {}
    for storage, hosts in using.items():
        servers = files.servers(storage)
        for key in [(server, _family(storage)) for server in servers] or [("", storage)]:
            clients.setdefault(key, set()).update(hosts)
    for (server, family), hosts in sorted(clients.items()):
        if server:
            yield from _served(scene, server, family, hosts - {server})
        else:
            why = f"{len(hosts)} hosts mount it and no server is known for it: their traffic to it is cut"
            yield cannot_tell("ip", f"mounts of {family}", family, why, "capture its server, or name it in an override")


def _family(storage: str) -> str:
    name = storage.partition(":")[2]
    return next(one for one in _PORTS if name.startswith(one))


def _served(scene: Scene, server: str, family: str, hosts: set[str]) -> Iterator[Group | Allow]:
    whats, verbs, why = _PORTS[family]
    name, short = server.partition(":")[2], family or "nfs"
    fabric = sorted(host for host in hosts if verbs or _only_by_ib(scene, host, server))
    source = group(
        f"clients:{name}/{short}",
        "role",
        "",
        f"hosts that mount from {server}",
        ip=hosts,
        ib=[port for host in fabric for port in scene.ports[IB].get(host, ())],
        roce=[port for host in fabric if verbs for port in scene.ports[ROCE].get(host, ())],
    )
    target = group(
        f"server:{name}",
        "service",
        "",
        f"file server {server}",
        ip=[server],
        ib=scene.ports[IB].get(server, ()),
        roce=scene.ports[ROCE].get(server, ()),
    )
    yield from (source, target)
    yield from (Allow(source.name, target.name, "ip", what, why) for what in whats)
    for plane in (IB, ROCE):
        if source.on(plane) and target.on(plane):
            over = "over verbs" if verbs else "over IPoIB, on a partition that both are in"
            yield Allow(source.name, target.name, plane, "any", f"{why}, {over}")


def _only_by_ib(scene: Scene, host: str, server: str) -> bool:
    """Whether the two meet in IPoIB networks and in no other."""
    both = scene.addresses.get(host, {}).keys() & scene.addresses.get(server, {}).keys()
    return bool(both) and both <= scene.over_ib


def _folders(files: Files) -> Iterator[Group | Allow]:
    """Exports without known folders, for whoever mounts them; homes for login hosts."""
    plain: dict[tuple[str, str], list[str]] = {}
    for host, found in files.mounted.items():
        for storage, mode in found.items():
            if storage not in files.special:
                runs = files.seen.subjects("root_runs_from", storage)
                plain.setdefault((storage, "ro" if runs else mode), []).append(host)
    for (storage, mode), hosts in sorted(plain.items()):
        source = group(
            f"mounts:{storage.partition(':')[2]}/{mode}", "role", "", f"hosts that mount {storage}", storage=hosts
        )
        yield from (source, group(storage, "service", "", "an export without data or homes", storage=[storage]))
        yield Allow(
            source.name, storage, "storage", mode, "it holds no data and no homes that are known, and is mounted"
        )
    homes = [home for found in files.homes.values() for home in found]
    if homes and files.scene.login:
        yield group(
            "login", "role", "", "hosts on which people log in", ip=files.scene.login, storage=files.scene.login
        )
        yield group("homes", "service", "", "the homes of people", storage=homes)
        yield Allow(
            "login",
            "homes",
            "storage",
            "rw",
            "people work in their homes where they log in; data is not theirs to mount",
        )


def each(known: Known, gang: Gang) -> Iterator[Group | Allow | Residual]:
    """Homes of its accounts and the folders of its pipelines."""
    files = known.files
    if gang.pods:
        return
    for one in gang.accounts:
        if one in files.homes:
            name = f"home:{one.partition(':')[2]}"
            yield group(name, "service", "", f"the home of {one}", storage=files.homes[one])
            yield Allow(gang.name, name, "storage", "rw", f"it runs as {one.partition(':')[2]}")
    lines: dict[str, str] = {}
    for one in (*gang.reads, *gang.writes):
        if not _may(files, gang, one):
            why = f"it is said to use {one}, which belongs to another tenant and is not shared with it: not allowed"
            yield cannot_tell("storage", gang.name, one, why, "an override with an owner, if it is meant")
            continue
        line = files.scene.work_of[one].name
        lines[line] = max("rw" if one in gang.writes else "ro", lines.get(line, ""))
    mounted = {storage for host in gang.hosts for storage in files.mounted.get(host, ())}
    for name, mode in sorted(lines.items()):
        for storage, made in files.folders[name].items():
            if storage in mounted:
                yield made
                does = "writes" if mode == "rw" else "reads"
                yield Allow(gang.name, made.name, "storage", mode, f"it {does} data of {name}")
        if mounted.isdisjoint(files.folders[name]):
            why = f"it uses data of {name}, and none of its hosts mounts it: how it comes there cannot be told"
            yield cannot_tell("storage", gang.name, name, why, "capture the mounts of its hosts")
    if not gang.told:
        yield from _untold(files, gang)


def _may(files: Files, gang: Gang, one: str) -> bool:
    """Data of its own tenant, or that its account or a group of it is named to read."""
    tenants = files.seen.objects(one, "in_tenant")
    if not tenants or gang.tenant in tenants:
        return True
    named = {*files.seen.objects(one, "readable_by"), *files.seen.objects(one, "writable_by")}
    own = {group for account in gang.accounts for group in files.seen.objects(account, "member_of")}
    return bool(named & {*gang.accounts, *own})


def _untold(files: Files, gang: Gang) -> Iterator[Group | Allow | Residual]:
    """Nobody told what it opens: no data where lineage is recorded for others, its mounts where for nobody."""
    data = sorted({one for host in gang.hosts for one in files.mounted.get(host, ()) if one in files.special})
    homes = files.seen.of("stores_home")
    data = [one for one in data if one not in homes]
    if not data:
        return
    if files.recorded(gang.cluster):
        why = f"nobody told what it opens: it mounts no folder of data ({', '.join(data)})"
        yield cannot_tell("storage", gang.name, "data", why, "record its lineage, or learn its flows before enforcing")
        return
    for storage in data:
        yield group(storage, "service", "", "an export of which all folders are needed", storage=[storage])
        yield Allow(
            gang.name, storage, "storage", "rw", "no lineage is recorded on this cluster, so what is mounted is needed"
        )
    why = f"no lineage is recorded on this cluster: all of {', '.join(data)} stays open to it"
    yield cannot_tell("storage", gang.name, "data", why, "record lineage (OpenLineage, MLflow, observed opens)")
