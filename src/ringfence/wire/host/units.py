"""What root starts by itself: systemd units and cron tables, with the program's path."""

import re

import msgspec

from ringfence.wire import safe

_UNIT = re.compile(rb"(?m)^\[(?:Unit|Service|Timer)\][ \t]*$")
_CRON = re.compile(r"^\s*(?:@\w+|(?:[\d*,/A-Za-z-]+\s+){5})\s*([a-z_][\w.-]*)\s+(\S.*)$")
_CRON_HEAD = re.compile(
    rb"(?m)^[ \t]*(?:@(?:reboot|hourly|daily|weekly|monthly)|[\d*][\d*,/-]*(?:[ \t]+[\d*][\d*,/A-Za-z-]*){4})"
    rb"[ \t]+[a-z_][\w.-]*[ \t]+\S"
)
_EXEC = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition")
_PATH = re.compile(r"(?:^|[\s=;&|`\"'(])(/[^\s;&|`\"'()<>$*]{2,200})")


class Program(msgspec.Struct, frozen=True):
    """A program that `account` runs without anyone asking; `by` names the unit's key or `cron`."""

    path: str
    account: str
    by: str


def looks_like(head: bytes) -> str:
    """One of "unit", "cron" or ""."""
    if _UNIT.search(head) and re.search(rb"(?m)^(?:Exec\w+|Description|After|WantedBy|OnCalendar)[ \t]*=", head):
        return "unit"
    return "cron" if _CRON_HEAD.search(head) else ""


def unit(data: bytes) -> tuple[Program, ...]:
    """Every absolute path in its Exec lines; `User=` gives the account, else root (systemd.exec(5))."""
    account = "root"
    found: list[tuple[str, str]] = []
    for _, line in safe.lines(data):
        key, equals, value = line.partition("=")
        if equals and key.strip() == "User":
            account = value.strip() or "root"
        elif equals and key.strip() in _EXEC:
            found += [(path, key.strip()) for path in paths(value.strip().lstrip("-@:+!"))]
    return tuple(Program(path, account, key) for path, key in found)


def cron(data: bytes) -> tuple[Program, ...]:
    """Every absolute path in the commands of a system crontab (crontab(5): the sixth field is the account)."""
    found = []
    for _, line in safe.lines(data):
        row = None if line.lstrip().startswith("#") or len(line) > 4000 else _CRON.match(line)
        if row:
            found += [Program(path, row[1], "cron") for path in paths(row[2])]
    return tuple(found)


def paths(command: str) -> tuple[str, ...]:
    """Absolute paths of a command line that may name programs; devices and /proc are left out."""
    return tuple(path for path in _PATH.findall(command[:4000]) if not path.startswith(("/dev/", "/proc/", "/sys/")))
