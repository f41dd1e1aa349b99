"""Where a storage endpoint lies: its server and one path, and which path holds which."""

from collections.abc import Iterable, Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.segment.model import Policy, Residual

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


def told(
    policy: Policy, plane: str, target: str, hosts: Iterable[str], endpoint: str, why: str, remedy: str
) -> list[Residual]:
    """Residuals that say: these hosts reach the endpoint. Groups stand for their hosts where all of them do."""
    left = set(hosts)
    found = []
    for group in policy.groups.values() if left else ():
        members = group.on(plane)
        if members and left.issuperset(members):
            found.append(Residual(plane, target, group.name, endpoint, len(members), why, remedy))
    named = {one for each in found for one in policy.groups[each.source].on(plane)}
    return found + [Residual(plane, target, host, endpoint, 1, why, remedy) for host in sorted(left - named)]


def nearest(found: Sequence[Place], inner: Place) -> list[Place]:
    """Those that hold `inner`, the longest path first."""
    return sorted((one for one in found if one.holds(inner)), key=lambda one: -len(one.path))
