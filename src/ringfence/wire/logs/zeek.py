"""Zeek's logs, tab-separated with their header or as JSON lines: conn, dns, http, ssh, ssl, notice and all others.

    #path  conn
    #fields ts  uid  id.orig_h …          names and types come from the header (docs.zeek.org, "Zeek logs")

A log that has no class of its own is a base event with Zeek's names, which is how Sigma's rules for Zeek ask.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ringfence.wire.flows import zeek as flows
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, flat, micros, part, text
from ringfence.wire.logs.suricata import METHODS
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_ANY = msgspec.json.Decoder()
_KINDS: Mapping[str, tuple[int, int, str]] = {
    "conn": (classes.NETWORK, 2, ""),
    "dns": (classes.DNS, 1, "dns"),
    "http": (classes.HTTP, 99, "proxy"),
    "ssh": (classes.SSH, 1, ""),
    "ssl": (classes.NETWORK, 1, ""),
    "notice": (classes.DETECTION_FINDING, 1, ""),
}
_TELLING = (
    *(("conn_state", "conn"), ("qtype_name", "dns"), ("auth_attempts", "ssh"), ("note", "notice")),
    *(("mime_type", "files"), ("cipher", "ssl"), ("user_agent", "http"), ("method", "http")),
)
_ENDS = {"id.orig_h": "src_endpoint.ip", "id.orig_p": "src_endpoint.port", "id.resp_h": "dst_endpoint.ip"}
_ENDS |= {"id.resp_p": "dst_endpoint.port"}
_NAMES: Mapping[str, Mapping[str, str]] = {
    "conn": {
        "orig_bytes": "traffic.bytes_out",
        "resp_bytes": "traffic.bytes_in",
        "orig_pkts": "traffic.packets_out",
        "resp_pkts": "traffic.packets_in",
        "duration": "interval",
    },
    "ssl": {"server_name": "tls.sni"},
    "notice": {"note": "rule.name", "msg": "message"},
}
_UNSET = ("-", "")
_EMPTY = "(empty)"
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")


class Reader:
    """A log, a line at a time; the header of a tab-separated one is kept."""

    def __init__(self) -> None:
        self._path = ""
        self._names: list[str] = []
        self._types: list[str] = []

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The event of one line; none of a header's."""
        if line.startswith("#"):
            self._header(line)
            return ()
        if line.startswith("{"):
            found = _ANY.decode(line)
            return (event(str(found.get("_path") or self._path or _path(found)), dict(flat(found))),)
        if not self._names:
            raise ValueError("a line before any #fields")
        values = line.split("\t")
        if len(values) != len(self._names):
            raise ValueError(f"{len(values)} values for {len(self._names)} fields")
        types = self._types if len(self._types) == len(values) else [""] * len(values)
        record = {
            name: _value(value, kind)
            for name, value, kind in zip(self._names, values, types, strict=True)
            if value not in _UNSET
        }
        return (event(self._path or _path(record), record),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()

    def _header(self, line: str) -> None:
        if line.startswith("#fields\t"):
            self._names = flows.fields(line)
        elif line.startswith("#types\t"):
            self._types = flows.fields(line)
        elif line.startswith("#path\t"):
            self._path = line.split("\t", 1)[1]


def event(path: str, record: Mapping[str, Any]) -> Event:
    """The event of one record of the log `path`."""
    uid, activity, category = _KINDS.get(path, (classes.BASE, 99, ""))
    row = Row(uid)
    names = _NAMES.get(path, {})
    for name, value in record.items():
        column = names.get(name)
        if not column or not row.put(column, value):
            row.take(name, value)
    for name, column in _ENDS.items():
        row.put(column, record.get(name))
    if uid == classes.HTTP:
        activity = METHODS.get(str(record.get("method")), 99)
    elif uid == classes.SSH and record.get("auth_success") is not None:
        row.put("status_id", 1 if text(record["auth_success"]) == "true" else 2)
    sensor = str(record.get("_system_name") or "")
    return row.event(micros(record.get("ts")), sensor, f"zeek/{category}/{part(path)}", activity)


def _path(record: Mapping[str, Any]) -> str:
    """The log by its names, where nothing says it."""
    return next((path for name, path in _TELLING if name in record), "")


def _value(value: str, kind: str) -> str:
    if kind == "bool":
        return {"T": "true", "F": "false"}.get(value, value)
    if value == _EMPTY:
        return ""
    if kind.startswith(("set[", "vector[")):
        value = value.replace(",", "\n")
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value) if "\\x" in value else value


def looks(head_: bytes) -> bool:
    """Whether it begins with Zeek's header, or its first object has Zeek's names."""
    if any(line.startswith(("#separator ", "#fields\t")) for line in head.lines(head_)[:8]):
        return True
    found = head.record(head_)
    return "ts" in found and ("_path" in found or "id.orig_h" in found or {"uid", "note"} & set(found) != set())


FORM = Form("zeek", "Zeek's logs, tab-separated or JSON", looks, Reader, json=True)
