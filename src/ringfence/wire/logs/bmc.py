"""What a management controller tells: Redfish events and log entries, and `ipmitool sel elist`.

    {"@odata.type": "#Event.v1_7_0.Event", "Events": [{"MessageId": "…", "EventTimestamp": "…", "Message": "…"}]}
    {"@odata.type": "#LogEntry.v1_15_0.LogEntry", "Created": "…", "MessageId": "…", "Message": "…"}
       1 | 01/02/2026 | 03:04:05 UTC | Physical Security #0x51 | General Chassis intrusion | Asserted

Source: DMTF DSP0268 (Redfish Event and LogEntry schemas) and its message registries; ipmitool(1). What an entry is
about is told by its message id and, where a maker has its own, by words of its text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_SEL = re.compile(
    r"\A\s{0,8}([0-9a-f]{1,6}) \| (\d\d)/(\d\d)/(\d{2,4}) \| (\d\d:\d\d:\d\d)(?: [A-Z]{1,5})? \| ([^|\n]{1,200})"
    r" \| ([^|\n]{1,300})(?: \| (Asserted|Deasserted)[^\n]{0,200})?\Z"
)
KINDS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (5, ("intrusion", "physical security", "chassis opened", "cover removed", "lid open")),
    (4, ("firmware", "updatesuccessful", "activatefirmware", "flash", "bios update", "version change")),
    (2, ("resourceadded", "driveinserted", "inserted", "device added", "presence detected", "hot plug")),
    (3, ("resourceremoved", "driveremoved", "removed", "device absent", "device removed")),
    (7, ("account", "propertyvaluemodified", "attributeschanged", "configuration", "privilege", "boot override")),
    (7, ("certificate", "user created", "password", "setting")),
    (6, ("power", "reset", "poweron", "poweroff", "reboot", "acpi")),
)
"""Activity of `classes.HARDWARE` → words of message id, sensor or text; the first that is found counts."""

_PLAIN = {
    "Message": "message",
    "MessageId": "hardware.message_id",
    "SensorType": "hardware.sensor",
    "Name": "",
}
_DECODER = msgspec.json.Decoder(dict[str, Any])
_ENTRIES = 10_000


class Json:
    """Redfish: an event record, a log entry, or a collection of entries."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The events of one object."""
        return tuple(_objects(_DECODER.decode(line)))

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def _objects(record: Mapping[str, Any]) -> Iterator[Event]:
    inner = record.get("Events") or record.get("Members")
    if isinstance(inner, list):
        if len(inner) > _ENTRIES:
            raise ValueError(f"more than {_ENTRIES} entries in one record")
        for one in inner:
            if isinstance(one, dict) and ("Message" in one or "MessageId" in one):
                yield _entry(one, record)
    elif "Message" in record or "MessageId" in record:
        yield _entry(record, {})
    else:
        raise ValueError("no event and no log entry of Redfish")


def _entry(entry: Mapping[str, Any], around: Mapping[str, Any]) -> Event:
    row = Row(classes.HARDWARE)
    origin = entry.get("OriginOfCondition")
    about = origin.get("@odata.id", "") if isinstance(origin, dict) else origin
    row.put("hardware.component", about if isinstance(about, str) else None)
    for name, value in entry.items():
        column = _PLAIN.get(name)
        if not column or not row.put(column, value):
            row.take(name, value)
    said = " ".join(str(entry.get(name, "")) for name in ("MessageId", "SensorType", "EntryCode", "Message"))
    if isinstance(around.get("Context"), str):
        row.keep("Context", around["Context"])
    when = micros(entry.get("EventTimestamp") or entry.get("Created"))
    host = around.get("Context") if isinstance(around.get("Context"), str) else ""
    return row.event(when, str(host), "redfish/hardware/events", _activity(said))


class Sel:
    """ipmitool's list of the system event log."""

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The event of one line."""
        found = _SEL.match(line)
        if not found:
            raise ValueError("no line of ipmitool's sel list")
        row = Row(classes.HARDWARE)
        row.put("hardware.sensor", found[6].strip())
        row.put("hardware.message_id", found[7].strip())
        row.put("message", line.strip())
        row.keep("sel.record", found[1])
        row.keep("sel.state", found[8])
        year = found[4] if len(found[4]) == 4 else f"20{found[4][-2:]}"
        when = micros(f"{year}-{found[2]}-{found[3]}T{found[5]}")
        return (row.event(when, "", "ipmi/hardware/sel", _activity(f"{found[6]} {found[7]}")),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def _activity(said: str) -> int:
    lower = said[:4000].lower()
    return next((activity for activity, words in KINDS if any(word in lower for word in words)), 1)


def looks_json(head_: bytes) -> bool:
    """Whether the first object is Redfish's."""
    kind = str(head.record(head_).get("@odata.type", ""))
    return kind.startswith(("#Event.", "#LogEntry.", "#LogEntryCollection."))


def looks_sel(head_: bytes) -> bool:
    """Whether most lines are ipmitool's."""
    lines = head.lines(head_)
    return bool(lines) and head.mostly(sum(1 for line in lines if _SEL.match(line)), len(lines))


JSON_FORM = Form("redfish", "Redfish events and log entries", looks_json, Json, json=True)
SEL_FORM = Form("sel", "ipmitool sel elist", looks_sel, Sel)
