"""Zeek's conn.log, tab-separated with its `#fields` header, or as JSON lines (docs.zeek.org, conn.log)."""

from collections.abc import Mapping, Sequence

from ringfence.wire.flows.values import PROTOCOLS, Flow, address, port

_UNSET = ("-", "(empty)", "")


def fields(header: str) -> list[str]:
    """The names of a `#fields` line."""
    return header.rstrip("\n").split("\t")[1:]


def flow(names: Sequence[str], line: str, number: int) -> Flow | None:
    """The connection in a line of tab-separated values. Raises `ValueError`."""
    values = line.rstrip("\n").split("\t")
    if len(values) != len(names):
        raise ValueError(f"{len(values)} values for {len(names)} fields")
    return of({name: value for name, value in zip(names, values, strict=True) if value not in _UNSET}, number)


def of(record: Mapping[str, object], number: int) -> Flow | None:
    """The connection in a record; None where Zeek saw no opening (state OTH). Raises `ValueError`, `KeyError`."""
    if record.get("conn_state") == "OTH":
        return None
    protocol = PROTOCOLS.get(str(record["proto"]))
    if protocol is None:
        raise ValueError(f"protocol {record['proto']!r} is not known here")
    return Flow(
        address(str(record["id.orig_h"])),
        address(str(record["id.resp_h"])),
        protocol,
        0 if protocol == "icmp" else port(str(record.get("id.resp_p", 0))),
        int(float(str(record.get("orig_bytes", 0)))),
        int(float(str(record.get("resp_bytes", 0)))),
        float(str(record.get("ts", 0))),
        number,
    )
