"""Windows events as JSON: as evtx readers print them, as winlogbeat sends them, and flat.

    {"Event": {"System": {"EventID": 1, …}, "EventData": {"Image": …}}}      evtx_dump, and the `evtx` package
    {"winlog": {"event_id": 1, "channel": …, "event_data": {…}}}             winlogbeat (Elastic, its exported fields)
    {"EventID": 1, "Channel": …, "Image": …}                                 NXLog, Mordor and others

Names of the event's data stand as they are; of the system's part, `Provider_Name` and the others as Sigma's rules ask
for them. Attributes (`#attributes`) are no level of their own.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.wire.logs import head, windows
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row, base, flat, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_ATTRIBUTES = "#attributes"
_WINLOG = {"event_id": "EventID", "channel": "Channel", "provider_name": "Provider_Name", "record_id": "EventRecordID"}
_WINLOG |= {"computer_name": "Computer", "event_data": "", "user_data": ""}
_TIMES = ("TimeCreated.SystemTime", "@timestamp", "TimeCreated", "EventTime", "UtcTime")
_HOSTS = ("Computer", "Hostname", "ComputerName", "host.name")


def looks(head_: bytes) -> bool:
    """Whether the first object has a Windows event's names."""
    found = head.record(head_)
    return _nested(found) or "winlog" in found or ("EventID" in found and bool({"Channel", "SourceName"} & set(found)))


def _nested(found: Mapping[str, Any]) -> bool:
    inner = found.get("Event")
    return (isinstance(inner, dict) and "System" in inner) or {"Event", "System", "EventID"} <= set(found)


def event(record: Mapping[str, Any]) -> Event:
    """The event in a record of any of the three shapes. Raises `ValueError`, `KeyError`."""
    inner = record.get("Event")
    if isinstance(inner, dict):
        return _made(_system(inner["System"]), _data(inner))
    if isinstance(record.get("winlog"), dict):
        return _made(*_beat(record))
    if "EventID" not in record:
        raise ValueError("an object without an EventID is no Windows event")
    return _made(dict(flat(record)), {})


def _system(system: Mapping[str, Any]) -> dict[str, Any]:
    """The system's part with one name for each value."""
    found: dict[str, Any] = {}
    for name, value in flat(system):
        name = name.replace(f".{_ATTRIBUTES}", "").removesuffix(".#text")
        found[name.replace("Provider.", "Provider_", 1)] = value
    return found


def _data(inner: Mapping[str, Any]) -> dict[str, Any]:
    """The event's own data. What a user-defined part wraps around its names is left out where nothing is doubled."""
    found: dict[str, Any] = {}
    for part, value in inner.items():
        if part in ("System", _ATTRIBUTES):
            continue
        if part == "UserData" and isinstance(value, dict):
            for wrapper, inside in value.items():
                _merge(found, inside if isinstance(inside, dict) else {wrapper: inside}, wrapper)
        elif part == "EventData":
            _merge(found, value if isinstance(value, dict) else {"Data": value}, part)
        else:
            _merge(found, {part: value}, part)
    return found


def _merge(found: dict[str, Any], more: Mapping[str, Any], within: str) -> None:
    for name, value in flat(more):
        if name == f"{_ATTRIBUTES}.xmlns":
            continue
        name = name.replace(f"{_ATTRIBUTES}.", "").removesuffix(".#text")
        found[f"{within}.{name}" if name in found else name] = value


def _beat(record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    beat = record["winlog"]
    system = {_WINLOG[name]: beat[name] for name in _WINLOG if _WINLOG[name] and name in beat}
    data = dict(flat(beat.get("event_data") or {})) | dict(flat(beat.get("user_data") or {}))
    rest = {f"winlog.{name}": value for name, value in beat.items() if name not in _WINLOG}
    return system, data | dict(flat(rest)) | dict(flat({key: each for key, each in record.items() if key != "winlog"}))


def _made(system: dict[str, Any], data: dict[str, Any]) -> Event:
    together = system | {name if name not in system else f"EventData.{name}": value for name, value in data.items()}
    channel, provider = str(together.get("Channel", "")), str(together.get("Provider_Name", ""))
    number = _number(together)
    kind = windows.kind(channel or provider + "/Operational", number, str(together.get("EventType", "")))
    row = Row(kind.uid)
    for name, value in together.items():
        row.take(name, value)
    _derive(row, kind, number, together)
    service = windows.service(channel, provider)
    when = next(
        (micros(together[name]) for name in ("TimeCreated.SystemTime", *_TIMES) if micros(together.get(name))), 0
    )
    host = next((str(together[name]) for name in _HOSTS if together.get(name)), "")
    return row.event(when, host, f"windows/{kind.category}/{service}", kind.activity)


def _number(together: Mapping[str, Any]) -> int:
    said = str(together["EventID"])
    if not (said.isdigit() and len(said) < 10):
        raise ValueError(f"the EventID {said[:40]!r} is no number")
    return int(said)


def _derive(row: Row, kind: windows.Kind, number: int, said: Mapping[str, Any]) -> None:
    """What columns hold in another form than the event."""
    for column, name in (("process", "NewProcessId" if number == 4688 else ""), ("actor.process", "ProcessId")):
        if name and str(said.get(name, "")).startswith("0x") and kind.uid in (classes.PROCESS, classes.FILE):
            row.put(f"{column}.pid", _hex(str(said[name])))
    for prefix in ("process", "actor.process"):
        path = row.fields.get(f"{prefix}.file.path")
        if isinstance(path, str):
            row.put(f"{prefix}.name", base(path))
    if isinstance(row.fields.get("file.path"), str):
        row.put("file.name", base(str(row.fields["file.path"])))
    if number == 4688:
        row.put("actor.user.name", said.get("SubjectUserName"))
        row.put("process.user.name", said.get("SubjectUserName"))
    if kind.uid == classes.AUTHENTICATION:
        row.put("status_id", 2 if str(number) in windows.FAILED else 1)
    if kind.uid == classes.ACCOUNT_CHANGE:
        row.put("user.name", said.get("TargetUserName"))
        row.put("actor.user.name", said.get("SubjectUserName"))
    if kind.category == "network_connection":
        row.put("connection_info.direction", "inbound" if str(said.get("Initiated")) == "false" else "outbound")
    if kind.uid == classes.SCRIPT or kind.uid == classes.BASE:
        row.put("message", said.get("ScriptBlockText") or said.get("Payload") or said.get("Message"))


def _hex(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


FORM = Form(
    "windows-json",
    "Windows events as JSON: as in EVTX, winlogbeat's, or flat",
    looks,
    lambda: Objects(event),
    json=True,
)
