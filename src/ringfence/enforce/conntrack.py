"""Ending connections that the rules no longer allow. nftables accepts what is established, so cutting takes two steps.

        new rules ─▶ connections that could not begin now ─▶ forgotten by conntrack ─▶ the next packet is judged anew
                                                          └▶ TCP sockets closed (`ss -K`, where the kernel can)

A connection that conntrack has forgotten is a new one to the rules, and denied; its socket would only time out, so it
is closed as well. `SOCK_DESTROY` needs CONFIG_INET_DIAG_DESTROY; what could not be closed is listed in `left`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ringfence.enforce import files
from ringfence.errors import EnforceError
from ringfence.segment.prove.ip_flow import Gate
from ringfence.segment.what import What
from ringfence.wire.flows import Flow, conntrack
from ringfence.wire.flows.values import address
from ringfence.wire.nft.values import Ruleset

Run = Callable[[Sequence[str]], str]
_SOCKET = re.compile(
    r"\A(tcp|udp) +[A-Z0-9-]{1,16} +\d+ +\d+ +(\S+):(\d+|\*) +(\S+):(\d+|\*)(?: .*?)?(?: cgroup:(\S+))?\s*\Z"
)


class Socket(msgspec.Struct, frozen=True, order=True):
    """A local socket as ss(8) shows it. `path`: its control group below the mount, "" for the root."""

    protocol: str
    address: str
    port: str
    peer: str
    peer_port: str
    path: str = ""


class Ended(msgspec.Struct, frozen=True):
    """Connections that were ended, and sockets that are still there although they should not be."""

    flows: tuple[str, ...]
    left: tuple[str, ...] = ()


def end_flows(ruleset: Ruleset, run: Run = files.run) -> Ended:
    """End what `ruleset` (all tables of the host) would not let begin now. Raises `EnforceError`, `MissingPart`.

    A connection is judged by the rules of its socket's control group; one without a socket by the host's own.
    Connections of a host with itself are left alone.
    """
    own, flows, sockets = own_addresses(run), connections(run), _sockets(run)
    gate = Gate(ruleset, [one for flow in flows for one in (flow.source, flow.target)])
    wrong = [flow for flow in flows if not _allowed(gate, flow, own, sockets)]
    for flow in dict.fromkeys(wrong):
        _forget(flow, run)
    doomed = [flow for flow in wrong if flow.protocol == "tcp"]
    for one in _sockets_of(doomed, sockets):
        run(("ss", "-K", "-t", "src", f"{one.address}:{one.port}", "dst", f"{one.peer}:{one.peer_port}"))
    left = _sockets_of(doomed, _sockets(run)) if doomed else []
    return Ended(tuple(sorted({*map(_told, wrong)})), tuple(f"{one.address}:{one.port} {one.peer}" for one in left))


def own_addresses(run: Run) -> frozenset[str]:
    """The host's own addresses (ip-address(8))."""
    try:
        links = json.loads(run(("ip", "-j", "addr")))
        return frozenset(address(one["local"]) for link in links for one in link["addr_info"])
    except (ValueError, KeyError, TypeError) as error:
        raise EnforceError(f"ip -j addr said what cannot be read: {error}", "nothing was changed") from None


def connections(run: Run) -> list[Flow]:
    """What conntrack knows, less counts and times; protocols without a name are left out."""
    found = []
    for family in ("ipv4", "ipv6"):
        for line in run(("conntrack", "-L", "-f", family)).splitlines():
            try:
                flow = conntrack.flow(line, 0)
            except ValueError:
                continue  # of a protocol that has no name here, and no rule of its own
            found += [msgspec.structs.replace(flow, sent=0, returned=0, when=0.0)] if flow else []
    return found


def _sockets(run: Run) -> list[Socket]:
    found = []
    for line in run(("ss", "-Htuna", "--cgroup")).splitlines():
        row = _SOCKET.match(line)
        if row:
            protocol, mine, port, peer, peer_port, path = row.groups(default="")
            found.append(Socket(protocol, mine, port, peer, peer_port, path.strip("/")))
    return found


def _allowed(gate: Gate, flow: Flow, own: frozenset[str], sockets: Sequence[Socket]) -> bool:
    out, into = flow.source in own, flow.target in own
    if out == into:  # with ourselves, or passing through
        return out or not gate.ours
    what = What(flow.protocol, flow.port, flow.port) if flow.protocol != "icmp" else What("icmp")
    paths = {gate.scope(one.path) for one in _sockets_of([flow], sockets)} or {""}
    peer = flow.target if out else flow.source
    return all(gate.opens("out" if out else "in", peer, what, path) for path in paths)


def _sockets_of(flows: Iterable[Flow], sockets: Sequence[Socket]) -> list[Socket]:
    """The connected sockets at this end of some connections."""
    far = {(flow.protocol, flow.target, str(flow.port)) for flow in flows}
    near = {(flow.protocol, flow.source, flow.target, str(flow.port)) for flow in flows}
    return [
        one
        for one in sockets
        if (one.protocol, plain(one.peer), one.peer_port) in far
        or (one.protocol, plain(one.peer), plain(one.address), one.port) in near
    ]


def plain(shown: str) -> str:
    """`[fd00::1]` and `10.0.0.1%eth0` without what surrounds the address."""
    inside = shown.strip("[]").partition("%")[0]
    return inside.removeprefix("::ffff:") if "." in inside else inside


def _forget(flow: Flow, run: Run) -> None:
    argv = ["conntrack", "-D", "-f", "ipv6" if ":" in flow.source else "ipv4", "-s", flow.source, "-d", flow.target]
    protocol = "icmpv6" if flow.protocol == "icmp" and ":" in flow.source else flow.protocol
    port = ["--dport", str(flow.port)] if flow.port else []
    try:
        run((*argv, "-p", protocol, *port))
    except EnforceError as error:
        if "0 flow entries" not in error.what:  # it ended by itself
            raise


def _told(flow: Flow) -> str:
    return f"{flow.source} → {flow.target} {flow.protocol}/{flow.port}"
