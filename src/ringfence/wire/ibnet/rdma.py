"""`rdma link -j`, `rdma resource show qp|cm_id -j`, and `ip -d -j link|addr` of IPoIB interfaces (iproute2)."""

from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_REMEDY = "copy the whole output, taken with -j"


class RdmaLink(msgspec.Struct, frozen=True):
    """An RDMA port and the network interface that it shares, "" for none."""

    device: str
    port: int
    state: str
    netdev: str


class Pair(msgspec.Struct, frozen=True):
    """A connected queue pair. `remote` is the other end's queue-pair number: rdma does not tell its address."""

    device: str
    port: int
    local: int
    remote: int
    type: str
    state: str
    pid: int
    command: str


class Listener(msgspec.Struct, frozen=True):
    """A program that waits for RDMA connections."""

    device: str
    number: int
    address: str
    pid: int
    command: str


class PkeyInterface(msgspec.Struct, frozen=True):
    """An IPoIB interface, its partition key (16 bits) and the addresses on it, as `10.0.0.1/24`."""

    name: str
    key: int
    addresses: tuple[str, ...]


def links(data: bytes) -> tuple[RdmaLink, ...]:
    """`rdma link -j`."""
    return tuple(
        RdmaLink(_text(row, "ifname"), _number(row, "port"), _text(row, "state"), _text(row, "netdev"))
        for row in _rows(data)
    )


def pairs(data: bytes) -> tuple[Pair, ...]:
    """`rdma resource show qp -j`: those that are connected to one peer (RC and UC)."""
    return tuple(
        Pair(
            _text(row, "ifname"),
            _number(row, "port"),
            _number(row, "lqpn"),
            _number(row, "rqpn"),
            _text(row, "type"),
            _text(row, "state"),
            _number(row, "pid"),
            _text(row, "comm"),
        )
        for row in _rows(data)
        if _number(row, "rqpn")
    )


def listeners(data: bytes) -> tuple[Listener, ...]:
    """`rdma resource show cm_id -j`: those in state LISTEN."""
    return tuple(
        Listener(
            _text(row, "ifname"),
            _number(row, "src-port"),
            _text(row, "src-addr"),
            _number(row, "pid"),
            _text(row, "comm"),
        )
        for row in _rows(data)
        if _text(row, "state") == "LISTEN"
    )


def interfaces(data: bytes) -> tuple[PkeyInterface, ...]:
    """`ip -d -j addr` or `ip -d -j link`: the IPoIB interfaces with their partition keys."""
    found = []
    for row in _rows(data):
        about = row.get("linkinfo")
        if row.get("link_type") != "infiniband" or not isinstance(about, dict):
            continue
        inner = about.get("info_data")
        key = inner.get("pkey") if isinstance(inner, dict) else None
        number = _key(key)
        if number is not None:
            found.append(PkeyInterface(_text(row, "ifname"), number, _addresses(row)))
    return tuple(found)


def _addresses(row: dict[str, Any]) -> tuple[str, ...]:
    said = row.get("addr_info")
    rows = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return tuple(f"{_text(one, 'local')}/{_number(one, 'prefixlen')}" for one in rows if one.get("scope") == "global")


def _key(said: Any) -> int | None:
    try:
        value = int(said, 16) if isinstance(said, str) and len(said) <= 10 else said
    except ValueError:
        return None
    return value if isinstance(value, int) and 0 < value <= 0xFFFF else None


def _rows(data: bytes) -> list[dict[str, Any]]:
    found = safe.json(data)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InputError("not a list of objects", remedy=_REMEDY)
    return [row for row in found if row]


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name, "")
    return value if isinstance(value, str) else ""


def _number(row: dict[str, Any], name: str) -> int:
    value = row.get(name, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32 else 0
