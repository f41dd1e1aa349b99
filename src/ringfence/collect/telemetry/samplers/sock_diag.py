"""The kernel's answers about TCP sockets (sock_diag(7), linux/inet_diag.h): all of them, or exactly one."""

import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from ringfence.collect.telemetry.samplers import netlink

LISTENING = 10
_STATES = 0xFFF & ~(1 << 6)  # all but TIME_WAIT, which has no owner any more
_TCP = 6
BY_FAMILY = 20
_INFO, _CGROUP = 2, 21
_REQUEST = struct.Struct("=BBBBI48s")
_ID = struct.Struct("!HH16s16s12s")
_ANY_COOKIE = b"\0" * 4 + b"\xff" * 8  # any interface, INET_DIAG_NOCOOKIE
_MESSAGE = struct.Struct("=BBBB2s2s16s16sIQIIIII")
_BYTES = struct.Struct("=QQ")
_AT = 120  # tcpi_bytes_acked, tcpi_bytes_received in struct tcp_info
_WAIT = 1.0


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

    @property
    def loopback(self) -> bool:
        """Whether it stays on this machine, or has no other end."""
        return self.remote[1] == 0 or self.remote[0].startswith("127.") or self.remote[0] == "::1"


class Asking:
    """A way to ask this network namespace's kernel. Raises `OSError` where it cannot be asked."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, netlink.SOCK_DIAG)
        self._socket.settimeout(_WAIT)

    def all(self) -> Iterator[Found]:
        """Every TCP socket but those in TIME_WAIT."""
        for family in (socket.AF_INET, socket.AF_INET6):
            self._send(family, b"\0" * 48, netlink.DUMP)
            yield from self._answers()

    def one(self, local: tuple[str, int], remote: tuple[str, int]) -> Found | None:
        """The socket between two ends, (address, port) each; None where there is none."""
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        ends = (socket.inet_pton(family, one[0]).ljust(16, b"\0") for one in (local, remote))
        self._send(family, _ID.pack(local[1], remote[1], *ends, _ANY_COOKIE), 0)
        for kind, payload in netlink.messages(self._socket.recv(1 << 16)):
            return found(payload) if kind == BY_FAMILY else None
        return None

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()

    def _send(self, family: int, id: bytes, flags: int) -> None:
        body = _REQUEST.pack(family, _TCP, 1 << (_INFO - 1), 0, _STATES, id)
        size = netlink.HEADER.size + len(body)
        self._socket.send(netlink.HEADER.pack(size, BY_FAMILY, netlink.REQUEST | flags, 1, 0) + body)

    def _answers(self) -> Iterator[Found]:
        while True:
            for kind, payload in netlink.messages(self._socket.recv(1 << 16)):
                if kind in (netlink.DONE, netlink.ERROR):
                    return
                one = found(payload)
                if one:
                    yield one


def found(payload: bytes) -> Found | None:
    """A socket as the kernel tells it; None for what is too short to be one."""
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
