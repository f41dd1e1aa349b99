"""Target `flows`: connections that the containment of this host blocks now are ended, not only starved.

        containment in force ─▶ TCP sockets of what it stops ─▶ closed (`ss -K`)
                             └▶ conntrack's entries of it    ─▶ forgotten

Judged by what `contain` really has in force (read from the kernel), never by an order alone: a connection is ended
only where its packets are dropped. `read` says of which lines of the containment something is still there, so "" says
that it is done. A kernel without SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY) keeps its sockets until they time out; they
are told, and nothing of theirs passes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from ipaddress import ip_address

import msgspec

from ringfence.collect.nft import Entered
from ringfence.enforce import conntrack
from ringfence.enforce.contain import Contain
from ringfence.enforce.contain_parts import Entry, Key, span_of
from ringfence.enforce.ending import within
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnHost, Until, encode

MOST_PEERS = 500
"""Peers whose entries are forgotten in one go: each takes commands of its own. The rest is told, and done next."""

_BATCH = 100
_ENDING = frozenset({"blocked", "users", "jobs", "isolated"})
_CONNECTED = ("ss", "-Htne", "--cgroup", "state", "connected", "exclude", "time-wait")
_SOCKET = re.compile(r"\A[A-Z0-9-]{1,16} +\d+ +\d+ +(\S{1,80}):(\d{1,5}) +(\S{1,80}):(\d{1,5})(?: (.*))?\Z")
_ABOUT = re.compile(r"\b(uid|cgroup):(\S{1,4000})")


class Open(msgspec.Struct, frozen=True):
    """A connected TCP socket of this host as ss(8) shows it. `path`: its control group below the mount."""

    near: str
    port: str
    peer: str
    peer_port: str
    uid: int = 0
    path: str = ""


class Stops:
    """What of a containment ends connections, asked by peer, by uid and by control group."""

    def __init__(self, held: Sequence[Entry]) -> None:
        self._by: dict[tuple[str, Key], list[Entry]] = {}
        self._wide: list[tuple[str, int, int, Entry]] = []
        for one in held:
            for part in one.parts if one.field in _ENDING or one.field == "keep" else ():
                if isinstance(part.key, tuple):
                    self._wide.append((part.set, *part.key, one))
                else:
                    self._by.setdefault((part.set, part.key), []).append(one)
        self.nothing = not any(one.field in _ENDING for one in held)

    def of(self, peer: str, uid: int | None = None, path: str = "") -> list[Entry]:
        """The lines that stop a connection with a peer; none where the peer is kept, or this host itself."""
        span = span_of(peer)
        if span is None or ip_address(peer).is_loopback or self.keeps(peer):
            return []
        version, number, _ = span
        found = [*self._around("wide", version, number), *self._by.get((f"peers{version}", number), ())]
        found += self._by.get(("isolated", f"ipv{version}"), ())
        found += self._by.get(("users", uid), ()) if uid is not None else ()
        names = path.split("/")
        for depth in range(2, len(names) + 1):
            found += self._by.get((f"jobs{depth}", "/".join(names[:depth])), ())
        return found

    def keeps(self, peer: str) -> bool:
        """Whether a peer stays reachable whatever is said."""
        span = span_of(peer)
        return span is not None and any(True for _ in self._around("keep", span[0], span[1]))

    def _around(self, name: str, version: int, number: int) -> Iterator[Entry]:
        yield from (one for lies, low, high, one in self._wide if lies == f"{name}{version}" and low <= number <= high)


class EndFlows:
    """Ends connections of one host. `contain` is its containment, in the network namespace that `entered` enters."""

    target = "flows"

    def __init__(self, where: str, contain: Contain, entered: Entered = nullcontext) -> None:
        self.where = where
        self._contain, self._run = contain, within(entered)

    def read(self) -> str:
        """A document (`wire.contain.OnHost`) of the lines of which connections are still there; "" where none is."""
        stops = Stops(self._contain.held())
        if stops.nothing:
            return ""
        own = conntrack.own_addresses(self._run)
        still = [line for one in self._sockets() for line in _stopping(stops, one, own)]
        still += [line for _, lines in self._entries(stops, own) for line in lines]
        fields: dict[str, dict[Until, None]] = {}
        for line in still:
            fields.setdefault(line.field, {})[Until(line.what, line.until)] = None
        return encode(
            msgspec.structs.replace(OnHost(), **{field: tuple(sorted(lines)) for field, lines in fields.items()})
        )

    def apply(self, artefact: Artefact) -> None:
        """End what the containment blocks now; "" ends nothing. Raises `EnforceError`, `MissingPart`."""
        stops = Stops(self._contain.held()) if artefact.text else None
        if stops is None or stops.nothing:
            return
        own = conntrack.own_addresses(self._run)
        doomed = [one for one in self._sockets() if _stopping(stops, one, own)]
        for at in range(0, len(doomed), _BATCH):
            with suppress(EnforceError):  # what could not be closed is there when it is read back
                self._run(("ss", "-K", "-Ht", " or ".join(map(_filter, doomed[at : at + _BATCH]))))
        for peer in list(dict.fromkeys(peer for peer, _ in self._entries(stops, own)))[:MOST_PEERS]:
            self._forget(peer)

    def restore(self, before: str) -> None:
        """Nothing: what was ended stays ended."""

    def _sockets(self) -> list[Open]:
        return [one for line in self._run(_CONNECTED).splitlines() if (one := _open(line))]

    def _entries(self, stops: Stops, own: frozenset[str]) -> Iterator[tuple[str, list[Entry]]]:
        """(peer, lines that stop it) of conntrack's entries; of one that passes through, either end counts."""
        for flow in conntrack.connections(self._run):
            ends = [one for one in (flow.source, flow.target) if one not in own]
            kept = len(ends) > 1 and any(stops.keeps(one) for one in ends)
            for peer in () if kept else ends:
                if lines := stops.of(peer):
                    yield peer, lines

    def _forget(self, peer: str) -> None:
        family = "ipv6" if ":" in peer else "ipv4"
        for side in ("-s", "-d"):
            try:
                self._run(("conntrack", "-D", "-f", family, side, peer))
            except EnforceError as error:
                if "0 flow entries" not in error.what:  # none on this side
                    raise


def _stopping(stops: Stops, one: Open, own: frozenset[str]) -> list[Entry]:
    peer = conntrack.plain(one.peer)
    return [] if peer in own else stops.of(peer, one.uid, one.path)


def _open(line: str) -> Open | None:
    row = _SOCKET.match(line)
    if row is None:
        return None
    near, port, peer, peer_port, rest = row.groups(default="")
    about: Mapping[str, str] = dict(_ABOUT.findall(rest))
    uid = about.get("uid", "0")  # ss leaves root's out
    return Open(near, port, peer, peer_port, int(uid) if uid.isdigit() else 0, about.get("cgroup", "").strip("/"))


def _filter(one: Open) -> str:
    return f"( src {one.near}:{one.port} and dst {one.peer}:{one.peer_port} )"
