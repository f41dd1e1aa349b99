"""`lldpcli show neighbors -f json` (or json0): which device answers at the other end of each interface."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe


class Neighbour(msgspec.Struct, frozen=True):
    """One neighbour: own interface, the neighbour's name, its port and what it says it is."""

    interface: str
    name: str
    port: str
    description: str


def read(data: bytes) -> tuple[Neighbour, ...]:
    """All neighbours. Raises `InputError` if it is no answer of lldpcli."""
    document = safe.json(data)
    if not isinstance(document, dict) or "lldp" not in document:
        raise InputError("not an answer of lldpcli", remedy="run `lldpcli show neighbors -f json`")
    return tuple(neighbour for name, row in _interfaces(document["lldp"]) for neighbour in _neighbours(name, row))


def _interfaces(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """`json` maps a name to the row (one) or lists such maps; `json0` lists rows with the name inside."""
    for block in _list(said):
        rows = block.get("interface") if isinstance(block, dict) else None
        for row in _list(rows):
            if not isinstance(row, dict):
                continue
            if isinstance(row.get("name"), str):
                yield row["name"], row
                continue
            for name, inner in row.items():
                for one in _list(inner):
                    if isinstance(one, dict):
                        yield str(name), one


def _neighbours(interface: str, row: dict[str, Any]) -> Iterator[Neighbour]:
    ports = _list(row.get("port"))
    port = ports[0] if ports and isinstance(ports[0], dict) else {}
    for chassis in _list(row.get("chassis")):
        if not isinstance(chassis, dict):
            continue
        if isinstance(chassis.get("id"), (dict, list)):
            name, about = _value(chassis.get("name")), chassis
        else:
            name, inner = next(iter(chassis.items()), ("", {}))
            about = inner if isinstance(inner, dict) else {}
        if name:
            yield Neighbour(interface, name, _port(port), _value(about.get("descr")))


def _port(port: dict[str, Any]) -> str:
    """`ifname swp5` names it; where the id is a hardware address, the description does."""
    for one in _list(port.get("id")):
        if isinstance(one, dict) and one.get("type") in ("ifname", "local"):
            return _value(one.get("value"))
    return _value(port.get("descr")) or _value(port.get("id"))


def _value(said: Any) -> str:
    for one in _list(said):
        if isinstance(one, dict):
            one = one.get("value")
        if isinstance(one, str):
            return one
    return ""


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [] if said is None else [said]
