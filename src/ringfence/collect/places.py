"""Where a path really lies: one name for a folder, whichever host or service speaks of it.

        (host, /mnt/weights/llama) ──mounts of that host──▶ storage:nfs1:/export/weights + /llama

Data is named by its place, `model:nfs1:/export/weights/llama`, so that a listing made on a client,
one made on the server and a lineage event about either agree without being told. A mark in
`[[data]]` of the capture's TOML gives a name of the user's own instead.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from ringfence.collect.base import Scope
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.storage.exports import Export
from ringfence.wire.storage.mounts import Mount

_LONGEST = 180


class Place(msgspec.Struct, frozen=True):
    """A folder or file on storage. `on` are all exports that hold it, innermost first; `name` is server:path."""

    on: tuple[str, ...]
    name: str
    path: str


class Mark(msgspec.Struct, frozen=True):
    """The user's word for a place: what it is and is called. `path` may be `server:/path` or a plain path."""

    path: str
    kind: str
    name: str = ""
    jewel: bool = False


class Places:
    """Mount tables and exports of a whole capture, asked for the place of a path."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.exports: dict[str, dict[str, Export]] = defaultdict(dict)
        self._mounts: dict[str, dict[str, Mount]] = defaultdict(dict)
        self._alias: dict[str, str] = {}
        self._marks: dict[str, Mark] = {}
        self._local: set[str] = set()
        self._known: dict[str, str] = {}
        self._anywhere: dict[str, str] = {}
        self._led: dict[tuple[str, str], Place | None] = {}

    def add_exports(self, host: str, exports: Iterable[Export]) -> None:
        """Take the export table of `host`, an entity id."""
        for export in exports:
            self.exports[host][export.path] = export

    def add_mounts(self, host: str, mounts: Iterable[Mount]) -> None:
        """Take a mount table of `host`. A later line hides an earlier one of the same folder, as the kernel has it."""
        for mount in mounts:
            self._mounts[host][mount.target] = mount
            server = mount.remote
            if server:
                self._anywhere.setdefault(mount.target, host)
            address = mount.option("addr")
            if server and address and mount.kind.startswith("nfs") and address != server[0]:
                self._alias[address] = server[0]

    def add_mark(self, mark: Mark) -> None:
        """Take the user's word for a place."""
        self._marks[mark.path.rstrip("/") or "/"] = mark

    def hosts(self) -> Iterable[str]:
        """Every host whose mounts are known."""
        return self._mounts

    def mounts(self, host: str) -> Iterable[Mount]:
        return self._mounts.get(host, {}).values()

    def server(self, name: str) -> str:
        """The host id of an NFS server: an address seen beside a name is called by the name."""
        return self.scope.host(self._alias.get(name, name))

    def aliases(self) -> Iterable[Fact]:
        """Exports that some host mounts by its server's address and another by its name are one thing."""
        seen = set()
        for table in self._mounts.values():
            for mount in table.values():
                remote = mount.remote if mount.kind.startswith("nfs") else None
                if remote is None:
                    continue
                place = self.of_mount(mount)
                storage = place.on[0] if place else ""
                path = storage.partition(":")[2].partition(":")[2]
                for other, rule in (
                    (mount.option("addr"), "the mount names both server and address"),
                    (remote[0].lower(), "the mount names the server in full"),
                ):
                    alias = f"storage:{ids.clean(other)}:{path}"
                    if other and storage and alias != storage and alias not in seen:
                        seen.add(alias)
                        yield Fact(alias, "same_as", storage, {"rule": rule})

    def of_mount(self, mount: Mount) -> Place | None:
        """Where a mount leads, None for a local one. Ask only when all tables have been added."""
        key = (mount.source, mount.kind)
        if key not in self._led:
            self._led[key] = self._lead(mount)
        return self._led[key]

    def _lead(self, mount: Mount) -> Place | None:
        remote = mount.remote
        if remote is None:
            return None
        server, path = remote
        if server == "s3":
            bucket, _, rest = path.partition("/")
            return Place((f"storage:s3:{ids.clean(bucket)}",), f"s3:{path}", "/" + rest)
        return self.on_server(self._alias.get(server, server), path)

    def on_server(self, server: str, path: str) -> Place:
        """The place of a path as its server names it."""
        host = self.scope.host(server)
        name = ids.host_name(server, self.scope.site)
        exports = self.exports.get(host, {})
        if not _holding(exports, path):
            for root in (each.path for each in exports.values() if any(one.root_of_v4 for one in each.clients)):
                if _holding(exports, root.rstrip("/") + path):
                    path = root.rstrip("/") + path
                    break
        held = _holding(exports, path) or [path]
        return Place(tuple(ids.storage(server, each, self.scope.site) for each in held), f"{name}:{path}", path)

    def of(self, host: str, path: str) -> Place:
        """The place of a path as `host` sees it: through its mounts, its exports, else its own disk."""
        table = self._mounts.get(host, {})
        for folder in _upwards(path):
            mount = table.get(folder)
            if mount is None:
                continue
            rest = path[len(folder.rstrip("/")) :]
            remote = mount.remote
            if remote is None:
                break
            if remote[0] == "s3":
                return Place((ids.storage("s3", remote[1].partition("/")[0]),), f"s3:{remote[1]}{rest}", rest)
            server = self._alias.get(remote[0], remote[0])
            return self.on_server(server, remote[1].rstrip("/") + rest or "/")
        else:
            folder = "/"
        short = host.partition(":")[2]
        held = _holding(self.exports.get(host, {}), path)
        if held:
            return Place(tuple(f"storage:{short}:{ids.clean(each)}" for each in held), f"{short}:{path}", path)
        return Place((f"storage:{short}:{ids.clean(folder)}",), f"{short}:{path}", path)

    def anywhere(self, path: str) -> Place:
        """The place of a path whose host is not told: as the first host sees it that mounts a folder above it."""
        for folder in _upwards(path):
            if folder in self._anywhere:
                return self.of(self._anywhere[folder], path)
        return Place((), path, path)

    def remember(self, place: Place, entity: str) -> None:
        """From now on what lies at or below the place is `entity`."""
        self._known[place.name] = entity

    def find(self, place: Place) -> str:
        """The entity remembered or marked for this place or a folder above it; empty without one."""
        mark = self.marked(place)
        if mark is not None:
            return ids.of(mark.kind, mark.name or mark.path)
        server = place.name[: len(place.name) - len(place.path)] if place.name.endswith(place.path) else ""
        for folder in _upwards(place.name[len(server) :]):
            if server + folder in self._known:
                return self._known[server + folder]
        return ""

    def marked(self, place: Place) -> Mark | None:
        """The innermost mark on this place or a folder above it; `server:/path` goes before a bare path."""
        if not self._marks:
            return None
        server = place.name[: len(place.name) - len(place.path)] if place.name.endswith(place.path) else ""
        for folder in _upwards(place.path):
            mark = self._marks.get(server + folder) or self._marks.get(folder)
            if mark is not None:
                return mark
        return None

    def entity(self, kind: str, place: Place) -> str:
        """The id of data at a place, by the user's mark where there is one."""
        mark = self.marked(place)
        if mark is not None:
            return ids.of(mark.kind, mark.name or mark.path)
        return ids.of(kind, short(place.name))

    def local(self, host: str, place: Place) -> Iterable[Fact]:
        """What makes a host's own disk reachable, said once: it mounts it and serves it to itself."""
        own = host.partition(":")[2]
        for storage in place.on:
            if storage.startswith(f"storage:{own}:") and storage not in self._local:
                self._local.add(storage)
                yield Fact(host, "mounts", storage, {"mode": "rw", "path": storage.partition(own + ":")[2]})
                yield Fact(storage, "exported_by", host)


def short(name: str) -> str:
    """A name that fits an id: the end of a long path becomes a digest, so that two never meet.

    >>> short("nfs1:/export/a")
    'nfs1:/export/a'
    """
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _upwards(path: str) -> Iterable[str]:
    """The path, its folder, … and `/`."""
    while path and path != "/":
        yield path
        path = path.rpartition("/")[0]
    yield "/"


def _holding(exports: Iterable[str], path: str) -> list[str]:
    """The exports that hold `path`, innermost first."""
    known = set(exports)
    return [folder for folder in _upwards(path) if folder in known]
