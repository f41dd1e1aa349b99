"""Who is on a host now: `who`, `loginctl list-sessions`, `ps -eo pid=,user:64=,comm=`."""

import re

import msgspec

from ringfence.wire import safe

_WHO = re.compile(
    r"^([a-z_][\w.@-]{0,63})\s+(\S+)\s+(?:\d{4}-\d\d-\d\d|[A-Z][a-z]{2}\s+\d{1,2})\s+\d\d:\d\d(?:\s+\((.{0,200})\))?"
)
_LOGINCTL = re.compile(r"^\s*(\S{1,20})\s+(\d{1,10})\s+([a-z_][\w.@-]{0,63})(?:\s+\S+)*$")
_PS = re.compile(r"^\s*(\d{1,10})\s+([A-Za-z_][\w.@+$-]{0,63})\s+(\S.*)$")


class Session(msgspec.Struct, frozen=True):
    """One login. `origin` is the address or host that it came from, where known."""

    account: str
    origin: str = ""


class Process(msgspec.Struct, frozen=True):
    """One process; arguments are never captured, for they hold secrets."""

    pid: int
    account: str
    program: str


def looks_like(path: str, head: bytes) -> str:
    """One of "who", "loginctl", "ps" or ""."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    if _WHO.match(lines[0]):
        return "who"
    if re.match(r"^\s*SESSION\s+UID\s+USER", lines[0]):
        return "loginctl"
    name = path.rpartition("/")[2]
    if name in ("sessions", "loginctl") and _LOGINCTL.match(lines[0]):
        return "loginctl"
    is_ps = name in ("ps", "processes") or re.match(r"^\s*1\s+root\s+\S+$", lines[0])
    return "ps" if is_ps and _PS.match(lines[0]) else ""


def who(data: bytes) -> tuple[Session, ...]:
    """Logins of `who`; other lines are passed over."""
    rows = (_WHO.match(line) for _, line in safe.lines(data))
    return tuple(Session(row[1], row[3] or "") for row in rows if row)


def loginctl(data: bytes) -> tuple[Session, ...]:
    """Logins of `loginctl list-sessions`; header and closing lines are passed over."""
    rows = (_LOGINCTL.match(line) for _, line in safe.lines(data))
    return tuple(Session(row[3]) for row in rows if row)


def processes(data: bytes) -> tuple[Process, ...]:
    """Processes; lines of another shape are passed over."""
    rows = (_PS.match(line) for _, line in safe.lines(data))
    return tuple(Process(int(row[1]), row[2], row[3].strip()[:100]) for row in rows if row)
