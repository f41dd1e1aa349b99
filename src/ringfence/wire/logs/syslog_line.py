"""One line of syslog in whatever dress it comes: RFC 5424, RFC 3164, as rsyslog writes files, as IOS sends it.

    <34>1 2026-01-02T03:04:05Z host app 12 ID [id a="b"] text      RFC 5424
    <34>Jan  2 03:04:05 host app[12]: text                         RFC 3164; in files without the <34>
    2026-01-02T03:04:05.123456+00:00 host app[12]: text            rsyslog's files
    172.16.5.10 6705: Jan  2 03:04:05.673: %PARSER-5-NAME: text    Cisco IOS

Only a line's own beginning decides what it is: words further on were chosen by whoever made the program log them.
A time without a zone is taken for UTC, and one without a year for the last such day that is not yet to come.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from ringfence.wire.logs.row import Row, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_COUNT = re.compile(r"\A\d{1,7} (?=<\d{1,3}>)")
_PRI = re.compile(r"\A<(\d{1,3})>")
_5424 = re.compile(r"\A1 (\S{1,48}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ?", re.ASCII)
_ISO = re.compile(r"\A(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?) ")
_OLD = re.compile(r"\A([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? ")
_HOST = re.compile(r"\A([A-Za-z0-9_.:-]{1,255}) (?=\S)")
_TAG = re.compile(r"\A([^\s:\[\]]{1,64})(?:\[(\d{1,10})\])?: ?")
_CISCO = re.compile(
    r"\A(?:(?P<host>[A-Za-z0-9_.:-]{1,254}[A-Za-z0-9_]) )?(?:(?P<seq>\d{1,12}): )?(?:[A-Za-z0-9_.-]{1,64}: )?"
    r"(?:[*.]?(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?:(?P<year>\d{4}) )?"
    r"(?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d{1,6})?(?: [A-Z]{1,5})?: )?"
    r"%(?P<facility>[A-Z][A-Z0-9_-]{0,40}?)-(?P<severity>[0-7])-(?P<name>[A-Z][A-Z0-9_]{0,60}): ?"
)
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})")
_PARAMETER = re.compile(r' ([^\s=\]"]{1,64})="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OCSF_SEVERITY = (6, 5, 5, 4, 3, 2, 1, 1)
"""Syslog's severity, 0 emergency … 7 debug → OCSF's."""


class Line(msgspec.Struct, frozen=True):
    """A line taken apart. `program` is "" where none is told; `severity` and `facility` are -1 where there are none.

    `cisco` is `FACILITY-5-NAME` of an IOS message. `more` is structured data and whatever else the dress tells.
    """

    time: int
    host: str
    program: str
    pid: str
    text: str
    whole: str
    severity: int = -1
    facility: int = -1
    cisco: str = ""
    more: Mapping[str, str] = {}


def parse(whole: str, now: datetime) -> Line:
    """A line taken apart; `now` gives a year to a time that has none. What fits no dress is all text."""
    rest = _COUNT.sub("", whole, count=1)
    facility = severity = -1
    priority = _PRI.match(rest)
    if priority and int(priority[1]) < 192:
        facility, severity = divmod(int(priority[1]), 8)
        rest = rest[priority.end() :]
        modern = _5424.match(rest)
        if modern:
            return _modern(modern, rest, whole, facility, severity)
    cisco = _CISCO.match(rest)
    if cisco:
        return _cisco(cisco, rest, whole, facility, now)
    when, rest, timed = _when(rest, now)
    host = _HOST.match(rest) if timed else None
    if host and not host[1].endswith(":"):
        rest = rest[host.end() :]
    else:
        host = None
    tag = _TAG.match(rest) if timed or priority else None
    text = rest[tag.end() :] if tag else rest
    program, pid = (tag[1], tag[2] or "") if tag else ("", "")
    return Line(when, host[1] if host else "", program, pid, text, whole, severity, facility)


def is_dressed(line: str) -> bool:
    """Whether a line begins as syslog does."""
    line = _COUNT.sub("", line, count=1)
    priority = _PRI.match(line)
    if priority:
        return int(priority[1]) < 192
    dated = _ISO.match(line) or _OLD.match(line)
    if not dated:
        return _CISCO.match(line) is not None
    host = _HOST.match(line[dated.end() :])
    return host is not None and bool(_TAG.match(line[dated.end() + host.end() :]) or host[1].endswith(":"))


def event(
    line: Line, uid: int = classes.BASE, activity: int = 99, logsource: str = "linux//syslog", **said: object
) -> Event:
    """The event of a line. `said` are columns, their dots written as `__`; empty ones are left out."""
    row = Row(uid)
    for column, value in said.items():
        if value not in ("", None):
            row.put(column.replace("__", "."), value)
    return finish(row, line, activity, logsource)


def finish(row: Row, line: Line, activity: int, logsource: str) -> Event:
    """The event of a row that a parser has filled, with what every line tells."""
    row.put("message", line.text)
    if line.program:
        row.put("actor.process.name", line.program)
    if line.pid:
        row.put("actor.process.pid", line.pid)
    if line.severity >= 0:
        row.put("severity_id", _OCSF_SEVERITY[line.severity])
        row.keep("syslog.severity", line.severity)
    if line.facility >= 0:
        row.keep("syslog.facility", line.facility)
    for name, value in line.more.items():
        row.keep(name, value)
    if line.program and row.fields.get("actor.process.name") != line.program:
        row.keep("syslog.program", line.program)
    return row.event(line.time, line.host, logsource, activity)


def dated(month: str, day: str, clock: str, part: str, now: datetime, year: str = "") -> int:
    """Microseconds of a date that may lack its year: the last one that is not more than a day ahead of `now`."""
    if month not in _MONTHS:
        return 0
    for guess in (int(year),) if year else range(now.year + 1, now.year - 5, -1):  # 29 February may be 4 years ago
        try:
            when = datetime.fromisoformat(f"{guess:04}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{clock}+00:00")
        except ValueError:
            continue
        if year or when <= now + timedelta(days=1):
            return micros(when.isoformat()) + int(f"{part:0<6}"[:6])
    return 0


def _when(rest: str, now: datetime) -> tuple[int, str, bool]:
    found = _ISO.match(rest)
    if found:
        return micros(found[1].replace(",", ".")), rest[found.end() :], True
    found = _OLD.match(rest)
    if found:
        clock = f"{found[4]}:{found[5]}:{found[6]}"
        return dated(found[1], found[2], clock, found[7] or "", now, found[3] or ""), rest[found.end() :], True
    return 0, rest, False


def _modern(found: re.Match[str], rest: str, whole: str, facility: int, severity: int) -> Line:
    when, host, program, pid, message_id = ("" if each == "-" else each for each in found.groups())
    more, at = _structured(rest, found.end())
    if message_id:
        more["syslog.msgid"] = message_id
    text = rest[at:].removeprefix(" ").removeprefix("\ufeff")
    number = pid if pid.isdigit() else ""
    if pid and not number:
        more["syslog.procid"] = pid
    return Line(micros(when), host, program, number, text, whole, severity, facility, "", more)


def _structured(rest: str, at: int) -> tuple[dict[str, str], int]:
    """The parameters of RFC 5424's structured data, `id.name`, and where the text begins."""
    more: dict[str, str] = {}
    if rest.startswith("-", at):
        return more, at + 1
    while (element := _ELEMENT.match(rest, at)) is not None:
        end = element.end()
        while (parameter := _PARAMETER.match(rest, end)) is not None:
            value = re.sub(r"\\([\"\\\]])", r"\1", parameter[2])
            more.setdefault(f"{element[1]}.{parameter[1]}", value)
            end = parameter.end()
        if not rest.startswith("]", end):
            return more, at
        at = end + 1
    return more, at


def _cisco(found: re.Match[str], rest: str, whole: str, facility: int, now: datetime) -> Line:
    when = 0
    if found["month"]:
        part = (found["part"] or ".")[1:]
        when = dated(found["month"], found["day"], found["clock"], part, now, found["year"] or "")
    said = f"{found['facility']}-{found['severity']}-{found['name']}"
    more = {"cisco.sequence": found["seq"]} if found["seq"] else {}
    text = rest[found.start("facility") - 1 :]
    return Line(when, found["host"] or "", "", "", text, whole, int(found["severity"]), facility, said, more)


def clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)
