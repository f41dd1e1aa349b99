"""Tetragon's events as `tetra getevents -o json` and its export file write them (cilium/tetragon, events.proto).

    {"process_exec": {"process": {…}, "parent": {…}}, "node_name": "gpu0001", "time": …}

A rate limit that dropped events is telemetry about Tetragon itself: a counted loss.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects, inside
from ringfence.wire.logs.row import Row, base, flat, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_KINDS = (
    *("process_exec", "process_exit", "process_kprobe", "process_tracepoint", "process_lsm", "process_uprobe"),
    *("process_usdt", "process_loader", "process_throttle", "rate_limit_info", "test"),
)
_FUNCTIONS: Mapping[str, tuple[int, int, str]] = {
    "tcp_connect": (classes.NETWORK, 1, "network_connection"),
    "tcp_close": (classes.NETWORK, 2, ""),
    "tcp_sendmsg": (classes.NETWORK, 6, ""),
    "udp_sendmsg": (classes.NETWORK, 6, ""),
    "inet_csk_listen_start": (classes.NETWORK, 7, ""),
    "fd_install": (classes.FILE, 14, ""),
    "security_file_open": (classes.FILE, 14, ""),
    "security_file_permission": (classes.FILE, 2, ""),
    "security_path_truncate": (classes.FILE, 3, ""),
    "security_path_unlink": (classes.FILE, 4, ""),
    "security_path_rename": (classes.FILE, 5, ""),
    "do_init_module": (classes.MODULE, 1, "module_load"),
    "security_kernel_module_request": (classes.MODULE, 1, "module_load"),
    "security_kernel_read_file": (classes.MODULE, 1, "module_load"),
}
_MAY_WRITE = 2
_SOCKET = {"saddr": "src_endpoint.ip", "sport": "src_endpoint.port", "daddr": "dst_endpoint.ip"}
_SOCKET |= {"dport": "dst_endpoint.port", "protocol": "connection_info.protocol_name"}


def looks(head_: bytes) -> bool:
    """Whether the first object is an event of Tetragon's."""
    found = head.record(head_)
    return "time" in found and any(kind in found for kind in _KINDS)


def event(record: dict[str, Any]) -> Event:
    """The event of one record. Raises `ValueError`, `KeyError`."""
    name = next((kind for kind in _KINDS if kind in record), "")
    said = record.get(name)
    if not isinstance(said, dict):
        raise ValueError("no event of Tetragon's that is known here")
    when, host = micros(record.get("time")), str(record.get("node_name") or "")
    if name == "rate_limit_info":
        row = Row(classes.TELEMETRY)
        row.put("telemetry.of", "tetragon")
        row.put("telemetry.count", said.get("number_of_dropped_process_events"))
        row.put("telemetry.why", "its own rate limit")
        return row.event(when, host, "linux//tetragon", 2)
    uid, activity, category = _kind(name, said)
    row = Row(uid)
    _process(row, "process" if uid == classes.PROCESS else "actor.process", said.get("process"))
    if uid == classes.PROCESS:
        _process(row, "actor.process", said.get("parent"))
    for argument in said.get("args") or ():
        _argument(row, uid, argument)
    row.put("rule.name", said.get("policy_name") or None)
    row.put("message", said.get("message") or None)
    rest = {key: value for key, value in record.items() if key not in (name, "time", "node_name")}
    for key, value in (*flat(said), *flat(rest)):
        row.keep(key, value)
    return row.event(when, host, f"linux/{category}/tetragon", activity)


def _kind(name: str, said: Mapping[str, Any]) -> tuple[int, int, str]:
    if name == "process_exec":
        return classes.PROCESS, 1, "process_creation"
    if name == "process_exit":
        return classes.PROCESS, 2, "process_termination"
    if name == "process_loader":
        return classes.BASE, 99, "image_load"
    function = str(said.get("function_name", "")).removeprefix("__x64_").removeprefix("__arm64_")
    uid, activity, category = _FUNCTIONS.get(function, (classes.KERNEL, 4, ""))
    masks = [argument.get("int_arg") for argument in said.get("args") or () if isinstance(argument, dict)]
    if function == "security_file_permission" and _MAY_WRITE in masks:
        activity = 3
    return uid, activity, category


def _process(row: Row, own: str, said: object) -> None:
    if not isinstance(said, dict):
        return
    path = str(said.get("binary") or "")
    row.put(f"{own}.pid", said.get("pid"))
    row.put(f"{own}.file.path", path or None)
    row.put(f"{own}.name", base(path) or None)
    row.put(f"{own}.cmd_line", f"{path} {said.get('arguments') or ''}".strip() or None)
    container = inside(said, "pod", "container")
    if own == "process":
        row.put("process.working_directory", said.get("cwd"))
    if own == "process" or "process.container.name" not in row.fields:
        row.put("process.container.name", inside(container, "name"))
        row.put("process.container.image", inside(container, "image", "name"))
    login = said.get("auid")
    if login is not None and login != 4294967295:
        row.put("actor.user.uid", login)


def _argument(row: Row, uid: int, argument: object) -> None:
    if not isinstance(argument, dict):
        return
    socket = argument.get("sock_arg") or argument.get("skb_arg") or argument.get("sockaddr_arg")
    if isinstance(socket, dict) and uid == classes.NETWORK:
        for name, column in _SOCKET.items():
            value = socket.get(name)
            if value is not None:
                row.put(column, str(value).removeprefix("IPPROTO_").lower() if name == "protocol" else value)
    path = inside(argument, "file_arg", "path") or inside(argument, "path_arg", "path")
    if path and uid == classes.FILE:
        first = row.put("file.path", path)
        if first:
            row.put("file.name", base(str(path)) or None)
        elif row.fields.get("file.path") != path:
            row.put("file_result.path", path)
    if uid == classes.MODULE:
        row.put("module.file.path", path or inside(argument, "module_arg", "name") or argument.get("string_arg"))
        good = inside(argument, "module_arg", "signature_ok")
        row.put("module.signed", None if good is None else str(bool(good)).lower())


FORM = Form("tetragon", "Tetragon's events as JSON", looks, lambda: Objects(event), json=True)
