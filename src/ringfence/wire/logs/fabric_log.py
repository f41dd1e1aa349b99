"""opensm's log, by itself or through syslog: who manages the fabric, which port tried a wrong key.

    Jan 02 03:04:05 123456 [7F3C2700] 0x01 -> function: ERR 1234: text      its own file (opensm's osm_log.c)
    Jan  2 03:04:05 host OpenSM[812]: Entering MASTER state                 through syslog

Traps by number: InfiniBand Architecture Specification, volume 1, 14.2.5.1 "Notices and traps".
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row
from ringfence.wire.logs.syslog_line import Line, clock, dated, finish
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_LINE = re.compile(
    r"\A([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{1,6}) "
    r"\[([0-9A-Fa-f]{1,16})\] (0x[0-9A-Fa-f]{1,4}) -> (.*)\Z",
    re.DOTALL,
)
_MASTER = re.compile(
    r"\b[Ee]ntering MASTER state\b|\bSM port is (?:now )?MASTER\b|\bhandover.{0,40}MASTER\b", re.DOTALL
)
_TRAP = re.compile(r"\bnum(?:ber)?: ?(\d{1,4})\b|\btrap (\d{1,4})\b")
_GUID = re.compile(r"\b(?:[Gg][Uu][Ii][Dd])[:= ]{1,3}(0x[0-9a-fA-F]{1,16})\b")
_PKEY = re.compile(r"\b[Pp]_?[Kk]ey[:= ]{1,3}(0x[0-9a-fA-F]{1,4})\b")
_REFUSED = {
    "256": "a management key",
    "257": "a partition key",
    "258": "a queue key",
    "259": "a partition key at a switch",
}


class Reader:
    """opensm's own file, a line at a time. `now` gives years to its dates, which have none."""

    def __init__(self, now: Callable[[], datetime] = clock) -> None:
        self._now = now

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The event of one line."""
        found = _LINE.match(line)
        if not found:
            raise ValueError("no line of opensm's log")
        when = dated(found[1], found[2], found[3], f"{int(found[4]):06}", self._now())
        more = {"opensm.thread": found[5], "opensm.level": found[6]}
        return (said(Line(when, "", "opensm", "", found[7], line, more=more)),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def said(line: Line) -> Event:
    """The event of what opensm says, however it came."""
    row = Row(classes.FABRIC)
    start = line.text[:1000]
    guid, key = _GUID.search(start), _PKEY.search(start)
    row.put("ib.guid", f"0x{int(guid[1], 16):016x}" if guid else None)
    row.put("ib.pkey", f"0x{int(key[1], 16):04x}" if key else None)
    trap = _TRAP.search(start)
    number = (trap[1] or trap[2]) if trap else ""
    row.keep("ib.trap", number or None)
    row.keep("ib.refused", _REFUSED.get(number))
    activity = 3 if _MASTER.search(start) else 4 if number in _REFUSED else 1
    if activity == 3 and guid:
        row.put("ib.manager", row.fields["ib.guid"])
    return finish(row, line, activity, "infiniband//opensm")


def looks(head_: bytes) -> bool:
    """Whether most of the first lines are opensm's."""
    lines = head.lines(head_)
    return bool(lines) and head.mostly(sum(1 for line in lines if _LINE.match(line)), len(lines))


FORM = Form("opensm", "opensm's log file", looks, Reader)
