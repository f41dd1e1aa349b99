"""Who logs in and becomes whom, from the lines of sshd, sudo, su, PAM, cron, logind and the account tools.

Sources: OpenSSH's auth.c and auth2.c, sudo's logging.c, Linux-PAM's pam_unix, shadow's useradd and su, cron(8).
An account's name may be anything that a stranger types, " from 10.0.0.1 port 22 ssh2" included: where the name is not
checked yet, the *last* address of the line is sshd's own.
"""

import re
from collections.abc import Callable, Mapping

from ringfence.wire.logs.row import Row
from ringfence.wire.logs.syslog_line import Line, event, finish
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_FROM = r" from (\S{1,64}) port (\d{1,5})"
_ACCEPTED = re.compile(r"\AAccepted (\S{1,40}) for (\S{1,256})" + _FROM + r"(?: ssh2)?(?:: (.*))?\Z", re.DOTALL)
_FAILED = re.compile(
    r"\A(?:Failed|Postponed) (\S{1,40}) for (invalid user )?(.*)" + _FROM + r"(?: ssh2)?(?:: .*)?\Z", re.DOTALL
)
_INVALID = re.compile(r"\AInvalid user (.*) from (\S{1,64})(?: port (\d{1,5}))?\Z", re.DOTALL)
_MAXIMUM = re.compile(
    r"\A(?:error: )?maximum authentication attempts exceeded for (invalid user )?(.*)" + _FROM + r" ssh2 \[preauth\]\Z",
    re.DOTALL,
)
_LEFT = re.compile(r"\ADisconnected from user (\S{1,256}) (\S{1,64}) port (\d{1,5})\Z")
_OPENED = re.compile(
    r"\Apam_unix\(([^\s:()]{1,64}):session\): session (opened|closed) for user ([^\s(]{1,256})(?:\(uid=(\d{1,10})\))?"
    r"(?: by ([^\s(]{0,256})(?:\(uid=(\d{1,10})\))?)?\s*\Z"
)
_PAM_FAILED = re.compile(r"\Apam_\w{1,20}\(([^\s:()]{1,64}):auth\): authentication failure; ")
_PAM_WORD = re.compile(r"(?:\A|\s)(logname|uid|euid|tty|ruser|rhost|user)=(\S*)")
_CHANGED = re.compile(r"\Apam_unix\(([^\s:()]{1,64}):chauthtok\): password changed for (\S{1,256})\Z")
_SUDO = re.compile(r"\A\s*+(\S{1,256}) : (.*)\Z", re.DOTALL)
_SU = re.compile(r"\A(FAILED SU )?\(to (\S{1,256})\) (\S{1,256}) on (\S{1,64})\Z")
_CRON = re.compile(r"\A\((\S{1,256})\) ([A-Z][A-Z ]{1,30}) \((.*)\)\Z", re.DOTALL)
_SESSION = re.compile(r"\A(New|Removed) session (\S{1,32}?)(?: of user (\S{1,256}?))?\.\Z")
_NEW_USER = re.compile(r"\Anew (user|group): name=([^\s,]{1,256}),(.*)\Z", re.DOTALL)
_GROUP = re.compile(r"\A(add|delete) '([^']{1,256})' (?:to|from) (?:shadow )?group '([^']{1,256})'\Z")
_DELETED = re.compile(r"\Adelete user '([^']{1,256})'\Z")


def sshd(line: Line) -> Event | None:
    """OpenSSH's server: who was let in, who was not."""
    source = "linux//sshd"
    text = line.text
    found = _ACCEPTED.match(text)
    if found:
        key = (found[5] or "").strip()
        return _login(line, 1, found[2], (found[3], found[4]), found[1], key=key)
    found = _FAILED.match(text)
    if found:
        status = 2 if text.startswith("Failed") else 0
        return _login(line, status, found[3], (found[4], found[5]), found[1], unknown=found[2])
    found = _INVALID.match(text)
    if found:
        return _login(line, 2, found[1], (found[2], found[3]), unknown="invalid user")
    found = _MAXIMUM.match(text)
    if found:
        return _login(line, 2, found[2], (found[3], found[4]), unknown=found[1])
    found = _LEFT.match(text)
    if found:
        return _login(line, 1, found[1], (found[2], found[3]), activity=2)
    return pam(line, source) or event(line, logsource=source)


def pam(line: Line, logsource: str = "linux//auth") -> Event | None:
    """What PAM says in whatever program it runs in."""
    if not line.text.startswith("pam_"):
        return None
    found = _OPENED.match(line.text)
    if found:
        service, how, who, number, by, by_number = found.groups()
        row = Row(classes.AUTHENTICATION)
        row.put("user.name", who)
        row.put("service.name", service)
        row.put("actor.user.name", by or None)
        row.put("actor.user.uid", by_number)
        row.put("status_id", 1)
        row.keep("pam.uid", number)
        return finish(row, line, 1 if how == "opened" else 2, logsource)
    found = _PAM_FAILED.match(line.text)
    if found:
        said = dict(_PAM_WORD.findall(line.text, found.end()))
        row = Row(classes.AUTHENTICATION)
        row.put("user.name", said.get("user") or None)
        row.put("src_endpoint.ip", said.get("rhost") or None)
        row.put("actor.user.name", said.get("ruser") or None)
        row.put("service.name", found[1])
        row.put("status_id", 2)
        for name in ("logname", "uid", "euid", "tty"):
            row.keep(f"pam.{name}", said.get(name) or None)
        return finish(row, line, 1, logsource)
    found = _CHANGED.match(line.text)
    if found:
        return event(line, classes.ACCOUNT_CHANGE, 3, logsource, user__name=found[2], service__name=found[1])
    return None


def sudo(line: Line) -> Event | None:
    """A command as another account; the parts are in sudo's own order. Refusals come before them.

    A folder's or command's name may itself hold `; USER=`. Then who became whom is not told, and the command is all
    that follows the first `COMMAND=`, so that the real one is in it.
    """
    found = _SUDO.match(line.text)
    if not found:
        return pam(line, "linux//sudo") or event(line, logsource="linux//sudo")
    head, _, command = found[2].partition("COMMAND=")
    row = Row(classes.AUTHENTICATION)
    row.put("actor.user.name", found[1])
    row.put("service.name", "sudo")
    plain = found[2].count("; USER=") == 1 and found[2].count("COMMAND=") == 1
    refused = []
    for part in head.split(" ; "):
        name, equals, value = part.strip().partition("=")
        if not equals or not name.isupper():
            refused.append(part.strip(" ;"))
        elif name == "USER" and plain:
            row.put("user.name", value)
        elif name == "PWD":
            row.put("process.working_directory", value)
        else:
            row.keep(f"sudo.{name}", value)
    said = " ; ".join(each for each in refused if each)
    row.put("status_id", 2 if said else 1)
    row.keep("sudo.refused", said or None)
    row.put("process.cmd_line", command or None)
    row.put("process.file.path", command.partition(" ")[0] or None)
    return finish(row, line, 1, "linux//sudo")


def su(line: Line) -> Event | None:
    """One account becoming another."""
    found = _SU.match(line.text)
    if not found:
        return pam(line) or event(line, logsource="linux//auth")
    row = Row(classes.AUTHENTICATION)
    row.put("user.name", found[2])
    row.put("actor.user.name", found[3])
    row.put("service.name", "su")
    row.put("status_id", 2 if found[1] else 1)
    row.keep("tty", found[4])
    return finish(row, line, 1, "linux//auth")


def cron(line: Line) -> Event | None:
    """What cron starts, and whose table was changed."""
    found = _CRON.match(line.text)
    if not found:
        return pam(line, "linux//cron") or event(line, logsource="linux//cron")
    activity = {"CMD": 6, "REPLACE": 2, "DELETE": 3}.get(found[2], 99)
    said = {"process__cmd_line": found[3]} if found[2] == "CMD" else {"resource__name": found[3]}
    return event(line, classes.SCHEDULED_JOB, activity, "linux//cron", actor__user__name=found[1], **said)


def accounts(line: Line) -> Event | None:
    """useradd, usermod, userdel, groupadd, gpasswd, passwd, chage."""
    source = "linux//auth"
    found = _NEW_USER.match(line.text)
    if found and found[1] == "user":
        return event(line, classes.ACCOUNT_CHANGE, 1, source, user__name=found[2])
    found = _GROUP.match(line.text)
    if found:
        activity = 1 if found[1] == "add" else 2
        said = {"user__name": found[2], "resource__name": found[3], "resource__type": "group"}
        return event(line, classes.USER_ACCESS, activity, source, **said)
    found = _DELETED.match(line.text)
    if found:
        return event(line, classes.ACCOUNT_CHANGE, 6, source, user__name=found[1])
    return pam(line, source) or event(line, logsource=source)


def logind(line: Line) -> Event | None:
    """Sessions as systemd-logind counts them."""
    found = _SESSION.match(line.text)
    if not found:
        return event(line, logsource="linux//auth")
    said = {"user__name": found[3] or "", "actor__session__uid": found[2], "service__name": "systemd-logind"}
    return event(line, classes.AUTHENTICATION, 1 if found[1] == "New" else 2, "linux//auth", status_id=1, **said)


def _login(
    line: Line,
    status: int,
    user: str,
    peer: tuple[str, str | None],
    how: str = "",
    *,
    activity: int = 1,
    key: str = "",
    unknown: str | None = None,
) -> Event:
    row = Row(classes.AUTHENTICATION)
    row.put("user.name", user)
    row.put("src_endpoint.ip", peer[0])
    row.put("src_endpoint.port", peer[1])
    row.put("auth_protocol", how or None)
    row.put("service.name", "sshd")
    row.put("status_id", status)
    row.keep("sshd.key", key or None)
    row.keep("sshd.unknown_user", "true" if unknown else None)
    return finish(row, line, activity, "linux//sshd")


Parser = Callable[[Line], Event | None]
PROGRAMS: Mapping[str, Parser] = {
    "sshd": sshd,
    "sshd-session": sshd,
    "sshd-auth": sshd,
    "sudo": sudo,
    "su": su,
    "runuser": su,
    "cron": cron,
    "CRON": cron,
    "crond": cron,
    "CROND": cron,
    "crontab": cron,
    "systemd-logind": logind,
    **dict.fromkeys(("useradd", "usermod", "userdel", "adduser", "groupadd", "groupmod", "gpasswd"), accounts),
    **dict.fromkeys(("passwd", "chage", "login"), accounts),
}
"""Program → who understands its lines."""
