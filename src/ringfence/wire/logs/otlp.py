"""Logs in OpenTelemetry's protocol, as JSON (opentelemetry-proto, logs/v1; OTLP/HTTP with JSON encoding).

    {"resourceLogs": [{"resource": …, "scopeLogs": [{"scope": …, "logRecords": [ … ]}]}]}  ──▶  one event a record

The binary encoding is not read: a collector's exporter writes JSON with `encoding: json`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import DEEPEST, Row, flat, micros, part
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_SCALARS = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")
_COLUMNS: Mapping[str, str] = {
    "process.pid": "actor.process.pid",
    "process.executable.name": "actor.process.name",
    "process.executable.path": "actor.process.file.path",
    "process.command_line": "actor.process.cmd_line",
    "process.owner": "actor.user.name",
    "user.name": "user.name",
    "client.address": "src_endpoint.ip",
    "source.address": "src_endpoint.ip",
    "destination.address": "dst_endpoint.ip",
    "container.name": "process.container.name",
    "container.image.name": "process.container.image",
}


def looks(head_: bytes) -> bool:
    """Whether the first object is an export of logs."""
    return "resourceLogs" in head.record(head_)


def events(record: dict[str, Any]) -> Iterator[Event]:
    """The events of one export. Raises `ValueError`, `KeyError`."""
    for resource in record["resourceLogs"] or ():
        about = _attributes(resource.get("resource") or {})
        for scope in resource.get("scopeLogs") or ():
            name = (scope.get("scope") or {}).get("name") or ""
            for log in scope.get("logRecords") or ():
                yield _event(log, about, str(name))


def _event(log: dict[str, Any], about: Mapping[str, Any], scope: str) -> Event:
    row = Row(classes.BASE)
    body = _plain(log.get("body"), 0)
    if isinstance(body, (str, int, float)):
        row.put("message", str(body))
    elif body is not None:
        row.keep("body", body)
    number = log.get("severityNumber")
    row.put("severity_id", _severity(number) if isinstance(number, int) else None)
    for name, value in flat({**about, **_attributes(log)}):
        column = _COLUMNS.get(name)
        if not column or not row.put(column, value):
            row.keep(name, value)
    for name in ("severityText", "traceId", "spanId", "eventName"):
        row.keep(name, log.get(name) or None)
    row.keep("scope", scope or None)
    when = micros(_number(log.get("timeUnixNano"))) or micros(_number(log.get("observedTimeUnixNano")))
    host = str(about.get("host.name") or about.get("k8s.node.name") or "")
    return row.event(when, host, f"otlp//{part(about.get('service.name'))}", 99)


def _attributes(said: Mapping[str, Any]) -> dict[str, Any]:
    return {str(each["key"]): _plain(each.get("value"), 0) for each in said.get("attributes") or ()}


def _plain(value: Any, depth: int) -> Any:
    """An AnyValue as plain data. Raises `ValueError` below `DEEPEST`."""
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    if not isinstance(value, dict):
        return None
    for name in _SCALARS:
        if name in value:
            return value[name]
    if "arrayValue" in value:
        return [_plain(each, depth + 1) for each in (value["arrayValue"] or {}).get("values") or ()]
    if "kvlistValue" in value:
        listed = (value["kvlistValue"] or {}).get("values") or ()
        return {str(each["key"]): _plain(each.get("value"), depth + 1) for each in listed}
    return None


def _number(value: object) -> int:
    """A 64-bit number, which the JSON encoding writes as text."""
    said = str(value or 0)
    return int(said) if said.isdigit() and len(said) < 21 else 0


def _severity(number: int) -> int:
    """OCSF's severity of OpenTelemetry's: 1 to 12 informational, then warning, error, fatal."""
    return 1 if number < 13 else 3 if number < 17 else 4 if number < 21 else 6


FORM = Form("otlp", "OpenTelemetry logs as JSON", looks, lambda: Objects(events), json=True)
