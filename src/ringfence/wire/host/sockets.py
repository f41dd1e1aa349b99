"""Listening sockets as `ss -H -tulpn` (or `ss -tlnpH`) prints them (ss(8))."""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_ROW = re.compile(
    r"^(?:(tcp|udp|v_str|sctp|dccp|mptcp)\s+)?(LISTEN|UNCONN)\s+\d+\s+\d+\s+(\S+):(\d+|\*)\s+\S+(?:\s+(.*))?$"
)
_USERS = re.compile(r'\("([^"]{0,200})",pid=(\d{1,10})')
_HEAD = re.compile(rb"(?m)^(?:(?:tcp|udp)[ \t]+)?(?:LISTEN|UNCONN)[ \t]+\d+[ \t]+\d+[ \t]+\S+:")


class Socket(msgspec.Struct, frozen=True):
    """One listening socket. `address` is `0.0.0.0`, `::` or `*` for all; `device` follows `%`."""

    protocol: str
    address: str
    port: int
    programs: tuple[tuple[str, int], ...] = ()
    device: str = ""


def looks_like(head: bytes) -> bool:
    return bool(_HEAD.search(head))


def sockets(data: bytes) -> tuple[Socket, ...]:
    """Every listening socket. Raises `InputError` with the line; a header line is skipped."""
    found = []
    for number, line in safe.lines(data):
        text = line.strip()
        if not text or text.startswith(("Netid", "State")):
            continue
        row = _ROW.match(text)
        if not row:
            raise InputError("not a line of ss", line=number, remedy="capture it with: ss -H -tulpn")
        if row[4] == "*" or int(row[4]) > 65535:
            continue
        address, _, device = row[3].partition("%")
        programs = tuple((name, int(pid)) for name, pid in _USERS.findall(row[5] or ""))
        found.append(Socket(row[1] or "tcp", address.strip("[]"), int(row[4]), programs, device.rstrip("]")))
    return tuple(found)
