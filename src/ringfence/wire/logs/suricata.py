"""Suricata's EVE JSON: alerts, flows and what its parsers saw (docs.suricata.io, "Eve JSON format", 7 and 8)."""

from collections.abc import Mapping
from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects, inside
from ringfence.wire.logs.row import Row, flat, micros, part
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_KINDS: Mapping[str, tuple[int, int, str]] = {
    "alert": (classes.DETECTION_FINDING, 1, ""),
    "flow": (classes.NETWORK, 2, ""),
    "netflow": (classes.NETWORK, 6, ""),
    "tls": (classes.NETWORK, 1, ""),
    "dns": (classes.DNS, 1, "dns"),
    "http": (classes.HTTP, 99, "proxy"),
    "ssh": (classes.SSH, 1, ""),
}
_ENDS = {"src_ip": "src_endpoint.ip", "src_port": "src_endpoint.port", "dest_ip": "dst_endpoint.ip"}
_ENDS |= {"dest_port": "dst_endpoint.port"}
_WITHIN: Mapping[str, str] = {
    "alert.signature": "rule.name",
    "flow.bytes_toserver": "traffic.bytes_out",
    "flow.bytes_toclient": "traffic.bytes_in",
    "flow.pkts_toserver": "traffic.packets_out",
    "flow.pkts_toclient": "traffic.packets_in",
    "dns.rrname": "query.hostname",
    "dns.rrtype": "query.type",
    "http.url": "http_request.url",
    "http.http_method": "http_request.method",
    "http.http_user_agent": "http_request.user_agent",
    "http.status": "http_response.code",
    "http.hostname": "dst_endpoint.hostname",
    "tls.sni": "tls.sni",
}
METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "POST": 6, "PUT": 7}
"""HTTP method → activity of the HTTP class."""


def looks(head_: bytes) -> bool:
    """Whether the first object is one of EVE's."""
    return {"event_type", "timestamp"} <= set(head.record(head_))


def event(record: dict[str, Any]) -> Event:
    """The event of one record. Raises `ValueError`, `KeyError`."""
    what = record["event_type"]
    uid, activity, category = _KINDS.get(what, (classes.BASE, 99, ""))
    row = Row(uid)
    for name, value in flat(record):
        column = _ENDS.get(name) or _WITHIN.get(name)
        if column and row.put(column, value):
            continue
        row.keep(name, value)
    row.put("connection_info.protocol_name", str(record.get("proto", "")).lower() or None)
    if uid == classes.DETECTION_FINDING:
        level = inside(record, "alert", "severity")
        row.put("severity_id", {1: 4, 2: 3, 3: 2}.get(level, 1) if isinstance(level, int) else None)
        row.put("message", inside(record, "alert", "signature"))
    elif uid == classes.DNS:
        activity = 2 if inside(record, "dns", "type") in ("answer", "response") else 1
        row.put("query.hostname", row.fields.get("unmapped.dns.queries.rrname"))
        row.put("query.type", row.fields.get("unmapped.dns.queries.rrtype"))
        row.put("answers", row.fields.get("unmapped.dns.answers.rdata"))
    elif uid == classes.HTTP:
        activity = METHODS.get(str(inside(record, "http", "http_method")), 99)
    source = f"suricata/{category}/{part(what)}"
    return row.event(micros(record["timestamp"]), str(record.get("host") or ""), source, activity)


FORM = Form("suricata", "Suricata's EVE JSON", looks, lambda: Objects(event), json=True)
