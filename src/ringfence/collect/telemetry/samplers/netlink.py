"""Netlink sockets (netlink(7)): open one on some groups, and read its messages without waiting."""

import errno
import os
import socket
import struct
from collections.abc import Iterator

from ringfence.errors import MissingPart

CONNECTOR, SOCK_DIAG, NETFILTER, KOBJECT_UEVENT = 11, 4, 12, 15
DONE, ERROR = 3, 2
REQUEST, DUMP = 1, 0x300
HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_BUFFER = 1 << 18
_ROOM = 1 << 20


def listen(family: int, groups: int, needs: str) -> socket.socket:
    """A socket that hears these groups (a mask). Raises `MissingPart`."""
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, family)
    except OSError as error:
        raise MissingPart(f"the kernel has no such netlink family: {error.strerror}", "load the module") from None
    try:
        made.bind((0, groups))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise MissingPart(f"the kernel does not let us listen: {error.strerror}", f"give the agent {needs}") from None
    return made


def receive(from_: socket.socket) -> tuple[bytes, int] | None:
    """(data, kernel's port id of its sender): a datagram. None where none waits. Raises `Overrun`, `OSError`.

    Whoever sends is told by the kernel: only port id 0 is the kernel itself.
    """
    try:
        data, address = from_.recvfrom(_BUFFER)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.ENOBUFS:
            raise Overrun(errno.ENOBUFS, os.strerror(errno.ENOBUFS)) from None
        raise
    return data, address[0]


class Overrun(OSError):
    """The kernel had more to tell than fitted: some messages are lost."""


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of the messages in a datagram."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield kind, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """(type without flags, value) of the attributes from `at` on."""
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4 or at + length > len(data):
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3
