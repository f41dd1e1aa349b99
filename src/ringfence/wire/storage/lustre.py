"""Lustre nodemaps as `lctl get_param nodemap.*` prints them: `nodemap.<name>.<property>=<value>`.

A nodemap is chosen by the client's network address. `trusted` passes account numbers through
unchanged, `admin` leaves root root; both are 1 on the default map until someone sets them to 0.
With `nodemap.active=0` nothing is mapped at all and every client is trusted.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_LINE = re.compile(r"nodemap\.([\w.-]{1,80}?)(?:\.(\w{1,40}))?=(.*)\Z")
_HEAD = re.compile(rb"(?m)^nodemap\.[\w.-]{1,120}=")


class Nodemap(msgspec.Struct, frozen=True):
    """One map. `fileset` is the folder its clients are confined to, "" for the whole file system.

    `deny_unknown`: accounts that the map does not name are refused, not squashed; `idmap`: how many it names.
    """

    name: str
    trusted: bool
    admin: bool
    fileset: str
    ranges: tuple[str, ...]
    readonly: bool = False
    deny_unknown: bool = False
    idmap: int = 0


class Nodemaps(msgspec.Struct, frozen=True):
    """Whether maps are in force, and all of them; the default map stands for clients in no range."""

    active: bool
    maps: tuple[Nodemap, ...]


def looks_like(head: bytes) -> bool:
    return _HEAD.search(head) is not None


def parse(data: bytes) -> Nodemaps:
    """Read the properties. Raises `InputError` where no property stands."""
    found: dict[str, dict[str, str]] = {}
    active, current = False, ("", "")
    for _, line in safe.lines(data):
        match = _LINE.match(line.strip())
        if match is None:
            if current[0] and line.strip():  # values of `ranges` and `idmap` go on over several lines
                found[current[0]][current[1]] += " " + line.strip()
            continue
        name, prop, value = match[1], match[2] or "", match[3].strip()
        if name == "active" and not prop:
            active, current = value == "1", ("", "")
        elif prop:
            current = (name, prop)
            found.setdefault(name, {})[prop] = value
    if not found:
        raise InputError("no nodemap property", remedy="capture `lctl get_param nodemap.*` on the MGS")
    return Nodemaps(active, tuple(_nodemap(name, row) for name, row in sorted(found.items())))


def _nodemap(name: str, row: dict[str, str]) -> Nodemap:
    ranges = tuple(re.findall(r"[\w.:\[\]-]{1,200}+@\w{1,20}", row.get("ranges", "")))
    return Nodemap(
        name,
        row.get("trusted_nodemap", "1") == "1",
        row.get("admin_nodemap", "1") == "1",
        row.get("fileset", ""),
        ranges,
        row.get("readonly_mount", "0") == "1",
        row.get("deny_unknown", "0") == "1",
        row.get("idmap", "").count("idtype"),
    )
