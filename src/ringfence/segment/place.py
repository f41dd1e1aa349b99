"""Where a storage endpoint lies: its server and one path, and which path holds which."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.segment.model import BETWEEN, Policy, Residual

LUSTRE = "storage:lustre-"
"""What endpoints on Lustre begin with: their server is the file system."""


class Place(msgspec.Struct, frozen=True, order=True):
    """A folder on a server."""

    server: str
    path: str

    def holds(self, other: "Place") -> bool:
        """Whether `other` is this folder or lies in it."""
        inside = self.path == "/" or other.path == self.path or other.path.startswith(self.path + "/")
        return self.server == other.server and inside


def place(endpoint: str) -> Place:
    """The place of `storage:<server>:<path>`, be it an export or a folder in one.

    Raises `InputError` for `..`, and for control characters, which would end a line of an export table.

    >>> place("storage:nfs1:/export/home/alice")
    Place(server='nfs1', path='/export/home/alice')
    """
    server, _, path = endpoint.partition(":")[2].partition(":")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not path.isprintable():
        raise InputError(f"{endpoint[:120]!a} names a path with control characters", remedy="rename the folder")
    if ".." in parts:
        raise InputError(f"{endpoint[:120]!r} names a path with `..`", remedy="name the folder that it leads to")
    return Place(server, "/" + "/".join(parts))


_NOBODY = frozenset[str]()


class Opened(msgspec.Struct, frozen=True):
    """`hosts` reach `endpoint` though they should not. `meant` may do everything there anyway, and are open as well."""

    hosts: frozenset[str]
    meant: frozenset[str]
    endpoint: str
    why: str
    remedy: str


def told(policy: Policy, plane: str, target: str, opened: Iterable[Opened]) -> list[Residual]:
    """What stays open as few residuals: endpoints that are open to the same hosts stand in one.

    Whoever is meant to reach an endpoint may stand among its sources: that hides nothing, and most homes on a server
    are open to all but their owners.
    """
    alike: dict[tuple[frozenset[str], str, str], dict[str, int]] = {}
    for one in _apart(opened):
        if one.hosts:
            ends = alike.setdefault((one.hosts | one.meant, one.why, one.remedy), {})
            ends[one.endpoint] = max(len(one.hosts), ends.get(one.endpoint, 0))
    groups = {name: one.on(plane) for name, one in policy.groups.items() if one.on(plane)}
    every = frozenset(one for members in groups.values() for one in members if one.startswith("host:"))
    short = {hosts: _short(groups, hosts, every) for hosts, _, _ in alike}
    return [
        Residual(plane, target, short[hosts], names, pairs, why, remedy)
        for (hosts, why, remedy), ends in alike.items()
        for names, pairs in _rows(ends)
    ]


def _apart(opened: Iterable[Opened]) -> Iterator[Opened]:
    """A host whose name looks like several stands alone, since its name among others would be taken for several."""
    for one in opened:
        odd = frozenset(host for host in one.hosts | one.meant if BETWEEN in host)
        yield msgspec.structs.replace(one, hosts=one.hosts - odd, meant=one.meant - odd) if odd else one
        yield from (msgspec.structs.replace(one, hosts=frozenset({host}), meant=_NOBODY) for host in odd & one.hosts)


def _rows(ends: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Endpoints with their pairs, as few rows; a folder whose name looks like several has a row of its own."""
    plain = {end: pairs for end, pairs in ends.items() if BETWEEN not in end}
    yield from ((end, pairs) for end, pairs in ends.items() if end not in plain)
    if plain:
        yield BETWEEN.join(sorted(plain)), sum(plain.values())


def _short(groups: Mapping[str, Sequence[str]], hosts: frozenset[str], everyone: frozenset[str]) -> str:
    """These hosts by few names: the largest groups that lie among them, then those that are left; `*` if all."""
    left = set(hosts)
    found = []
    for name in sorted(groups, key=lambda one: (-len(groups[one]), one)):
        if BETWEEN not in name and hosts.issuperset(groups[name]) and not left.isdisjoint(groups[name]):
            found.append(name)
            left.difference_update(groups[name])
    names = [*sorted(found), *sorted(left)]
    return "*" if len(names) > 1 and hosts == everyone else BETWEEN.join(names)


def nearest(found: Sequence[Place], inner: Place) -> list[Place]:
    """Those that hold `inner`, the longest path first."""
    return sorted((one for one in found if one.holds(inner)), key=lambda one: -len(one.path))
