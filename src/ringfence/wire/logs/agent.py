"""What our own agents send: one object a line, its names those of the columns.

    {"class_uid": 1007, "activity_id": 1, "time": 1767323045000000, "device.hostname": "gpu0001", "seq": 7, …}

`seq` is taken from the line. Who sent it is not: a line's own `source` is kept under `unmapped.source`, where the
receiver, who knows the sender, can hold it against what it knows. A name that is no column goes under `unmapped.`.
"""

from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row
from ringfence.wire.ocsf.classes import CLASSES
from ringfence.wire.ocsf.columns import COLUMNS, HEADER, UNMAPPED
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.logsources import USUAL

_LARGEST = 1 << 62


def looks(head_: bytes) -> bool:
    """Whether the first object has the names that every event has."""
    return {"class_uid", "time", "device.hostname"} <= set(head.record(head_))


def event(record: dict[str, Any]) -> Event:
    """The event of one line. Raises `ValueError`, `KeyError`."""
    uid = _whole(record, "class_uid")
    if uid not in CLASSES:
        raise ValueError(f"class_uid {uid} is no class that is known here")
    row = Row(uid)
    for name, value in record.items():
        if name in HEADER:
            continue
        bare = name.removeprefix(UNMAPPED)
        if name not in COLUMNS or not row.put(name, value):
            row.keep(bare, value)
    row.keep("source", record.get("source") or None)
    source = str(record.get("logsource") or USUAL.get(uid, ""))
    if source.count("/") != 2:
        raise ValueError("logsource is product/category/service")
    seq = _whole(record, "seq") if "seq" in record else 0
    activity = _whole(record, "activity_id") if "activity_id" in record else 0
    return row.event(_whole(record, "time"), str(record["device.hostname"]), source, activity, seq)


def _whole(record: dict[str, Any], name: str) -> int:
    value = record[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise ValueError(f"{name} is a number of 0 or more")
    return value


FORM = Form(
    "agent", "NDJSON of our own agents, its names those of the columns", looks, lambda: Objects(event), json=True
)
