"""Storage, data and artefacts: one collector, since a path means nothing without the mounts that lead there.

All files of these families are taken together: exports and mount tables first (they say where
paths lie), then folder listings, artefacts and lineage, which name data by its place.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator

from ringfence.collect import storage_data
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, stamped
from ringfence.collect.places import Mark, Places
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.storage import exports, folders, mounts

FORM = "storage"

QUESTIONS: tuple[Question, ...] = (
    ReadFile("hosts/{host}/exports", "/etc/exports"),
    ReadFile("hosts/{host}/exports.d/", "/etc/exports.d/*.exports"),
    Probe("hosts/{host}/exportfs", ("exportfs", "-v"), where="storage"),
    ReadFile("hosts/{host}/mounts", "/proc/mounts"),
    ReadFile("hosts/{host}/fstab", "/etc/fstab"),
)


def recognise(path: str, head: bytes) -> str:
    """Claim everything of the family as one form; what it is in detail is asked again when all are there."""
    return FORM if _detail(path, head) else ""


def _detail(path: str, head: bytes) -> str:
    if folders.looks_like(head):
        return "folders"
    shape = mounts.looks_like(head)
    if shape:
        return f"mounts-{shape}"
    if exports.looks_like(head):
        return "exports"
    if path.endswith(".toml") and b"[[data]]" in head:
        return "marks"
    return ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Facts of all files of the family."""
    del form
    by_detail: dict[str, list[CapturedFile]] = {}
    for file in files:
        by_detail.setdefault(_detail(file.path, file.head), []).append(file)
    places = Places(scope)
    yield from _marks(by_detail.get("marks", []), places)
    yield from _exports(by_detail.get("exports", []), places)
    yield from _mounts(by_detail, places)
    yield from _holes(places)
    yield from storage_data.folders(by_detail.get("folders", []), places)


def _marks(files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    for file in files:
        try:
            rows = tomllib.loads(file.text()).get("data", [])
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            yield Problem(file.path, 0, f"not TOML: {error}", "see docs/design/storage.md")
            continue
        for row in rows if isinstance(rows, list) else []:
            mark = _mark(row)
            if mark is None:
                yield Problem(file.path, 0, "a [[data]] table needs path, and kind: model, dataset or checkpoint")
                continue
            places.marks.append(mark)
            if mark.jewel:
                reason = {"marked_by": "user"}
                yield stamped(Fact(ids.of(mark.kind, mark.name or mark.path), "jewel", "marked", reason), file)


def _mark(row: object) -> Mark | None:
    if not isinstance(row, dict):
        return None
    path, kind, name = row.get("path"), row.get("kind"), row.get("name", "")
    if not isinstance(path, str) or kind not in ("model", "dataset", "checkpoint") or not isinstance(name, str):
        return None
    return Mark(path, kind, name, row.get("jewel") is True)


def _exports(files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    for file in files:
        try:
            table = exports.parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        yield from (Problem.of(file.path, fault) for fault in table.faults)
        host = places.scope.host_of(file.path)
        places.add_exports(host, table.exports)
        yield stamped(asked(host, "exports", answered=True, complete=not table.faults), file)
        for export in table.exports:
            yield from (stamped(fact, file) for fact in _of_export(host, export, places.scope))


def _of_export(host: str, export: exports.Export, scope: Scope) -> Iterator[Fact]:
    entity = f"storage:{host.partition(':')[2]}:{ids.clean(export.path)}"
    yield Fact(entity, "exported_by", host)
    yield asked(entity, "exports", answered=True, complete=True)
    for client in export.clients:
        attributes: dict[str, Scalar] = {"mode": "rw" if client.rw else "ro", "client": ids.clean(client.spec)}
        if client.squash == "none":
            attributes["no_root_squash"] = True
        to = client_entity(client.spec, scope)
        if to:
            yield Fact(entity, "exported_to", to, attributes)
        if client.spec == exports.WORLD:
            yield Fact(entity, "setting", "exported_to=*")
        if client.squash == "none" and not to.startswith("host:"):
            yield Fact(entity, "setting", "no_root_squash", {"client": ids.clean(client.spec)})
        if client.squash != "all":
            yield from (Fact(entity, "setting", f"sec={ids.clean(flavour)}") for flavour in client.sec)
        if client.rw:
            yield Fact(entity, "setting", "access=rw")


def client_entity(spec: str, scope: Scope) -> str:
    """A network for addresses and CIDR, a host for a plain name; empty for wildcards and netgroups."""
    address, slash, width = spec.partition("/")
    numeric = address.replace(".", "").isdigit() or ":" in address
    if slash and numeric:
        return ids.of("network", f"{address}/{_bits(width)}")
    if numeric or (spec and not any(mark in spec for mark in "*?@[/")):
        return scope.host(spec)
    return ""


def _bits(width: str) -> str:
    """`255.255.0.0` is `16`."""
    parts = width.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return str(sum(int(part).bit_count() for part in parts))
    return width


def _mounts(by_detail: dict[str, list[CapturedFile]], places: Places) -> Iterator[Found]:
    """In force before intended: fstab counts only where nothing shows what is mounted."""
    said: dict[str, CapturedFile] = {}
    tables = [(file, mounts.parse_table) for file in by_detail.get("mounts-table", [])]
    trees = [(file, mounts.parse_json) for file in by_detail.get("mounts-json", [])]
    for file, parse in sorted((*tables, *trees), key=lambda pair: ("fstab" in pair[0].name, pair[0].path)):
        host = places.scope.host_of(file.path)
        if "fstab" in file.name and host in said:
            continue
        try:
            found = parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        said.setdefault(host, file)
        places.add_mounts(host, found)
        yield stamped(asked(host, "mounts", answered=True, complete=True), file)
    for host, file in said.items():
        yield from (stamped(fact, file) for fact in _of_mounts(host, places))


def _of_mounts(host: str, places: Places) -> Iterator[Fact]:
    for mount in places.mounts(host):
        place = places.of_mount(mount)
        if place is None:
            continue
        mode = "rw" if mount.writable else "ro"
        for storage in place.on[:1]:
            yield Fact(host, "mounts", storage, {"mode": mode, "path": ids.clean(mount.target)})
            if mount.sec == "sys":
                yield Fact(storage, "setting", "sec=sys")
            if mount.writable:
                yield Fact(storage, "setting", "access=rw")
            if mount.kind.startswith("nfs") and mount.remote:
                yield Fact(storage, "exported_by", places.server(mount.remote[0]))


def _holes(places: Places) -> Iterator[Found]:
    """Storage that hosts mount while nobody showed how its server believes them."""
    seen = set()
    for host in places.hosts():
        for mount in places.mounts(host):
            remote, place = mount.remote, places.of_mount(mount)
            if remote is None or place is None or place.on[0] in seen:
                continue
            seen.add(place.on[0])
            if places.server(remote[0]) not in places.exports:
                yield asked(place.on[0], "exports", answered=False, reason="the server was not captured")


Reader = Callable[[CapturedFile], Iterable[Fact]]

COLLECTOR = Collector("storage", recognise, collect, ("mounts", "exports"))
