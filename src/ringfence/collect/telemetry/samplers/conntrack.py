"""Flows that no TCP socket of this network namespace tells: UDP, and pods' own namespaces, from the kernel's tracking.

Pushed when a flow begins and when it ends (nfnetlink_conntrack.h). Bytes are there where `nf_conntrack_acct` is on.
"""

import socket
import time
from collections.abc import Iterator
from itertools import pairwise

from ringfence.collect.telemetry.samplers import netlink
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.wire.ocsf.classes import NETWORK
from ringfence.wire.ocsf.event import Event, Value

OPEN, CLOSE = 1, 2
AT_ONCE = 512
ADDRESSES_KEPT = 10.0
BEGINS = 0b001
_BEGINS_AND_ENDS = 0b101
NEW, _ENDED = 1 << 8, 1 << 8 | 2
_NAMES = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "icmp"}
_ORIGINAL, _COUNTED, _COUNTED_BACK = 1, 9, 10


class Conntrack:
    """Tracked flows, but for the TCP connections of this machine's own sockets."""

    about = About(
        "conntrack",
        "UDP flows, and those of pods, without their job",
        PUSH,
        "CAP_NET_ADMIN",
        "tells nothing where no firewall rule makes the kernel track; bytes only with nf_conntrack_acct",
    )
    every = 5.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._own: frozenset[str] = frozenset()
        self._asked = -ADDRESSES_KEPT
        self._lost = 0

    def open(self) -> int:
        """Hear of flows that begin and end."""
        self._socket = netlink.listen(netlink.NETFILTER, _BEGINS_AND_ENDS, self.about.needs)
        return self._socket.fileno()

    def look(self) -> Iterator[Event]:
        """Flows since the last look."""
        for _ in range(AT_ONCE):
            try:
                found = netlink.receive(self._socket)
            except netlink.Overrun:
                self._lost += 1
                continue
            if found is None:
                return
            for kind, payload in netlink.messages(found[0] if found[1] == 0 else b""):
                event = self._told(kind, payload) if kind in (NEW, _ENDED) else None
                if event:
                    yield event

    def lost(self) -> int:
        """Overruns of the kernel's buffer."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def _told(self, kind: int, payload: bytes) -> Event | None:
        told = ends(payload)
        if told is None:
            return None
        protocol, source, from_port, target, port = told
        own = source in self._addresses() or target in self._addresses()
        if source.startswith("127.") or source == "::1" or (protocol == "tcp" and own):
            return None
        fields: dict[str, Value] = {
            "src_endpoint.ip": source,
            "src_endpoint.port": from_port,
            "dst_endpoint.ip": target,
            "dst_endpoint.port": port,
            "connection_info.protocol_name": protocol,
            "connection_info.direction": "inbound" if target in self._addresses() else "outbound",
        }
        if kind == _ENDED:
            found = dict(netlink.attributes(payload, 4))
            for name, attribute in (("out", _COUNTED), ("in", _COUNTED_BACK)):
                counted = dict(netlink.attributes(found.get(attribute, b"")))
                if 2 in counted:
                    fields[f"traffic.packets_{name}"] = int.from_bytes(counted.get(1, b""), "big")
                    fields[f"traffic.bytes_{name}"] = int.from_bytes(counted[2], "big")
        return self._machine.event(NETWORK, OPEN if kind == NEW else CLOSE, fields)

    def _addresses(self) -> frozenset[str]:
        """This machine's own addresses, as `/proc` lists them."""
        now = time.monotonic()
        if now - self._asked >= ADDRESSES_KEPT:
            self._asked = now
            self._own = frozenset(_own(self._machine))
        return self._own


def _own(machine: Machine) -> Iterator[str]:
    try:
        lines = (machine.proc / "net" / "fib_trie").read_text("ascii", "replace").splitlines()
        for before, line in pairwise(lines):
            if "host LOCAL" in line:
                yield before.split()[-1]
        for line in (machine.proc / "net" / "if_inet6").read_text("ascii", "replace").splitlines():
            yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0]))
    except (OSError, ValueError, IndexError):
        return


def ends(payload: bytes) -> tuple[str, str, int, str, int] | None:
    """(protocol, source, its port, target, its port) of a tracked flow, as it began; None for other protocols."""
    parts = dict(netlink.attributes(dict(netlink.attributes(payload, 4)).get(_ORIGINAL, b"")))
    addresses, protocol = dict(netlink.attributes(parts.get(1, b""))), dict(netlink.attributes(parts.get(2, b"")))
    name = _NAMES.get(protocol.get(1, b"\0")[0])
    pairs = ((socket.AF_INET, 4, 1, 2), (socket.AF_INET6, 16, 3, 4))
    for family, size, source, target in pairs:
        if name and len(addresses.get(source, b"")) == len(addresses.get(target, b"")) == size:
            ports = [int.from_bytes(protocol.get(at, b"")[:2], "big") for at in (2, 3)]
            ends = [socket.inet_ntop(family, addresses[at]) for at in (source, target)]
            return name, ends[0], ports[0], ends[1], ports[1]
    return None
