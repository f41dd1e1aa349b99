"""Storage, data and artefacts: one collector, since a path means nothing without the mounts that lead there.

All files of these families are taken together: exports and mount tables first (they say where
paths lie), then folder listings, artefacts and lineage, which name data by its place.
"""

import tomllib
from collections.abc import Iterable, Iterator
from itertools import takewhile

from ringfence.collect import artefacts, buckets, lineage, storage_data
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, stamped
from ringfence.collect.places import Mark, Places
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.lineage import runs
from ringfence.wire.storage import bucket, exports, folders, lustre, mounts

FORM = "storage"

_DATA = ("/data", "/datasets", "/models", "/checkpoints", "/scratch", "/projects", "/export", "/srv", "/mnt", "/home")
_DEEP = "7"

QUESTIONS: tuple[Question, ...] = (
    ReadFile("hosts/{host}/exports", "/etc/exports"),
    ReadFile("hosts/{host}/exports.d/", "/etc/exports.d/*.exports"),
    Probe("hosts/{host}/exportfs", ("exportfs", "-v"), where="storage"),
    ReadFile("hosts/{host}/mounts", "/proc/self/mounts"),
    ReadFile("hosts/{host}/fstab", "/etc/fstab"),
    Probe("storage/nodemap", ("lctl", "get_param", "nodemap.*"), where="storage"),
    *(
        # one folder each: a missing one is a missing answer, not the end of the others
        Probe(
            f"hosts/{{host}}/folders{folder.replace('/', '-')}",
            ("find", folder, "-xdev", "-maxdepth", _DEEP, "-printf", folders.FIND_FORMAT),
            where="storage",
            timeout_s=300,
        )
        for folder in _DATA
    ),
)
"""What the file servers and nodes are asked. Folders elsewhere: run the same `find` on them by hand."""


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
    if lustre.looks_like(head):
        return "nodemap"
    if bucket.looks_like(head):
        return "bucket"
    run = runs.looks_like(head)
    if run:
        return run
    artefact = artefacts.detail(path, head)
    if artefact:
        return artefact
    if path.endswith(".toml") and b"[[data]]" in head:
        return "marks"
    # Debian's first fstab holds a comment and nothing else.
    return "mounts-table" if path.endswith("fstab") and head.lstrip().startswith(b"#") else ""


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
    yield from _holes(places, bool(by_detail.get("nodemap")))
    yield from _nodemaps(by_detail.get("nodemap", []), places)
    yield from storage_data.folders(by_detail.get("folders", []), places)
    yield from buckets.facts(by_detail.get("bucket", []))
    for detail in ("safetensors", "gguf", "archive", "pickle", "bom"):
        yield from artefacts.facts(detail, by_detail.get(detail, []), places)
    for detail in ("openlineage", "mlflow-json", "mlflow-yaml", "opens"):
        yield from lineage.facts(detail, by_detail.get(detail, []), places)


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
            places.add_mark(mark)
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
        whole = not table.faults and not any(_unresolved(export) for export in table.exports)
        yield stamped(asked(host, "exports", answered=True, complete=whole), file)
        for export in table.exports:
            yield from (stamped(fact, file) for fact in _of_export(host, export, places.scope))


def _of_export(host: str, export: exports.Export, scope: Scope) -> Iterator[Fact]:
    entity = f"storage:{host.partition(':')[2]}:{ids.clean(export.path)}"
    yield Fact(entity, "exported_by", host)
    unresolved = _unresolved(export)
    if unresolved:
        reason = f"whom {', '.join(unresolved[:3])} names was not captured"
        yield asked(entity, "exports", answered=False, reason=ids.clean(reason))
    else:
        yield asked(entity, "exports", answered=True, complete=True)
    for client in export.clients:
        attributes: dict[str, Scalar] = {"mode": "rw" if client.rw else "ro", "client": ids.clean(client.spec)}
        if client.squash == "none":
            attributes["no_root_squash"] = True
        to = client_entity(client.spec, scope)
        if to:
            yield Fact(entity, "exported_to", to, attributes)
        elif any(mark in client.spec for mark in "*?[") and client.spec != exports.WORLD:
            yield Fact(entity, "setting", f"exported_to={ids.clean(client.spec)}", attributes)  # `after` finds whom
        if client.insecure:
            yield Fact(entity, "setting", "insecure", {"client": ids.clean(client.spec)})
        if client.spec == exports.WORLD:
            yield Fact(entity, "setting", "exported_to=*")
        if client.squash == "none" and not to.startswith("host:"):
            yield Fact(entity, "setting", "no_root_squash", {"client": ids.clean(client.spec)})
        if client.squash != "all":
            yield from (Fact(entity, "setting", f"sec={ids.clean(flavour)}") for flavour in client.sec)
        if client.rw:
            yield Fact(entity, "setting", "access=rw")


def _unresolved(export: exports.Export) -> list[str]:
    """The netgroups among the clients: who is in one stands in a directory that no capture holds."""
    return [client.spec for client in export.clients if client.spec.startswith("@")]


def client_entity(spec: str, scope: Scope) -> str:
    """A network for a CIDR or `10.1.*`, a host for a name or address; empty for names' wildcards and netgroups."""
    wild = _wild_network(spec)
    if wild:
        return ids.of("network", wild)
    address, slash, width = spec.partition("/")
    numeric = address.replace(".", "").isdigit() or ":" in address
    if slash and numeric:
        return ids.of("network", f"{address}/{_bits(width)}")
    if numeric or (spec and not any(mark in spec for mark in "*?@[/")):
        return scope.host(spec)
    return ""


def _wild_network(spec: str) -> str:
    """The smallest network of whole octets that holds every address of `10.0.*.*`; empty for anything else."""
    octets = spec.split(".")
    fixed = list(takewhile(str.isdecimal, octets))
    plain = all(not part.strip("0123456789*?[]-") for part in octets)
    if not plain or not fixed or len(octets) > 4 or len(fixed) == len(octets):
        return ""
    if len(fixed) > 3 or any(len(part) > 3 or int(part) > 255 for part in fixed):
        return ""
    return ".".join([*(str(int(part)) for part in fixed), *["0"] * (4 - len(fixed))]) + f"/{8 * len(fixed)}"


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
    told: set[tuple[str, str, str]] = set()
    for host, file in said.items():
        yield from (stamped(fact, file) for fact in _of_mounts(host, places, told))
    if said:
        first = said[min(said)]
        yield from (stamped(fact, first) for fact in places.aliases())


def _of_mounts(host: str, places: Places, told: set[tuple[str, str, str]]) -> Iterator[Fact]:
    """What one host's table says. Of the storage itself each thing is said once, not by each of 10,000 clients."""
    for mount in places.mounts(host):
        place = places.of_mount(mount)
        if place is None:
            continue
        storage = place.on[0]
        yield Fact(host, "mounts", storage, {"mode": "rw" if mount.writable else "ro", "path": ids.clean(mount.target)})
        for fact in _of_storage(storage, mount, places):
            key = (fact.subject, fact.predicate, fact.object)
            if key not in told:
                told.add(key)
                yield fact


def _of_storage(storage: str, mount: mounts.Mount, places: Places) -> Iterator[Fact]:
    if mount.sec == "sys":
        yield Fact(storage, "setting", "sec=sys")
    if mount.writable:
        yield Fact(storage, "setting", "access=rw")
    if mount.kind.startswith("nfs") and mount.remote:
        yield Fact(storage, "exported_by", places.server(mount.remote[0]))


def _remote(places: Places) -> dict[str, mounts.Mount]:
    """Every storage that some host mounts from elsewhere, with one such mount."""
    found: dict[str, mounts.Mount] = {}
    for host in places.hosts():
        for mount in places.mounts(host):
            place = places.of_mount(mount)
            if place is not None:
                found.setdefault(place.on[0], mount)
    return found


def _holes(places: Places, mapped: bool) -> Iterator[Found]:
    """Storage that hosts mount while nobody showed how its servers believe them."""
    for storage, mount in _remote(places).items():
        is_lustre = mount.kind == "lustre"
        server = mount.remote[0] if mount.remote else ""
        known = mapped if is_lustre else places.server(server) in places.exports
        for aspect in ("exports", "nodemap") if is_lustre else ("exports",):
            if not known and server != "s3":
                yield asked(storage, aspect, answered=False, reason="the server was not captured")


def _nodemaps(files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    """A map is chosen by an address that the client's root can set, so the weakest map counts for all."""
    of_lustre = [storage for storage, mount in _remote(places).items() if mount.kind == "lustre"]
    for file in files:
        try:
            maps = lustre.parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        for storage in of_lustre:
            yield from (stamped(fact, file) for fact in _of_nodemaps(storage, maps))


def _of_nodemaps(storage: str, maps: lustre.Nodemaps) -> Iterator[Fact]:
    yield asked(storage, "nodemap", answered=True, complete=True)
    yield Fact(storage, "setting", f"nodemap={'active' if maps.active else 'inactive'}")
    if not maps.active or any(each.trusted for each in maps.maps):
        yield Fact(storage, "setting", "nodemap=trusted")
    if not maps.active or any(each.admin for each in maps.maps):
        yield Fact(storage, "setting", "no_root_squash")


COLLECTOR = Collector("storage", recognise, collect, ("mounts",))
