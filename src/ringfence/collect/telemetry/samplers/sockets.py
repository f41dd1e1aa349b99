"""Connections of this machine by job, from the kernel's socket diagnosis (sock_diag(7), linux/inet_diag.h).

        every second: all TCP sockets ─▶ new ones: NETWORK open     bytes since the last word: NETWORK traffic
        pushed: a socket is destroyed ─▶ NETWORK close, with the bytes that were not told yet
        pushed: a connection out of the cluster begins ─▶ NETWORK open at once, and its bytes as they become many

The kernel counts the bytes of each connection; a socket names its control group and its owner, and only the processes
of that group or owner are asked which of them holds it. Loopback is left out.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from ringfence.collect.telemetry.samplers import conntrack, netlink, sock_diag
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.holders import Holders
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.sock_diag import Found
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import NETWORK
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.urgent import LOUD, is_outside

OPEN, CLOSE, TRAFFIC = 1, 2, 6
TOLD_EVERY = 10.0
"""Seconds between two words about the bytes of a connection that lasts."""
MOST = 65536
"""Connections that are followed; more are counted as lost."""
AT_ONCE = 512
USUAL, QUICK = 1.0, 0.03
"""Seconds between two looks: as a rule, and while a connection out of the cluster lasts."""
FOLLOWED = 256
"""Connections out of the cluster whose bytes are asked at each quick look."""
_DESTROYED = 0b0101  # groups: TCP over IPv4, TCP over IPv6


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
        "an opening is sampled every second, an end is pushed; one out of the cluster is pushed where a firewall rule"
        " makes the kernel track; UDP, and pods in network namespaces of their own, are the source conntrack's;"
        " loopback is left out",
    )
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine, self._holders = machine, Holders(machine)
        self._flows: dict[int, _Flow] = {}
        self._outside: dict[int, Found] = {}
        self._ports: set[int] = set()
        self._asked = 0.0
        self._lost = 0

    @property
    def every(self) -> float:
        """Seconds until it wants to look again."""
        return QUICK if self._outside else USUAL

    def open(self) -> int:
        """Hear of destroyed sockets and of tracked connections, and be able to ask for all."""
        self._push = netlink.listen(netlink.SOCK_DIAG, _DESTROYED, self.about.needs)
        self._ask = sock_diag.Asking()
        self._begins: socket.socket | None = None
        with suppress(MissingPart):
            self._begins = netlink.listen(netlink.NETFILTER, conntrack.BEGINS, self.about.needs)
        self._either = select.epoll()
        for one in filter(None, (self._push, self._begins)):
            self._either.register(one.fileno(), select.EPOLLIN)
        return self._either.fileno()

    def look(self) -> Iterator[Event]:
        """Ends and beginnings that were pushed; once a second what is new, and now and then the bytes of what lasts."""
        now = time.monotonic()
        yield from self._begun_outside(now)
        yield from self._ended()
        yield from self._loud(now)
        if now - self._asked >= USUAL * 0.9:
            self._asked = now
            yield from self._sampled(now)

    def lost(self) -> int:
        """Connections that were too many to follow, and messages that the kernel dropped (one for each overrun)."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Hear no more."""
        self._either.close()
        self._push.close()
        self._ask.close()
        if self._begins:
            self._begins.close()

    def _begun_outside(self, now: float) -> Iterator[Event]:
        """Connections out of the cluster that begin, by connection tracking: each socket is asked by itself."""
        for kind, payload in self._pushed(self._begins) if self._begins else ():
            ends = conntrack.ends(payload) if kind == conntrack.NEW else None
            if ends is None or ends[0] != "tcp" or not is_outside(ends[3]):
                continue
            one = self._ask.one(ends[1:3], ends[3:5])
            if one and one.cookie not in self._flows and len(self._flows) < MOST:
                flow = self._flows[one.cookie] = self._begun(one, now)
                self._follow(one)
                yield self._machine.event(NETWORK, OPEN, flow.fields)

    def _loud(self, now: float) -> Iterator[Event]:
        """The bytes of connections out of the cluster, each time that many have gone."""
        for cookie, known in list(self._outside.items()):
            one, flow = self._ask.one(known.local, known.remote), self._flows.get(cookie)
            if one is None or flow is None or one.cookie != cookie:
                del self._outside[cookie]
            elif one.sent - flow.sent >= LOUD:
                flow.told = now
                yield self._told(flow, one, TRAFFIC)

    def _follow(self, one: Found) -> None:
        if len(self._outside) < FOLLOWED:
            self._outside[one.cookie] = one

    def _ended(self) -> Iterator[Event]:
        for kind, payload in self._pushed(self._push):
            one = sock_diag.found(payload) if kind == sock_diag.BY_FAMILY else None
            if one and not one.loopback:
                flow = self._flows.pop(one.cookie, None) or self._begun(one, 0.0)
                yield self._told(flow, one, CLOSE)

    def _pushed(self, source: socket.socket) -> Iterator[tuple[int, bytes]]:
        """(type, payload) of what the kernel itself pushed."""
        for _ in range(AT_ONCE):
            try:
                found = netlink.receive(source)
            except netlink.Overrun:
                self._lost += 1
                continue
            if found is None:
                return
            yield from netlink.messages(found[0] if found[1] == 0 else b"")

    def _sampled(self, now: float) -> Iterator[Event]:
        found = list(self._ask.all())
        self._ports = {one.local[1] for one in found if one.state == sock_diag.LISTENING}
        alive = set()
        for one in found:
            if one.state == sock_diag.LISTENING or one.loopback:
                continue
            alive.add(one.cookie)
            flow = self._flows.get(one.cookie)
            if flow is None:
                if len(self._flows) >= MOST:
                    self._lost += 1
                    continue
                flow = self._flows[one.cookie] = self._begun(one, now)
                if not flow.inbound and is_outside(one.remote[0]):
                    self._follow(one)
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
            "actor.user.name": self._machine.user(one.uid) if one.inode else "",  # of what was let go the kernel says 0
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
