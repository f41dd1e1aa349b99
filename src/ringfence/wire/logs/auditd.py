"""Linux audit: records of one serial number belong together, and each stays an event of its own.

    type=SYSCALL msg=audit(1767323045.123:456): … exe="/usr/bin/id"  ┐               EXECVE: process activity with
    type=EXECVE  msg=audit(1767323045.123:456): argc=1 a0="id"       ├─ same serial ▶ program, parent, account and
    type=CWD … / type=PATH … / type=PROCTITLE …                      ┘               folder of the others

Rules for auditd ask for names of single records (`type`, `a0`, `key`), so each record keeps its own under `unmapped.`,
and what the others of its serial tell about the process stands in OCSF's columns. Values that auditd writes in
hexadecimal are decoded (linux-audit, "audit.log format" and its field dictionary; unquoted means encoded). A serial is
closed by PROCTITLE or EOE, by the end, or when `MOST_OPEN` later ones are open.
"""

import re
from collections.abc import Iterable, Mapping

from ringfence.wire.logs import audit_kinds as kinds
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row, base
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

MOST_OPEN = 64
MOST_RECORDS = 256
"""Records of one serial; one of more is closed and begun again."""

_HEAD = re.compile(
    r"\A(?:node=(\S{1,255}) )?type=([A-Z0-9_\[\]]{1,40}) msg=audit\((\d{1,12})\.(\d{1,3}):(\d{1,20})\) ?: ?"
)
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,40}(?:\[\d{1,4}\])?)=(\"[^\"]*\"|\S*)")
_ARGUMENT = re.compile(r"\Aa(\d{1,5})(?:\[(\d{1,4})\])?\Z")
_HEX = re.compile(r"\A(?:[0-9A-F]{2})+\Z")
_ENCODED = frozenset({"comm", "exe", "name", "cwd", "proctitle", "data", "path", "key", "acct", "cmd", "dir", "file"})
_UNSET = "4294967295"


class Record:
    """One line: its host, type, time in microseconds, serial, names and the line itself."""

    __slots__ = ("fields", "host", "line", "serial", "time", "type")

    def __init__(self, line: str) -> None:
        found = _HEAD.match(line)
        if not found:
            raise ValueError("no record of Linux audit")
        self.host, self.type, self.serial = found[1] or "", found[2], found[5]
        self.time = int(found[3]) * 1_000_000 + int(f"{found[4]:0<3}") * 1000
        self.line = line
        self.fields = _fields(line[found.end() :], self.type)


class Reader:
    """A log, a line at a time; the records of unfinished serials are kept."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], list[Record]] = {}

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The events of what this line closes."""
        record = Record(line)
        if record.type in kinds.ALONE:
            return [_event(record, {})]
        key = (record.host, record.serial)
        if record.type == "EOE":
            return _joined(self._open.pop(key, []))
        held = self._open.setdefault(key, [])
        held.append(record)
        if record.type == "PROCTITLE" or len(held) >= MOST_RECORDS:
            return _joined(self._open.pop(key))
        if len(self._open) > MOST_OPEN:
            return _joined(self._open.pop(next(iter(self._open))))
        return ()

    def end(self) -> Iterable[Event]:
        """The records of the serials that are still open."""
        while self._open:
            yield from _joined(self._open.pop(next(iter(self._open))))


def _joined(records: list[Record]) -> list[Event]:
    together: dict[str, Mapping[str, str]] = {}
    for record in records:
        together.setdefault(record.type, record.fields)
    return [_event(record, together) for record in records]


def _event(record: Record, together: Mapping[str, Mapping[str, str]]) -> Event:
    call = together.get("SYSCALL", {})
    uid, activity, category = _kind(record, call, together)
    row = Row(uid)
    row.put("message", record.line)
    row.keep("type", record.type)
    row.keep("serial", record.serial)
    _process(row, uid, call or record.fields, together)
    if uid == classes.FILE:
        row.put("file.path", _whole(record.fields.get("name", ""), together))
        row.put("file.name", base(record.fields.get("name", "")) or None)
    elif uid == classes.NETWORK:
        for column, value in kinds.socket(record.fields.get("saddr", "")).items():
            row.put(column, value)
    elif uid == classes.MODULE:
        row.put("module.file.path", together.get("KERN_MODULE", {}).get("name"))
    elif uid in (classes.AUTHENTICATION, classes.ACCOUNT_CHANGE):
        _login(row, record)
    if "success" in call or "res" in record.fields:
        good = call.get("success", record.fields.get("res", "")) in ("yes", "success", "1")
        row.put("status_id", 1 if good else 2)
    if record.type == "SYSCALL" and "SYSCALL" not in record.fields:
        row.keep("SYSCALL", kinds.call_name(call) or None)
    for name, value in record.fields.items():
        row.keep(name, value)
    return row.event(record.time, record.host, f"linux/{category}/auditd", activity)


def _kind(record: Record, call: Mapping[str, str], together: Mapping[str, object]) -> tuple[int, int, str]:
    """Class, activity and Sigma's category of a record among the others of its serial."""
    if record.type == "EXECVE":
        return classes.PROCESS, 1, "process_creation"
    name = kinds.call_name(call)
    if record.type == "PATH" and name in kinds.FILE_CALLS:
        activity = kinds.FILE_CALLS[name].get(record.fields.get("nametype", ""), 0)
        if activity:
            return classes.FILE, activity, "file_event" if activity == 1 else ""
    if record.type == "SOCKADDR" and name == "connect":
        return classes.NETWORK, 1 if call.get("success") == "yes" else 4, "network_connection"
    if record.type == "KERN_MODULE" or (record.type == "SYSCALL" and name in kinds.MODULE_CALLS):
        if record.type == "SYSCALL" and "KERN_MODULE" in together:
            return classes.BASE, 99, ""
        return classes.MODULE, 2 if name == "delete_module" else 1, "module_load"
    return (*kinds.USER.get(record.type, (classes.BASE, 99)), "")


def _process(row: Row, uid: int, call: Mapping[str, str], together: Mapping[str, Mapping[str, str]]) -> None:
    """Who did it: of a start the process itself with its parent's number, else the acting process."""
    own = "process" if uid == classes.PROCESS else "actor.process"
    row.put(f"{own}.pid", call.get("pid"))
    program = call.get("exe")
    row.put(f"{own}.name", base(program) if program else call.get("comm"))
    row.put(f"{own}.file.path", program)
    said = _command(together.get("EXECVE", {})) or together.get("PROCTITLE", {}).get("proctitle")
    row.put(f"{own}.cmd_line", said)
    if uid == classes.PROCESS:
        row.put("actor.process.pid", call.get("ppid"))
        row.put("process.user.name", call.get("UID"))
        row.put("process.working_directory", together.get("CWD", {}).get("cwd"))
    if call.get("auid", _UNSET) != _UNSET:
        row.put("actor.user.uid", call["auid"])
        row.put("actor.user.name", call.get("AUID"))
    elif uid != classes.PROCESS:
        row.put("actor.user.name", call.get("UID"))
    if call.get("ses", _UNSET) != _UNSET:
        row.put("actor.session.uid", call["ses"])


def _login(row: Row, record: Record) -> None:
    said = record.fields
    row.put("user.name", said.get("acct") or said.get("ID"))
    row.put("src_endpoint.ip", said.get("addr") if said.get("addr", "?") != "?" else None)
    row.put("service.name", base(said.get("exe", "")) or None)
    row.put("process.cmd_line", said.get("cmd"))


def _command(execve: Mapping[str, str]) -> str | None:
    """The command line of an EXECVE record, its arguments parted by spaces."""
    numbered = []
    for name, value in execve.items():
        found = _ARGUMENT.match(name)
        if found:
            numbered.append((int(found[1]), value))
    return " ".join(value for _, value in sorted(numbered, key=lambda each: each[0])) or None


def _whole(name: str, together: Mapping[str, Mapping[str, str]]) -> str | None:
    folder = together.get("CWD", {}).get("cwd", "")
    if not name or name == "(null)":
        return None
    return name if name.startswith("/") or not folder else f"{folder.rstrip('/')}/{name}"


def _fields(text: str, type_: str) -> dict[str, str]:
    """Names and decoded values. What auditd adds in clear after a group separator has names of its own."""
    found: dict[str, str] = {}
    told, _, enriched = text.partition("\x1d")
    outer, quote, inner = told.partition("msg='")
    parts: dict[str, dict[int, str]] = {}
    for part in (outer, inner.rpartition("'")[0] if quote else "", enriched):
        for name, value in _PAIR.findall(part):
            argument = _ARGUMENT.match(name) if type_ == "EXECVE" else None
            value = _decoded(name, value, argument is not None)
            if argument and argument[2]:  # one long argument comes in pieces
                parts.setdefault(f"a{argument[1]}", {})[int(argument[2])] = value
            else:
                found.setdefault(name, value)
    for name, pieces in parts.items():
        found[name] = "".join(pieces[number] for number in sorted(pieces))
    return found


def _decoded(name: str, value: str, argument: bool) -> str:
    if value.startswith('"'):
        return value[1:-1] if len(value) > 1 and value.endswith('"') else value[1:]
    if (argument or name in _ENCODED) and _HEX.match(value):
        text = bytes.fromhex(value).decode("utf-8", "backslashreplace")
        return text.rstrip("\0").replace("\0", " ")
    return value


def looks(head_: bytes) -> bool:
    """Whether most of the first lines are audit records."""
    lines = head.lines(head_)
    return bool(lines) and head.mostly(sum(1 for line in lines if _HEAD.match(line)), len(lines))


FORM = Form("auditd", "Linux audit logs, raw or enriched", looks, Reader)
