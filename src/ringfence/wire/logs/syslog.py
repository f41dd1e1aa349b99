"""Syslog, whoever wrote it: taken apart, and what known programs say made an event of its class.

        line ──parse──▶ Line ──program──▶ sshd, sudo, cron … │ kernel │ opensm │ slurmctld │ Cisco ──▶ Event

A line of a program that nobody here knows is a base event with its `message`, so that rules of plain words find it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from ringfence.wire.logs import fabric_log, head, slurmctld
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row
from ringfence.wire.logs.syslog_kernel import kernel
from ringfence.wire.logs.syslog_line import Line, clock, event, finish, is_dressed, parse
from ringfence.wire.logs.syslog_logins import PROGRAMS, Parser
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_KNOWN: Mapping[str, Parser] = {
    **PROGRAMS,
    "kernel": kernel,
    "OpenSM": fabric_log.said,
    "opensm": fabric_log.said,
    "slurmctld": slurmctld.said,
    "slurmdbd": slurmctld.said,
    "slurmd": slurmctld.said,
}
_SERVICES: Mapping[str, str] = {
    "vsftpd": "linux//vsftpd",
    "clamd": "linux//clamav",
    "clamav": "linux//clamav",
    "freshclam": "linux//clamav",
    "guacd": "linux//guacamole",
    "polkitd": "linux//auth",
    "auditd": "linux//auditd",
    "audispd": "linux//auditd",
    "rpd": "juniper//bgp",
}
"""Program → log source, where its lines have no class of their own."""
_CISCO: Mapping[str, str] = {
    **dict.fromkeys(("PARSER", "AAA", "AAAA", "SEC_LOGIN", "SYS", "HA_EM", "ARCHIVE", "TACACS", "RADIUS"), "aaa"),
    **dict.fromkeys(("BGP", "TCP", "IP-TCP", "IP_TCP"), "bgp"),
    **dict.fromkeys(("LDP", "TDP", "SOCKET"), "ldp"),
    **dict.fromkeys(("DUO",), "duo"),
}
"""IOS facility → Sigma's service."""
_COMMAND = re.compile(r"\A%\S{1,80}: User:(\S{0,256}) {1,2}logged command:(.*)\Z", re.DOTALL)
_HUAWEI = re.compile(r"\A%%\d{2}BGP/")


class Reader:
    """A line at a time. `now` gives years to the dates that have none."""

    def __init__(self, now: Callable[[], datetime] = clock) -> None:
        self._now = now

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The event of one line, or of one message, which may hold line feeds."""
        return (said(parse(line, self._now())),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def said(line: Line) -> Event:
    """The event of one message."""
    if line.cisco:
        return _cisco(line)
    known = _KNOWN.get(line.program)
    found = known(line) if known else None
    if found is None:
        usual = "huawei//bgp" if _HUAWEI.match(line.text) else "linux//syslog"
        found = event(line, logsource=_SERVICES.get(line.program, usual))
    return found


def _cisco(line: Line) -> Event:
    facility, _, _ = line.cisco.rsplit("-", 2)
    service = _CISCO.get(facility, "ldp" if "LDP" in facility else "syslog")
    command = _COMMAND.match(line.text)
    row = Row(classes.API if command else classes.BASE)
    row.keep("cisco.mnemonic", line.cisco)
    if command:
        row.put("actor.user.name", command[1] or None)
        row.put("api.operation", command[2])
        row.put("api.service.name", "ios")
    return finish(row, line, 3 if command else 99, f"cisco//{service}")


def looks(head_: bytes) -> bool:
    """Whether most of the first lines are dressed as syslog dresses them."""
    lines = head.lines(head_)
    return bool(lines) and head.mostly(sum(1 for line in lines if is_dressed(line)), len(lines))


FORM = Form("syslog", "syslog of RFC 3164 and RFC 5424, rsyslog's files, Cisco IOS", looks, Reader)
