"""systemd's journal as `journalctl -o json` prints it: the same programs as in syslog, said by the journal itself.

    {"__REALTIME_TIMESTAMP": "1767323045123456", "_HOSTNAME": "gpu0001", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": …}

Names that begin with `_` were set by journald and no program can forge them (systemd.journal-fields(7)): where the
program's own name and `_COMM` are both there, both are kept.
"""

from typing import Any

import msgspec

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.objects import Objects
from ringfence.wire.logs.row import flat, micros, text
from ringfence.wire.logs.syslog import said
from ringfence.wire.logs.syslog_line import Line
from ringfence.wire.ocsf.event import Event

_TAKEN = ("MESSAGE", "__REALTIME_TIMESTAMP", "PRIORITY")


def looks(head_: bytes) -> bool:
    """Whether the first object is an entry of the journal."""
    return {"__REALTIME_TIMESTAMP", "MESSAGE"} <= set(head.record(head_))


def event(record: dict[str, Any]) -> Event:
    """The event of one entry. Raises `ValueError`, `KeyError`."""
    message = record["MESSAGE"]
    if isinstance(message, list):  # bytes that are no text come as numbers
        message = bytes(message).decode("utf-8", "replace")
    level = text(record.get("PRIORITY", ""))
    found = Line(
        micros(record["__REALTIME_TIMESTAMP"]),
        text(record.get("_HOSTNAME", "")),
        text(record.get("SYSLOG_IDENTIFIER") or record.get("_COMM") or ""),
        text(record.get("_PID") or record.get("SYSLOG_PID") or ""),
        text(message or ""),
        text(message or ""),
        int(level) if len(level) == 1 and level in "01234567" else -1,
        more={name: text(value) for name, value in flat(record) if name not in _TAKEN},
    )
    if record.get("_TRANSPORT") == "kernel":
        found = msgspec.structs.replace(found, program="kernel")
    return said(found)


FORM = Form("journal", "systemd's journal as JSON", looks, lambda: Objects(event), json=True)
