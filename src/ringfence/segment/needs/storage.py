"""Files: which hosts speak to which file server, and which folders of it they may mount.

On `ip` (and on `ib`, where only IPoIB or RDMA leads there) a host reaches the servers of what it mounts; a server
cannot be told from its exports there. Which folder, is the `storage` plane:

    gang  → its pipeline's folder (rw if it writes, else ro), the homes of its accounts
    login → homes; no folder of data
    all   → exports in which neither data nor homes are known, as they are mounted (ro if root runs programs there)
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.scene import IB, ROCE, Scene
from ringfence.segment.seen import starting
from ringfence.segment.workflow import Gang, Pipeline

_PORTS: Mapping[str, tuple[tuple[str, ...], bool, str]] = {
    "lustre": (("tcp/988",), True, "LNet carries Lustre over verbs, and over TCP"),
    "beegfs": (("tcp/8003-8008", "udp/8003-8008"), True, "BeeGFS clients speak to its daemons"),
    "gpfs": (("tcp/1191",), True, "nodes of a Storage Scale cluster speak to its servers"),
    "weka": (("tcp/14000-14100", "udp/14000-14100"), True, "WEKA clients speak to its processes"),
    "": (("tcp/2049",), False, "clients of NFS reach the servers of what they mount"),
}
"""By what the storage's name begins with: ports, whether it uses verbs, why (defaults of each product's manual)."""


def needs(scene: Scene) -> Iterator[Group | Allow | Residual]:
    """Servers, then folders."""
    files = Files(scene)
    yield from _servers(files)
    yield from _folders(files)
    for gang in scene.gangs.values():
        yield from gang_needs(files, gang)


class Files:
    """What is mounted where, and what lies in it."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.seen = scene, scene.seen

    @cached_property
    def mounted(self) -> Mapping[str, dict[str, str]]:
        """Host → what it, a job or a container on it mounts → `ro` or `rw`."""
        found: dict[str, dict[str, str]] = {}
        for subject, storage, shown in self.seen.rows("mounts"):
            mode = "ro" if shown.get("mode") == "ro" else "rw"
            for host in (
                [subject] if subject.startswith("host:") else starting(self.seen.objects(subject, "runs_on"), "host")
            ):
                mine = found.setdefault(host, {})
                mine[storage] = max(mode, mine.get(storage, ""))
        return found

    @cached_property
    def places(self) -> Mapping[str, dict[str, PurePosixPath]]:
        """Data → storage → the path at which it lies there."""
        found: dict[str, dict[str, PurePosixPath]] = {}
        for one, storage, shown in self.seen.rows("stored_on"):
            path = PurePosixPath(str(shown.get("path") or root(storage)))
            mine = found.setdefault(one, {})
            mine[storage] = min(path, mine.get(storage, path))
        return found

    @cached_property
    def special(self) -> frozenset[str]:
        """Storage of which folders are known: those of data, and homes."""
        return frozenset(
            {storage for found in self.places.values() for storage in found} | {*self.seen.of("stores_home")}
        )

    @cached_property
    def folders(self) -> Mapping[str, Mapping[str, Group]]:
        """Pipeline → storage → the group of its folders there."""
        held: dict[str, list[tuple[PurePosixPath, str]]] = {}
        for line in self.scene.pipelines:
            for one in line.data:
                for storage, path in self.places.get(one, {}).items():
                    held.setdefault(storage, []).append((path, line.name))
        return {line.name: dict(self._folders(line, held)) for line in self.scene.pipelines}

    def _folders(
        self, line: Pipeline, held: Mapping[str, list[tuple[PurePosixPath, str]]]
    ) -> Iterator[tuple[str, Group]]:
        """One folder where it holds this pipeline's data and no other's, else that of each piece of data."""
        found = sorted({storage for one in line.data for storage in self.places.get(one, {})})
        for storage in found:
            mine = [path for path, name in held[storage] if name == line.name]
            top = _common(mine)
            others = any(path.is_relative_to(top) for path, name in held[storage] if name != line.name)
            alone = top != PurePosixPath(root(storage)) and not others
            ends = [folder(storage, path) for path in ([top] if alone else mine)]
            name = data_group(line.name, storage if len(found) > 1 else "")
            yield storage, group(name, "service", line.tenant, f"the folders of {line.name}", storage=ends)

    @cached_property
    def homes(self) -> Mapping[str, tuple[str, ...]]:
        """Account → its homes."""
        found: dict[str, set[str]] = {}
        for storage, people in self.seen.of("stores_home").items():
            for one in people:
                found.setdefault(one, set()).add(folder(storage, PurePosixPath(root(storage), one.partition(":")[2])))
        return {one: tuple(sorted(found[one])) for one in sorted(found)}

    def recorded(self, cluster: str) -> bool:
        """Whether anybody records what jobs of this cluster read and write."""
        return cluster in self._recorded

    @cached_property
    def _recorded(self) -> frozenset[str]:
        return frozenset(one.cluster for one in self.scene.gangs.values() if one.told)


def data_group(line: str, storage: str = "") -> str:
    """The name of the group of a pipeline's folders, on one storage where it has several."""
    return f"data:{line.partition(':')[2]}" + (f" on {storage}" if storage else "")


def root(storage: str) -> str:
    """`/export/home` of `storage:nfs1:/export/home`."""
    return storage.split(":", 2)[-1]


def folder(storage: str, path: PurePosixPath) -> str:
    """`storage:nfs1:/export/home/ann`: an export's id with the longer path."""
    top, inside = PurePosixPath(root(storage)), path
    if not path.is_relative_to(top):  # some captures give the path below the export
        inside = top / str(path).lstrip("/")
    return f"{storage.removesuffix(root(storage))}{inside}"


def _common(paths: Iterable[PurePosixPath]) -> PurePosixPath:
    first, *rest = sorted(set(paths))
    while not all(path.is_relative_to(first) for path in rest):
        first = first.parent
    return first


def _servers(files: Files) -> Iterator[Group | Allow | Residual]:
    """For each file server its clients, by what they mount."""
    scene = files.scene
    using: dict[str, set[str]] = {}
    for host, found in files.mounted.items():
        for storage in found:
            using.setdefault(storage, set()).add(host)
    clients: dict[tuple[str, str], set[str]] = {}
    for storage, hosts in using.items():
        servers = starting(files.seen.objects(storage, "exported_by"), "host")
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


def gang_needs(files: Files, gang: Gang) -> Iterator[Group | Allow | Residual]:
    """Homes of its accounts and the folders of its pipelines, from facts about this gang."""
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
