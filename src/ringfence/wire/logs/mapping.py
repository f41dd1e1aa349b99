"""NDJSON of any other tool, by a mapping file that says where each column stands.

    name = "vpn"                                  # of the form
    class = "authentication"                      # a class by name or number
    activity = "logon"                            # by name or number
    logsource = "linux//vpn"
    time = "when"                                 # the path of the time
    time_format = "rfc3339"                       # or "seconds", "milliseconds", "microseconds", "nanoseconds",
                                                  # or a format of strptime, taken for UTC where it names no zone
    host = "server.name"                          # the path of the host; or nothing
    [only]                                        # lines that this is not true of are base events
    "event" = "login"
    [columns]                                     # column = path; names of nested objects joined by dots
    "user.name" = "who"
    "src_endpoint.ip" = "from.ip"
    [constants]
    "service.name" = "vpn"
    [values."status_id"]                          # what a value stands for, before it goes into the column
    ok = 1
    refused = 2

Whatever the mapping does not name is kept under `unmapped.`, as with every other form.
"""

import tomllib
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row, flat, micros, text
from ringfence.wire.ocsf.classes import BASE, CLASSES
from ringfence.wire.ocsf.columns import COLUMNS, HEADER
from ringfence.wire.ocsf.event import Event

_UNITS = {"seconds": 1_000_000.0, "milliseconds": 1000.0, "microseconds": 1.0, "nanoseconds": 0.001}
_RFC3339 = "rfc3339"
_REMEDY = "docs/logs.md shows a whole mapping file"


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"uid": "class"}):
    """A mapping file as it is written."""

    name: str
    uid: str | int
    activity: str | int = 99
    logsource: str = "//"
    time: str = "time"
    time_format: str = _RFC3339
    host: str = ""
    only: dict[str, str] = {}
    columns: dict[str, str] = {}
    constants: dict[str, str | int | float] = {}
    values: dict[str, dict[str, str | int]] = {}


def parse(data: bytes) -> Mapping:
    """The mapping in a TOML file, checked. Raises `InputError`."""
    try:
        found = msgspec.convert(tomllib.loads(safe.bounded(data).decode()), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}", remedy=_REMEDY) from None
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a mapping: {error}", remedy=_REMEDY) from None
    _kind(found)
    if not found.name or found.logsource.count("/") != 2:
        raise InputError("a mapping has a name, and a logsource product/category/service", remedy=_REMEDY)
    for column in (*found.columns, *found.constants, *found.values):
        if column not in COLUMNS or column in HEADER:
            raise InputError(f"{column!r} is no column that a mapping can fill", remedy=_REMEDY)
    if found.time_format not in _UNITS and found.time_format != _RFC3339 and "%" not in found.time_format:
        raise InputError(f"{found.time_format!r} is no format of time", remedy=_REMEDY)
    return found


def form(mapping: Mapping) -> Form:
    """The form that a mapping describes: objects that have its time and one of its columns at least."""
    uid, activity = _kind(mapping)
    meaning = "what a mapping file describes"

    def made(record: dict[str, Any]) -> Event:
        return _event(mapping, uid, activity, record)

    def looks(first: bytes) -> bool:
        said = dict(flat(head.record(first)))
        return mapping.time in said and any(path in said for path in mapping.columns.values())

    return Form(mapping.name, meaning, looks, lambda: Objects(made), json=True)


def _event(mapping: Mapping, uid: int, activity: int, record: dict[str, Any]) -> Event:
    said = dict(flat(record))
    if any(text(said.get(path, "")) != wanted for path, wanted in mapping.only.items()):
        uid, activity = BASE, 99
    row = Row(uid)
    used = set()
    for column, path in mapping.columns.items():
        value = said.get(path)
        meant = mapping.values.get(column, {}).get(text(value)) if value is not None else None
        if row.put(column, value if meant is None else meant) and meant is None:
            used.add(path)
    for column, value in mapping.constants.items():
        row.put(column, value)
    for name, value in said.items():
        if name not in used:
            row.keep(name, value)
    host = text(said.get(mapping.host, "")) if mapping.host else ""
    return row.event(_time(said.get(mapping.time), mapping.time_format), host, mapping.logsource, activity)


def _time(value: Any, form: str) -> int:
    if value is None:
        raise ValueError("no time where the mapping says that it stands")
    if form == _RFC3339:
        found = micros(value) if isinstance(value, str) else 0
    elif form in _UNITS:
        found = round(float(value) * _UNITS[form])
    else:
        when = datetime.strptime(str(value), form)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        found = micros(when.isoformat())
    if not 0 < found < 1 << 62:
        raise ValueError(f"{str(value)[:40]!r} is no time of the form {form}")
    return found


def _kind(mapping: Mapping) -> tuple[int, int]:
    """Class and activity as numbers. Raises `InputError`."""
    named = {each.name: each.uid for each in CLASSES.values()}
    uid = mapping.uid if isinstance(mapping.uid, int) else named.get(mapping.uid, -1)
    if uid not in CLASSES:
        raise InputError(f"no class is called {mapping.uid!r}", remedy="one of: " + ", ".join(sorted(named)))
    activities = {name: number for number, name in CLASSES[uid].activities.items()} | {"other": 99}
    activity = mapping.activity if isinstance(mapping.activity, int) else activities.get(mapping.activity, -1)
    if activity < 0:
        raise InputError(f"no activity of {CLASSES[uid].name} is called {mapping.activity!r}", remedy=_REMEDY)
    return uid, activity
