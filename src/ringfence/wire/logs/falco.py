"""Falco's alerts as JSON, from its log, its HTTP output or Falcosidekick (falco.org, "Output formatting").

    {"time": …, "rule": …, "priority": "Warning", "hostname": …, "output_fields": {"proc.name": …, "evt.type": …}}

The class follows the system call that the rule met; an alert that names none is a finding. Falco's fields keep their
own names under `unmapped.` where no column holds them.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import Row, base, flat, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_CALLS: Mapping[str, tuple[int, int, str]] = {
    **dict.fromkeys(("execve", "execveat"), (classes.PROCESS, 1, "process_creation")),
    **dict.fromkeys(("clone", "clone3", "fork", "vfork"), (classes.PROCESS, 1, "")),
    "procexit": (classes.PROCESS, 2, "process_termination"),
    **dict.fromkeys(("setuid", "setresuid"), (classes.PROCESS, 5, "")),
    **dict.fromkeys(("connect", "sendto", "sendmsg"), (classes.NETWORK, 1, "network_connection")),
    **dict.fromkeys(("accept", "accept4", "recvfrom", "recvmsg"), (classes.NETWORK, 1, "")),
    **dict.fromkeys(("bind", "listen"), (classes.NETWORK, 7, "")),
    **dict.fromkeys(("open", "openat", "openat2", "open_by_handle_at"), (classes.FILE, 14, "")),
    **dict.fromkeys(("creat", "mkdir", "mkdirat", "symlink", "symlinkat", "link", "linkat"), (classes.FILE, 1, "")),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), (classes.FILE, 4, "")),
    **dict.fromkeys(("rename", "renameat", "renameat2"), (classes.FILE, 5, "")),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat"), (classes.FILE, 6, "")),
    **dict.fromkeys(("init_module", "finit_module"), (classes.MODULE, 1, "module_load")),
}
_PRIORITIES = {"emergency": 6, "alert": 5, "critical": 5, "error": 4, "warning": 3, "notice": 2, "informational": 1}
_PRIORITIES |= {"info": 1, "debug": 1}
_INBOUND = ("accept", "accept4", "recvfrom", "recvmsg", "listen", "bind")
_PROCESS = {"pid": "pid", "name": "name", "cmdline": "cmd_line", "exepath": "file.path"}
_COLUMNS = {
    "user.name": "actor.user.name",
    "user.uid": "actor.user.uid",
    "fd.lip": "src_endpoint.ip",
    "fd.lport": "src_endpoint.port",
    "fd.rip": "dst_endpoint.ip",
    "fd.rport": "dst_endpoint.port",
    "fd.cip": "src_endpoint.ip",
    "fd.cport": "src_endpoint.port",
    "fd.sip": "dst_endpoint.ip",
    "fd.sport": "dst_endpoint.port",
    "fd.l4proto": "connection_info.protocol_name",
    "container.name": "process.container.name",
    "container.image": "process.container.image",
    "container.image.repository": "process.container.image",
    "ka.verb": "api.operation",
    "ka.user.name": "actor.user.name",
    "ka.target.name": "resource.name",
    "ka.target.namespace": "resource.namespace",
    "ka.target.resource": "resource.type",
}


def looks(head_: bytes) -> bool:
    """Whether the first object is an alert of Falco's."""
    return {"rule", "priority", "output", "output_fields"} <= set(head.record(head_))


def event(record: dict[str, Any]) -> Event:
    """The event of one alert. Raises `ValueError`, `KeyError`."""
    said = dict(flat(record["output_fields"] or {}))
    call = str(said.get("evt.type", "")).strip("<>")
    usual = (classes.API, 99, "") if record.get("source") == "k8s_audit" else (classes.DETECTION_FINDING, 1, "")
    uid, activity, category = _CALLS.get(call, usual)
    row = Row(uid)
    row.put("rule.name", record["rule"])
    row.put("message", record["output"])
    row.put("severity_id", _PRIORITIES.get(str(record["priority"]).lower(), 0))
    for name, value in said.items():
        column = _column(name, uid)
        if not column or not row.put(column, value):
            row.keep(name, value)
    if uid == classes.FILE:
        row.put("file.path", said.get("fs.path.name") or said.get("fd.name"))
        row.put("file.name", base(str(row.fields.get("file.path", ""))) or None)
    if uid == classes.NETWORK:
        row.put("connection_info.direction", "inbound" if call in _INBOUND else "outbound")
    for key, rest in flat({each: value for each, value in record.items() if each not in _TAKEN}):
        row.keep(key, rest)
    when = micros(record.get("time")) or micros(said.get("evt.time"))
    return row.event(when, str(record.get("hostname") or ""), f"linux/{category}/falco", activity)


_TAKEN = ("output_fields", "rule", "output", "time", "hostname")


def _column(name: str, uid: int) -> str:
    """Falco's `proc.` is the process that acts, which of a start is the started one, and `proc.p…` its parent."""
    if name.startswith("proc."):
        own = name.removeprefix("proc.")
        parent = own.removeprefix("p") if own in ("pname", "pcmdline", "ppid", "pexepath") else ""
        if uid == classes.PROCESS:
            if parent:
                return f"actor.process.{_PROCESS[parent]}"
            return f"process.{_PROCESS[own]}" if own in _PROCESS else _CWD.get(own, "")
        return f"actor.process.{_PROCESS[own]}" if own in _PROCESS else ""
    if uid == classes.PROCESS and name == "user.name":
        return "process.user.name"
    return _COLUMNS.get(name, "")


_CWD = {"cwd": "process.working_directory"}

FORM = Form("falco", "Falco's alerts as JSON, Falcosidekick's too", looks, lambda: Objects(event), json=True)
