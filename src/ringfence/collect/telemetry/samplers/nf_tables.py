"""The kernel's answers about the fence's own table (linux/netfilter/nf_tables.h): counters, quotas, rates.

    NFT_MSG_GETOBJ  ─▶ named counters and quotas, as they stand
    NFT_MSG_GETRULE ─▶ the rate and burst before a quota
    NFT_MSG_NEWOBJ  ─▶ told by the kernel itself the moment that a quota refuses for the first time

Nothing is ever changed: only messages that ask are sent. Numbers within attributes are big-endian.
"""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from ringfence.collect.telemetry.samplers import netlink

TABLE = "ringfence"
GROUP = 1 << 6
"""NFNLGRP_NFTABLES, as a mask: every change of any table, and quotas that are used up."""
_SUBSYSTEM = 10 << 8
_NEW_RULE, _GET_RULE, _NEW_OBJECT, _GET_OBJECT = (_SUBSYSTEM | number for number in (6, 7, 18, 19))
_COUNTER, _QUOTA = 1, 2
_ABOUT = struct.Struct("=BBH")  # struct nfgenmsg
_INET = 1
_ATTRIBUTE = struct.Struct("=HH")
_OF_TABLE, _NAME, _TYPE, _DATA = 1, 2, 3, 4
_CHAIN, _EXPRESSIONS = 2, 4
_BYTES = 1  # NFT_LIMIT_PKT_BYTES
_WAIT = 1.0
_MOST = 4096
"""Datagrams of one answer."""


class Counter(NamedTuple):
    """A named counter."""

    name: str
    packets: int
    bytes: int


class Quota(NamedTuple):
    """A named quota: it lets `limit` bytes pass. Older kernels count in `used` what is refused, too."""

    name: str
    limit: int
    used: int

    @property
    def spent(self) -> bool:
        """Whether it lets nothing more pass, and something tried."""
        return 0 < self.used >= self.limit


class Rate(NamedTuple):
    """What a chain lets pass: bytes a second, and how many at once."""

    a_second: int
    burst: int


class Asking:
    """A way to ask this network namespace's kernel. Raises `OSError` where it cannot be asked."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, netlink.NETFILTER)
        self._socket.settimeout(_WAIT)

    def objects(self) -> tuple[list[Counter], list[Quota]]:
        """Our table's named counters and quotas; none where it is not loaded."""
        found = [one for payload in self._asked(_GET_OBJECT, {_OF_TABLE: _text(TABLE)}) if (one := told(payload))]
        return [one for one in found if isinstance(one, Counter)], [one for one in found if isinstance(one, Quota)]

    def rate(self, chain: str) -> Rate | None:
        """The first limit of bytes in a chain of our table; None where there is none."""
        for payload in self._asked(_GET_RULE, {_OF_TABLE: _text(TABLE), _CHAIN: _text(chain)}):
            rule = dict(netlink.attributes(payload, _ABOUT.size))
            for _, expression in netlink.attributes(rule.get(_EXPRESSIONS, b"")):
                parts = dict(netlink.attributes(expression))
                found = dict(netlink.attributes(parts.get(2, b"")))
                if rule.get(_CHAIN) == _text(chain) and parts.get(1) == b"limit\0" and _number(found, 4) == _BYTES:
                    return Rate(_number(found, 1) // max(_number(found, 2), 1), _number(found, 3))
        return None

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()

    def _asked(self, what: int, of: dict[int, bytes]) -> Iterator[bytes]:
        """The payloads of an answer. All is read before any is given: the next question finds nothing old."""
        body = _ABOUT.pack(_INET, 0, 0) + b"".join(_packed(kind, value) for kind, value in of.items())
        size = netlink.HEADER.size + len(body)
        self._socket.send(netlink.HEADER.pack(size, what, netlink.REQUEST | netlink.DUMP, 1, 0) + body)
        found: list[bytes] = []
        for _ in range(_MOST):
            for kind, payload in netlink.messages(self._socket.recv(1 << 16)):
                if kind in (netlink.DONE, netlink.ERROR):
                    _check(payload if kind == netlink.ERROR else b"")
                    return iter(found)
                found.append(payload)
        raise OSError("the kernel's answer does not end")


def pushed(kind: int, payload: bytes) -> bool:
    """Whether the kernel says by itself that a quota is spent.

    It names the packet's family there, not the table's: a namesake of our table is a reason to look and no more.
    """
    found = told(payload) if kind == _NEW_OBJECT else None
    return isinstance(found, Quota) and found.spent


def told(payload: bytes) -> Counter | Quota | None:
    """A counter or quota of a table with our name as the kernel tells it; None for anything else."""
    parts = dict(netlink.attributes(payload, _ABOUT.size))
    if parts.get(_OF_TABLE) != _text(TABLE):
        return None
    name, data = parts.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"), parts.get(_DATA, b"")
    numbers = dict(netlink.attributes(data))
    if _number(parts, _TYPE) == _COUNTER:
        return Counter(name, _number(numbers, 2), _number(numbers, 1))
    return Quota(name, _number(numbers, 1), _number(numbers, 4)) if _number(parts, _TYPE) == _QUOTA else None


def _check(answer: bytes) -> None:
    """Raises what an NLMSG_ERROR says; 0 is no error."""
    failed = -int.from_bytes(answer[:4], sys.byteorder, signed=True)
    if failed:
        raise OSError(failed, os.strerror(failed))


def _number(of: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(of.get(kind, b""), "big")


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _packed(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)
