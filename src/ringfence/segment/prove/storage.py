"""The storage plane: which host may read or write which folder, from NFS export tables and Lustre nodemaps.

An export of a folder opens all that lies in it. Where several entries meet a host, what may be open at most is their
union; what is open for sure is what the nearest path's most specific entry says, as nfs-utils chooses.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ringfence.segment.address import Index
from ringfence.segment.clients import Clients
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.place import LUSTRE, Place, nearest, place
from ringfence.segment.prove.sided import Sided, between, mask
from ringfence.segment.prove.verdict import verdict
from ringfence.segment.relation import Block
from ringfence.segment.what import What
from ringfence.wire.storage import exports
from ringfence.wire.storage.exports import Client
from ringfence.wire.storage.lctl import commands, octets
from ringfence.wire.storage.lustre import Nodemap

COVERS = "export tables by path and client; not file modes, Kerberos, nor which file systems lie behind a path"
MAPS = "nodemaps by address; not file modes, nor a client that takes another's address"
Mask = NDArray[np.bool_]
Rights = tuple[Mask, Mask]
"""Hosts that may write, hosts that may at least read."""


def prove_exports(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on our export tables beside those of others; a server whose table nobody captured is open."""
    names = Sided(policy, "storage", "host:", "storage:")
    mine = [at for at in names.targets.tolist() if not names.names[at].startswith(LUSTRE)]
    clients = _Masks(names, inventory)
    there = inventory.there.get("exports", {})
    guarded = frozenset(one for one in inventory.enforcers.get("exports", ()) if one in there)
    servers: dict[str, _Table] = {}
    most, least = names.aside(np.array(mine, np.int64)), []
    least += most
    for at in mine:
        where = place(names.names[at])
        server = "host:" + where.server
        if server not in guarded:
            upper = lower = (clients.all, clients.all)
        else:
            if server not in servers:
                texts = [one.text for one in artefacts if server in one.loaded_by]
                servers[server] = _Table([there[server], *texts], clients)
            upper, lower = servers[server].at_most(where), servers[server].at_least(where)
        most += _blocks(at, upper)
        least += _blocks(at, lower)
    return between(names, "exports", most, least, residuals, COVERS)


def _blocks(at: int, rights: Rights) -> list[Block]:
    to = np.array([at], np.int64)
    return [Block(np.flatnonzero(who), to, What(what)) for who, what in zip(rights, ("rw", "ro"), strict=True)]


class _Masks:
    """Hosts by client specification, as masks over all names; servers repeat each other's."""

    def __init__(self, names: Sided, inventory: Inventory) -> None:
        self._names = names
        self._clients = Clients(inventory, (names.names[at] for at in names.sources.tolist()))
        self.all, self.none = mask(names, names.sources), mask(names, names.sources[:0])
        self._known: dict[str, tuple[int, Mask]] = {}

    def met(self, spec: str) -> tuple[int, Mask]:
        """(how specific it is, whom it may mean)."""
        if spec not in self._known:
            found = self._names.numbers(self._clients.met(spec))
            self._known[spec] = self._clients.kind(spec), mask(self._names, found)
        return self._known[spec]


class _Table:
    """Everything that one server exports."""

    def __init__(self, texts: Iterable[str], clients: _Masks) -> None:
        self._clients = clients
        self._of: dict[str, list[Client]] = {}
        for export in (one for text in texts for one in exports.parse(text.encode()).exports):
            self._of.setdefault(export.path, []).extend(export.clients)

    def _above(self, where: Place) -> list[Place]:
        return nearest([Place(where.server, path) for path in self._of], where)

    def at_most(self, where: Place) -> Rights:
        """By whatever entry."""
        write, read = self._clients.none.copy(), self._clients.none.copy()
        for one in (one for path in self._above(where) for one in self._of[path.path]):
            hosts = self._clients.met(one.spec)[1]
            read |= hosts
            write |= hosts & one.rw
        return write, read

    def at_least(self, where: Place) -> Rights:
        """By the entry that decides: of the nearest path that has one, the most specific, the first in order."""
        write, read = self._clients.none.copy(), self._clients.none.copy()
        for path in self._above(where):
            for client in sorted(self._of[path.path], key=lambda one: self._clients.met(one.spec)[0]):
                hosts = self._clients.met(client.spec)[1]
                write |= hosts & ~read & client.rw
                read |= hosts
        return write, read


def prove_lustre(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on nodemaps: a client is held to the fileset of the one map that its address is in."""
    names = Sided(policy, "storage", "host:", LUSTRE)
    hosts = frozenset(one for one in names.names if one.startswith("host:"))
    sides = Sided(policy, "storage", "host:", "storage:")
    found = sides.aside(names.targets)
    if not artefacts:
        return verdict(sides, "lustre", [[*found, Block(sides.sources, names.targets, What("any"))]], residuals, MAPS)
    maps = commands("\n".join(one.text for one in artefacts).encode())
    index = Index(inventory.addresses, sorted(hosts))
    left = set(hosts)
    of_map: dict[str, frozenset[str]] = {}
    for one in maps.maps:
        of_map[one.name] = frozenset(host for text in one.ranges for host in _within(index, text))
        left -= of_map[one.name]
    of_map["default"] = frozenset(left)
    for one in maps.maps:
        opened = _opened(one, [names.names[at] for at in names.targets.tolist()], active=maps.active)
        what = What("ro" if one.readonly and maps.active else "rw")
        found.append(Block(sides.numbers(of_map[one.name]), sides.numbers(opened), what))
    return verdict(sides, "lustre", [found], residuals, MAPS)


def _within(index: Index, text: str) -> Iterable[str]:
    """Hosts in `10.0.[0-3].[1-5]@tcp`; each value of the third part is a run of its own."""
    first, second, third, last = octets(text)
    for a in range(first[0], first[1] + 1):
        for b in range(second[0], second[1] + 1):
            for c in range(third[0], third[1] + 1):
                before = a << 24 | b << 16 | c << 8
                yield from index.within((4, before | last[0], before | last[1]))


def _opened(one: Nodemap, endpoints: Iterable[str], *, active: bool) -> list[str]:
    """The folders that lie in the fileset, for a map that lets anybody's account through."""
    if active and not (one.trusted or one.idmap or not one.deny_unknown):
        return []
    root = Place("", one.fileset or "/") if active else Place("", "/")
    return [end for end in endpoints if root.holds(Place("", place(end).path))]
