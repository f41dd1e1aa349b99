"""Connections of this machine by job, from the kernel's socket diagnosis (sock_diag(7), linux/inet_diag.h).

        every second: all TCP sockets ─▶ new ones: NETWORK open     bytes since the last word: NETWORK traffic
        pushed: a socket is destroyed ─▶ NETWORK close, with the bytes that were not told yet

The kernel counts the bytes of each connection; a socket names its control group and its owner, and only the processes
of that group or owner are asked which of them holds it. Loopback is left out.
"""

import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from ringfence.collect.telemetry.samplers import netlink
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.holders import Holders
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.wire.ocsf.classes import NETWORK
from ringfence.wire.ocsf.event import Event, Value

OPEN, CLOSE, TRAFFIC = 1, 2, 6
TOLD_EVERY = 10.0
"""Seconds between two words about the bytes of a connection that lasts."""
MOST = 65536
"""Connections that are followed; more are counted as lost."""
AT_ONCE = 512
_TCP = 6
_DESTROYED = 0b0101  # groups: TCP over IPv4, TCP over IPv6
_BY_FAMILY = 20
_INFO, _CGROUP = 2, 21
_LISTENING = 10
_STATES = 0xFFF & ~(1 << 6)  # all but TIME_WAIT, which has no owner any more
_REQUEST = struct.Struct("=BBBBI48s")
_MESSAGE = struct.Struct("=BBBB2s2s16s16sIQIIIII")
_BYTES = struct.Struct("=QQ")
_AT = 120  # tcpi_bytes_acked, tcpi_bytes_received in struct tcp_info


class Found(NamedTuple):
    """One TCP socket. `sent` and `received` are bytes so far, by this end."""

    cookie: int
    state: int
    local: tuple[str, int]
    remote: tuple[str, int]
    uid: int
    inode: int
    cgroup: int
    sent: int
    received: int


class _Flow:
    """What was told of a connection."""

    __slots__ = ("fields", "inbound", "received", "sent", "told")

    def __init__(self, fields: dict[str, Value], inbound: bool, told: float) -> None:
        self.fields, self.inbound, self.told = fields, inbound, told
        self.sent = self.received = 0


class Sockets:
    """The TCP sockets of this network namespace."""

    about = About(
        "sockets",
        "connections with their job, user, program and bytes",
        PUSH,
        "CAP_SYS_PTRACE for the program that holds a socket",
        "an opening is sampled every second, an end is pushed; UDP, and pods in network namespaces of their own,"
        " are the source conntrack's; loopback is left out",
    )
    every = 1.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine, self._holders = machine, Holders(machine)
        self._flows: dict[int, _Flow] = {}
        self._ports: set[int] = set()
        self._asked = 0.0
        self._lost = 0

    def open(self) -> int:
        """Hear of destroyed sockets, and be able to ask for all."""
        self._push = netlink.listen(netlink.SOCK_DIAG, _DESTROYED, self.about.needs)
        self._ask = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, netlink.SOCK_DIAG)
        self._ask.settimeout(1.0)
        return self._push.fileno()

    def look(self) -> Iterator[Event]:
        """Ends that were pushed; once a second what is new, and now and then the bytes of what lasts."""
        yield from self._ended()
        now = time.monotonic()
        if now - self._asked >= self.every * 0.9:
            self._asked = now
            yield from self._sampled(now)

    def lost(self) -> int:
        """Connections that were too many to follow, and messages that the kernel dropped (one for each overrun)."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Hear no more."""
        self._push.close()
        self._ask.close()

    def _ended(self) -> Iterator[Event]:
        for _ in range(AT_ONCE):
            try:
                found = netlink.receive(self._push)
            except netlink.Overrun:
                self._lost += 1
                continue
            if found is None:
                return
            for kind, payload in netlink.messages(found[0] if found[1] == 0 else b""):
                one = _found(payload) if kind == _BY_FAMILY else None
                if one and not _loopback(one):
                    flow = self._flows.pop(one.cookie, None) or self._begun(one, 0.0)
                    yield self._told(flow, one, CLOSE)

    def _sampled(self, now: float) -> Iterator[Event]:
        found = [one for family in (socket.AF_INET, socket.AF_INET6) for one in self._dump(family)]
        self._ports = {one.local[1] for one in found if one.state == _LISTENING}
        alive = set()
        for one in found:
            if one.state == _LISTENING or _loopback(one):
                continue
            alive.add(one.cookie)
            flow = self._flows.get(one.cookie)
            if flow is None:
                if len(self._flows) >= MOST:
                    self._lost += 1
                    continue
                flow = self._flows[one.cookie] = self._begun(one, now)
                yield self._machine.event(NETWORK, OPEN, flow.fields)
            elif now - flow.told >= TOLD_EVERY and (one.sent != flow.sent or one.received != flow.received):
                flow.told = now
                yield self._told(flow, one, TRAFFIC)
        for cookie in self._flows.keys() - alive:
            del self._flows[cookie]  # its end was pushed, or lost and counted
        self._holders.forget()

    def _begun(self, one: Found, now: float) -> _Flow:
        """A connection that was not known: who opened it, and who holds it here."""
        inbound = one.local[1] in self._ports
        first, second = (one.remote, one.local) if inbound else (one.local, one.remote)
        holder = self._holders.of(one.inode, one.uid, one.cgroup) if one.inode else None
        fields: dict[str, Value] = {
            "src_endpoint.ip": first[0],
            "src_endpoint.port": first[1],
            "dst_endpoint.ip": second[0],
            "dst_endpoint.port": second[1],
            "connection_info.protocol_name": "tcp",
            "connection_info.direction": "inbound" if inbound else "outbound",
            "actor.user.name": self._machine.user(one.uid),
        }
        if holder:
            fields |= {
                "actor.process.pid": holder.pid,
                "actor.process.name": holder.name,
                "job.uid": self._machine.job(holder.cgroup),
            }
        return _Flow(fields, inbound, now)

    def _told(self, flow: _Flow, one: Found, activity: int) -> Event:
        sent, received = max(0, one.sent - flow.sent), max(0, one.received - flow.received)
        flow.sent, flow.received = one.sent, one.received
        out, into = (received, sent) if flow.inbound else (sent, received)
        counted = {"traffic.bytes_out": out, "traffic.bytes_in": into}
        return self._machine.event(NETWORK, activity, flow.fields | counted)

    def _dump(self, family: int) -> Iterator[Found]:
        body = _REQUEST.pack(family, _TCP, 1 << (_INFO - 1), 0, _STATES, b"\0" * 48)
        head = netlink.HEADER.pack(netlink.HEADER.size + len(body), _BY_FAMILY, netlink.REQUEST | netlink.DUMP, 1, 0)
        self._ask.send(head + body)
        while True:
            for kind, payload in netlink.messages(self._ask.recv(1 << 16)):
                if kind in (netlink.DONE, netlink.ERROR):
                    return
                one = _found(payload)
                if one:
                    yield one


def _found(payload: bytes) -> Found | None:
    if len(payload) < _MESSAGE.size:
        return None
    family, state, _, _, near, far, mine, theirs, _, cookie, _, _, _, uid, inode = _MESSAGE.unpack_from(payload)
    size, cgroup, counted = (4 if family == socket.AF_INET else 16), 0, (0, 0)
    for kind, value in netlink.attributes(payload, _MESSAGE.size):
        if kind == _INFO and len(value) >= _AT + _BYTES.size:
            counted = _BYTES.unpack_from(value, _AT)
        elif kind == _CGROUP and len(value) >= 8:
            cgroup = int.from_bytes(value[:8], sys.byteorder)
    local, remote = ((_address(family, raw[:size]), int.from_bytes(port, "big"))
                     for raw, port in ((mine, near), (theirs, far)))  # fmt: skip
    return Found(cookie, state, local, remote, uid, inode, cgroup, *counted)


def _address(family: int, raw: bytes) -> str:
    text = socket.inet_ntop(family, raw)
    return text.removeprefix("::ffff:") if "." in text else text


def _loopback(one: Found) -> bool:
    return one.remote[1] == 0 or one.remote[0].startswith("127.") or one.remote[0] == "::1"
