"""What the readers of a fabric yield, and how keys and GUIDs are written there."""

import re

import msgspec

from ringfence.errors import InputError, Problem

FULL_BIT = 0x8000
DEFAULT_PKEY = 0x7FFF

_GUID = re.compile(r"(?:0x)?([0-9a-fA-F]{1,16})\Z")


class Link(msgspec.Struct, frozen=True):
    """One end of a cable as its own node lists it.

    `port` is the number of the own port, `guid` its port GUID (0 on a switch, whose external ports
    have none), `peer` the node GUID at the other end with `peer_port` and `peer_guid` (0: a
    switch). `lid` is the own LID where the line gives one, `rate` as in `4xNDR`.
    """

    port: int
    guid: int
    peer: int
    peer_port: int
    peer_guid: int
    lid: int
    rate: str
    line: int


class Node(msgspec.Struct, frozen=True):
    """One switch, adapter or router. `guid` is the node GUID, `lid` that of a switch's port 0."""

    kind: str
    guid: int
    ports: int
    description: str
    lid: int
    vendor: int
    device: int
    links: tuple[Link, ...]
    line: int


class Topology(msgspec.Struct, frozen=True):
    """A discovered subnet; `problems` name what was damaged (their `file` is empty)."""

    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]


def guid(text: str, line: int = 0) -> int:
    """`e09d7303007a4bd8`, `0xe09d7303007a4bd8`, `e09d:7303:007a:4bd8` → the number. Raises `InputError`."""
    match = _GUID.match(text.replace(":", ""))
    if match is None:
        raise InputError(f"not a GUID: {text[:40]!r}", line=line, remedy="16 hexadecimal digits, with or without 0x")
    return int(match[1], 16)


def key(text: str, line: int = 0) -> int:
    """A partition key as written, 16 bits with the membership bit. Raises `InputError`."""
    try:
        value = int(text, 0) if len(text) <= 10 else -1
    except ValueError:
        value = -1
    if not 0 <= value <= 0xFFFF:
        raise InputError(f"not a partition key: {text[:40]!r}", line=line, remedy="a number up to 0xffff")
    return value
