"""NFS: exports of ours for each folder, to the addresses that need it, never wider than what was exported before.

Options are kept as they were for each client, squashing and security flavours among them. What others export stays in
force beside ours: nfs-utils adds files up, so what they leave open is a residual until their lines go.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.segment.address import Span, holds, networks, spans
from ringfence.segment.clients import NETGROUP, Clients
from ringfence.segment.compile.parts import MARK, unguarded
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.segment.place import LUSTRE, Opened, Place, nearest, place, told
from ringfence.segment.rules import by_target, sources
from ringfence.wire.storage import exports
from ringfence.wire.storage.exports import Client

PLANE, TARGET = "storage", "exports"
NAME = "ringfence.exports"
Table = Mapping[str, Sequence[Client]]
"""Exported path → its clients."""

Rights = Mapping[str, frozenset[str]]
"""`ro` and `rw` → the hosts that may; whoever may write may read."""


def compile_exports(policy: Policy, inventory: Inventory, before: Mapping[str, str] | None = None) -> Compiled:
    """One `/etc/exports.d/ringfence.exports` per file server.

    `before`: server → the export table before any fence, which ours never exceed; what others export now, if none.
    """
    there = inventory.there.get(TARGET, {})
    tables = there if before is None else before
    servers = frozenset(one for one in inventory.enforcers.get(TARGET, ()) if one in there)
    by_rules = by_target(policy, PLANE, "storage:")
    rights = {end: _rights(policy, rules) for rules, ends in by_rules.items() for end in ends}
    wanted = {end: rights[end] for end in sorted(rights) if not end.startswith(LUSTRE)}
    members = {one for group in policy.groups.values() for one in group.on(PLANE)}
    clients = Clients(inventory, (one for one in members if one.startswith("host:")))
    artefacts, opened = [], list[Opened]()
    for server in sorted(servers):
        mine = {end: rights for end, rights in wanted.items() if "host:" + place(end).server == server}
        granted = _Server(inventory, clients, _table(tables.get(server, "")))
        text = f"# {MARK}\n" + "".join(granted.line(place(end), mine[end]) for end in mine)
        artefacts.append(Artefact(f"exports/{server.partition(':')[2]}/{NAME}", text, (server,)))
        opened += _open(mine, clients, _table(there[server]))
    guarded = {end for end in wanted if "host:" + place(end).server in servers}
    bare = unguarded(policy, PLANE, TARGET, "storage:", guarded, "capture /etc/exports of its server")
    residuals = [one for one in bare if not one.target.startswith(LUSTRE)] + told(policy, PLANE, TARGET, opened)
    return Compiled(TARGET, PLANE, tuple(artefacts), tuple(sorted(set(residuals))))


def _rights(policy: Policy, rules: Sequence[tuple[str, str]]) -> Rights:
    write = frozenset(sources(policy, PLANE, tuple(rule for rule in rules if rule[1] != "ro"), "host:"))
    return {"rw": write, "ro": frozenset(sources(policy, PLANE, tuple(rules), "host:"))}


def _table(text: str) -> Table:
    found: dict[str, list[Client]] = {}
    for export in exports.parse(text.encode()).exports:
        found.setdefault(export.path, []).extend(export.clients)
    return found


class _Entry(msgspec.Struct, frozen=True):
    """A client that was let in before: the hosts that it may mean, its addresses if it says any, its options."""

    hosts: frozenset[str]
    addresses: Span | None
    options: tuple[str, ...]
    exact: bool

    def lets(self, host: str, address: Span) -> bool:
        """Whether it let in this host from this address."""
        return holds(self.addresses, address) if self.addresses else host in self.hosts

    def kept(self, rw: bool) -> tuple[str, ...]:
        """The options for our line: never more rights; a folder below the export is checked to be below."""
        write = rw and "rw" in self.options
        dropped = ("rw", "ro") if self.exact else ("rw", "ro", "fsid", "no_subtree_check", "subtree_check")
        rest = [one for one in self.options if one.partition("=")[0] not in dropped]
        return ("rw" if write else "ro", *dict.fromkeys(rest), *(() if self.exact else ("subtree_check",)))


class _Server:
    """What one server exported before, asked address by address."""

    def __init__(self, inventory: Inventory, clients: Clients, table: Table) -> None:
        self._addresses, self._clients, self._table = inventory.addresses, clients, table

    def line(self, where: Place, rights: Rights) -> str:
        """One export with a client for each network and set of options; "" where nobody is let in."""
        standing = self._standing(where)
        by_options: dict[tuple[str, ...], list[Span]] = {}
        for host in sorted(rights["ro"]):
            for address in spans(self._addresses.get(host, ())):
                entry = next((one for one in standing if one.lets(host, address)), None)
                if entry:
                    by_options.setdefault(entry.kept(host in rights["rw"]), []).append(address)
        said = [f"{net}({','.join(one)})" for one in sorted(by_options) for net in networks(by_options[one])]
        return f"{_escaped(where.path)} {' '.join(said)}\n" if said else ""

    def _standing(self, where: Place) -> list[_Entry]:
        """The entries that reach this folder, as nfs-utils prefers them: nearest path, then most specific client."""
        found = []
        for path in nearest([Place(where.server, path) for path in self._table], where):
            for client in sorted(self._table[path.path], key=lambda one: self._clients.kind(one.spec)):
                kind = self._clients.kind(client.spec)
                spec = self._clients.span(client.spec)
                if kind != NETGROUP:  # whose members nobody captured: it could mean less than all
                    found.append(_Entry(self._clients.met(client.spec), spec, _said(client), path == where))
        return found


def _said(client: Client) -> tuple[str, ...]:
    """`rw` or `ro` as it turned out, and the options that were said."""
    return "rw" if client.rw else "ro", *(one for one in client.options if one not in ("rw", "ro"))


def _escaped(path: str) -> str:
    """Blanks, quotes, backslashes and number signs as exports(5) wants them."""
    return "".join(f"\\{ord(letter):03o}" if letter in ' \t"\\#' else letter for letter in path)


def _open(mine: Mapping[str, Rights], clients: Clients, there: Table) -> Iterator[Opened]:
    """What stays open beside ours: by exports of others, and by folders of ours that hold others of ours."""
    places = {end: place(end) for end in mine}
    met = {one.spec: clients.met(one.spec) for others in there.values() for one in others}
    for end, rights in mine.items():
        for path, others in there.items():
            if Place(places[end].server, path).holds(places[end]):
                hosts = _union(met[one.spec] - rights["rw" if one.rw else "ro"] for one in others)
                meant = _union(met[one.spec] & rights["rw"] for one in others)
                why, remedy = f"another file exports {path}", f"take the line of {path} out; {NAME} carries it"
                yield Opened(hosts, meant, end, why, remedy)
        for outer, given in mine.items():
            if outer != end and places[outer].holds(places[end]):
                why = f"whoever mounts {places[outer].path} walks into it"
                yield _through(given, rights, end, why, "narrow the rule of the outer folder")
                if _unchecked(there.get(places[end].path, ())):
                    why = f"file handles can be guessed from {places[end].path}, exported without subtree_check"
                    yield _through(rights, given, outer, why, "give the inner folder a file system of its own")


def _through(given: Rights, rights: Rights, end: str, why: str, remedy: str) -> Opened:
    """Whoever has a right to one folder has it to another, `end`, to which `rights` are meant."""
    more = (given["ro"] - rights["ro"]) | (given["rw"] - rights["rw"])
    return Opened(more, given["ro"] & rights["rw"], end, why, remedy)


def _unchecked(clients: Iterable[Client]) -> bool:
    return any("subtree_check" not in one.options for one in clients)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
