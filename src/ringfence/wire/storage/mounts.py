"""What a host mounts: `/proc/mounts`, `/etc/fstab`, `findmnt -J`.

Sources are written in as many ways as there are file systems; `remote` turns those that lead off
the host into (server, path).
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.storage.exports import unescaped

_LINE = re.compile(
    rb"\A[^\s#]{1,4096}+[ \t]++(?:/\S{0,4096}+|none|swap)[ \t]++"
    rb"[a-z][\w.,-]{0,40}+[ \t]++\S{1,4096}+[ \t]++\d++[ \t]++\d++"
)
_DEEPEST = 64
_NFS = ("nfs", "nfs4")


class Mount(msgspec.Struct, frozen=True):
    """One line of a mount table. `options` as written, split at commas."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]

    @property
    def writable(self) -> bool:
        return "ro" not in self.options

    def option(self, name: str) -> str:
        """The value of `name=value`; empty without one."""
        return next((each.partition("=")[2] for each in self.options if each.startswith(name + "=")), "")

    @property
    def sec(self) -> str:
        """The flavour an NFS client proves its accounts by: what the table says, else sys."""
        return (self.option("sec") or "sys") if self.kind in _NFS else ""

    @property
    def remote(self) -> tuple[str, str] | None:
        """(server, path) of a mount that leads off the host, None of a local one."""
        kind = self.kind.removeprefix("fuse.")
        reader = _REMOTE.get(kind)
        return reader(self.source) if reader else None


def looks_like(head: bytes) -> str:
    """Say "table" for six-column mount tables, "json" for findmnt, "" for neither."""
    start = head.lstrip()[:400]
    if start.startswith(b"{") and b'"filesystems"' in start:
        return "json"
    first = next((line for line in head.splitlines() if line.strip() and not line.lstrip().startswith(b"#")), b"")
    return "table" if _LINE.fullmatch(first.rstrip()) else ""


def parse_table(data: bytes) -> list[Mount]:
    """Read /proc/mounts or fstab. Raises `InputError` with the line."""
    found = []
    for number, line in safe.lines(data):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 4:
            raise InputError("a mount has source, folder, type and options", line=number, remedy="capture it again")
        source, target, kind, options = words[:4]
        found.append(Mount(unescaped(source), unescaped(target), kind[:40], tuple(options.split(","))))
    return found


def parse_json(data: bytes) -> list[Mount]:
    """Read `findmnt -J`, children included. Raises `InputError`."""
    document = safe.json(data)
    if not isinstance(document, dict):
        raise InputError("findmnt writes an object", remedy="capture it with `findmnt -J`")
    return [_mount(row) for row in _rows(document.get("filesystems"), 0)]


def _rows(rows: Any, depth: int) -> Iterator[dict[str, Any]]:
    if rows is None:
        return
    if not isinstance(rows, list) or depth > _DEEPEST or not all(isinstance(row, dict) for row in rows):
        raise InputError("filesystems is not a list of objects", remedy="capture it with `findmnt -J`")
    for row in rows:
        yield row
        yield from _rows(row.get("children"), depth + 1)


def _mount(row: dict[str, Any]) -> Mount:
    texts = [row.get(name) or "" for name in ("source", "target", "fstype", "options")]
    if not all(isinstance(text, str) for text in texts):
        raise InputError("a file system's columns are not text", remedy="capture it with `findmnt -J`")
    source, target, kind, options = texts
    return Mount(source, target.rstrip("/") or "/", kind[:40], tuple(options.split(",")))


def _nfs(source: str) -> tuple[str, str] | None:
    """`server:/path`, `[v6]:/path`."""
    server, colon, path = source.rpartition(":/")
    return (server.strip("[]"), "/" + path.rstrip("/")) if colon and server else None


def _lustre(source: str) -> tuple[str, str] | None:
    """`nid[:nid…]:/fsname[/folder]`: the file system is named, its servers are many."""
    name, _, folder = source.rpartition(":/")[2].partition("/")
    return (f"lustre-{name}", "/" + folder.rstrip("/")) if name else None


def _ceph(source: str) -> tuple[str, str] | None:
    """`mon1,mon2:/path` or `user@fsid.name=/path`."""
    if "=" in source:
        name, _, path = source.partition("=")
        return f"ceph-{name.rpartition('.')[2]}", path.rstrip("/") or "/"
    return "ceph", "/" + source.rpartition(":/")[2].rstrip("/")


def _cifs(source: str) -> tuple[str, str] | None:
    server, _, share = source.strip("/").replace("\\", "/").partition("/")
    return (server, "/" + share) if server and share else None


def _bucket(source: str) -> tuple[str, str] | None:
    return ("s3", source.partition(":")[0]) if source else None


def _named(family: str) -> Any:
    return lambda source: (f"{family}-{source.strip('/').replace('/', '-')}" if source else family, "/")


_REMOTE: dict[str, Any] = {
    "nfs": _nfs,
    "nfs4": _nfs,
    "lustre": _lustre,
    "ceph": _ceph,
    "ceph-fuse": _ceph,
    "glusterfs": _nfs,
    "cifs": _cifs,
    "smb3": _cifs,
    "s3fs": _bucket,
    "mountpoint-s3": _bucket,
    "gpfs": _named("gpfs"),
    "beegfs": _named("beegfs"),
    "wekafs": _named("weka"),
}
