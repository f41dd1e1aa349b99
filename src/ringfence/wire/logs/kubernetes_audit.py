"""The audit log of a Kubernetes API server, one event a line or as an EventList (audit.k8s.io/v1).

Every stage of a request that the server's policy logs is an event; `unmapped.stage` says which.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects, inside
from ringfence.wire.logs.row import Row, flat, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_VERBS: Mapping[str, int] = {
    "create": 1, "get": 2, "list": 2, "watch": 2, "update": 3, "patch": 3, "delete": 4, "deletecollection": 4
}  # fmt: skip
_ACCOUNT = "system:serviceaccount:"
LOGSOURCE = "kubernetes/application/audit"


def looks(head_: bytes) -> bool:
    """Whether the first object is an audit event, or a list of them."""
    found = head.record(head_)
    api = str(found.get("apiVersion", ""))
    return api.startswith("audit.k8s.io/") or {"auditID", "stage", "verb"} <= set(found)


def events(record: dict[str, Any]) -> Iterator[Event]:
    """The events of one object. Raises `ValueError`, `KeyError`."""
    if record.get("kind") == "EventList":
        for item in record["items"]:
            yield _event(item)
    else:
        yield _event(record)


def _event(record: dict[str, Any]) -> Event:
    row = Row(classes.API)
    for name, value in flat(record):
        row.take(name, value)
    row.put("api.service.name", "kubernetes")
    row.put("resource.type", inside(record, "objectRef", "resource"))
    caller = str(inside(record, "user", "username") or "")
    if caller.startswith(_ACCOUNT):
        row.put("actor.user.domain", caller.removeprefix(_ACCOUNT).partition(":")[0] or None)
    addresses = record.get("sourceIPs")
    if isinstance(addresses, list) and addresses:
        row.put("src_endpoint.ip", addresses[0])
    code = inside(record, "responseStatus", "code")
    if isinstance(code, int):
        row.put("status_id", 1 if code < 400 else 2)
    when = micros(record.get("requestReceivedTimestamp")) or micros(record.get("stageTimestamp"))
    return row.event(when, "", LOGSOURCE, _VERBS.get(str(record["verb"]), 99))


FORM = Form("kubernetes-audit", "a Kubernetes API server's audit log", looks, lambda: Objects(events), json=True)
