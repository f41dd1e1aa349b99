"""Slurm's small files: cgroup.conf, gres.conf, slurmdbd.conf, topology, hashed keys, the OpenAPI page."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm import conf


class Cgroup(msgspec.Struct, frozen=True):
    """What cgroup.conf constrains. Slurm's default for each is no."""

    devices: bool = False
    cores: bool = False
    ram: bool = False
    cluster: str = ""


class Gres(msgspec.Struct, frozen=True):
    """Lines of gres.conf: (nodes as a hostlist or "", kind, type, device files)."""

    lines: tuple[tuple[str, str, str, str], ...]
    autodetect: str = ""
    cluster: str = ""


class Database(msgspec.Struct, frozen=True):
    """slurmdbd.conf. `secret` is the database password's bytes: only ever to be hashed."""

    host: str = ""
    port: str = "6819"
    user: str = ""
    storage_host: str = ""
    auth: str = ""
    secret: bytes = b""
    cluster: str = ""


class Topology(msgspec.Struct, frozen=True):
    """Switches or blocks: name → (hostlist of nodes, hostlist of switches below). `kind`: tree, block, mixed."""

    kind: str
    groups: Mapping[str, tuple[str, str]]
    cluster: str = ""


class Key(msgspec.Struct, frozen=True):
    """A secret file by its mode, owner and salted hash."""

    mode: int
    owner: str
    digest: str
    path: str

    @property
    def purpose(self) -> str:
        name = self.path.rpartition("/")[2]
        if name == "slurmdbd.conf":
            return "slurmdbd"
        return "jwt" if name.startswith("jwt") else "slurm" if name.startswith("slurm") else "munge"


class Keys(msgspec.Struct, frozen=True):
    """The lines of one hash file."""

    keys: tuple[Key, ...]
    cluster: str = ""


class Offered(msgspec.Struct, frozen=True):
    """Versions of the REST interface that a slurmrestd offers, oldest first."""

    versions: tuple[str, ...]
    cluster: str = ""


def _yes(text: str) -> bool:
    return text.strip().lower() in ("yes", "true", "1", "up")


def cgroup(data: bytes) -> Cgroup:
    """cgroup.conf."""
    said = {key: value for _, row in conf.rows(data) for key, value in row.items()}
    devices, cores, ram = (
        _yes(said.get(key, "")) for key in ("constraindevices", "constraincores", "constrainramspace")
    )
    return Cgroup(devices, cores, ram)


def gres(data: bytes) -> Gres:
    """gres.conf."""
    lines: list[tuple[str, str, str, str]] = []
    autodetect = ""
    for _, row in conf.rows(data):
        autodetect = row.get("autodetect", autodetect)
        if "name" in row:
            lines.append((row.get("nodename", ""), row["name"], row.get("type", ""), row.get("file", "")))
    return Gres(tuple(lines), autodetect)


def slurmdbd(data: bytes) -> Database:
    """slurmdbd.conf as it lies on the disk; a capture should hold its hash line instead."""
    said = {key: value for _, row in conf.rows(data) for key, value in row.items()}
    return Database(
        said.get("dbdhost", ""),
        said.get("dbdport", "6819"),
        said.get("slurmuser", "root"),
        said.get("storagehost", "localhost"),
        said.get("authtype", "auth/munge"),
        said.get("storagepass", "").encode("utf-8", "replace"),
    )


def topology(data: bytes) -> Topology:
    """topology.conf of topology/tree or topology/block."""
    groups: dict[str, tuple[str, str]] = {}
    kinds = set()
    for _, row in conf.rows(data):
        name = row.get("switchname") or row.get("blockname")
        if name:
            kinds.add("tree" if "switchname" in row else "block")
            groups[name] = (row.get("nodes", ""), row.get("switches", ""))
    return Topology(kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "", groups)


def topology_yaml(data: bytes) -> Topology:
    """topology.yaml (since 25.05): a list of topologies, each with a tree or with blocks."""
    groups: dict[str, tuple[str, str]] = {}
    kinds = set()
    for document in safe.yaml_documents(data):
        for entry in document if isinstance(document, list) else [document]:
            for kind, within in (("tree", "switches"), ("block", "blocks")):
                for row in _inside(entry, kind, within):
                    name = row.get(kind if kind == "block" else "switch")
                    if isinstance(name, str):
                        kinds.add(kind)
                        groups[name] = (_text(row.get("nodes")), _text(row.get("children")))
    return Topology(kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "", groups)


def _inside(entry: Any, kind: str, within: str) -> list[dict[str, Any]]:
    part = entry.get(kind) if isinstance(entry, dict) else None
    found = part.get(within) if isinstance(part, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


_KEY = re.compile(r"(0?[0-7]{3,4}) (\S{1,100}) sha256:([0-9a-f]{16,64}) (\S{1,1000})")
_OURS = re.compile(r"(?:^|/)(?:(?>[^/]*?munge)[^/]*key|slurm\.key|jwt[^/]*\.key|slurmdbd\.conf)$")


def keys(data: bytes) -> Keys:
    """Lines `mode owner sha256:… path` of Slurm's secrets; those of others are left to others."""
    found = []
    for number, line in safe.lines(data):
        if not line.strip() or line.startswith("#"):
            continue
        match = _KEY.fullmatch(line.strip())
        if match is None:
            raise InputError(
                "not a line `mode owner sha256:… path`", line=number, remedy="write it with the capture script"
            )
        if _OURS.search(match[4]):
            found.append(Key(int(match[1], 8), match[2], match[3], match[4]))
    return Keys(tuple(found))


def openapi(data: bytes) -> Offered:
    """The versions that `/openapi/v3` names in its paths."""
    document = safe.json(data)
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        raise InputError("no OpenAPI page", remedy="fetch /openapi/v3 of slurmrestd again")
    found = {int(number) for path in paths for number in re.findall(r"^/slurm(?:db)?/v0\.0\.([0-9]{1,3})/", path)}
    return Offered(tuple(f"v0.0.{number}" for number in sorted(found)))


def refused(data: bytes) -> Offered:
    """The page that slurmrestd sends with an error status: there is nothing in it to read."""
    said = data[:100].decode("utf-8", "replace").strip()
    raise InputError(f"slurmrestd refused: {said}", remedy="ask again with a valid token and an offered version")
