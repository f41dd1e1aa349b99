"""`/etc/passwd`, `/etc/group` and `getent passwd|group`, which print the same. `/etc/shadow` is never read."""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")
_PASSWD = re.compile(rb"(?m)^[^:\n#]{1,64}:[^:\n]*:-?\d+:-?\d+:[^:\n]*:[^:\n]*:[^:\n]*$")
_GROUP = re.compile(rb"(?m)^[^:\n#]{1,64}:[^:\n]*:-?\d+:[^:\n]*$")


class Account(msgspec.Struct, frozen=True):
    """One line of passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str

    @property
    def may_have_shell(self) -> bool:
        """Whether its shell starts one. An empty shell means /bin/sh (passwd(5))."""
        return self.shell.rpartition("/")[2] not in _NO_LOGIN


class Group(msgspec.Struct, frozen=True):
    """One line of group. Members whose primary group it is are not listed there."""

    name: str
    gid: int
    members: tuple[str, ...]


def looks_like_passwd(head: bytes) -> bool:
    """Seven fields, two numbers, on the first full line that is not empty."""
    return _first_matches(head, _PASSWD)


def looks_like_group(head: bytes) -> bool:
    """Four fields, the third a number."""
    return _first_matches(head, _GROUP)


def _first_matches(head: bytes, pattern: re.Pattern[bytes]) -> bool:
    first = next((line for line in head.splitlines() if line.strip() and not line.startswith((b"#", b"+", b"-"))), b"")
    return bool(pattern.fullmatch(first))


def passwd(data: bytes) -> tuple[Account, ...]:
    """Every account. NIS lines (`+`, `-`) are skipped. Raises `InputError` with the line."""
    accounts = []
    for number, fields in _rows(data, 7, "passwd"):
        accounts.append(
            Account(fields[0], _number(fields[2], number), _number(fields[3], number), fields[5], fields[6])
        )
    return tuple(accounts)


def group(data: bytes) -> tuple[Group, ...]:
    """Every group. Raises `InputError` with the line."""
    return tuple(
        Group(fields[0], _number(fields[2], number), tuple(name for name in fields[3].split(",") if name))
        for number, fields in _rows(data, 4, "group")
    )


def _rows(data: bytes, width: int, what: str) -> list[tuple[int, list[str]]]:
    rows = []
    for number, line in safe.lines(data):
        if not line.strip() or line[0] in "#+-":
            continue
        fields = [field.strip() for field in line.split(":")]
        if len(fields) != width or not fields[0]:
            raise InputError(f"not a line of {what}: {width} fields, not {len(fields)}", line=number)
        rows.append((number, fields))
    return rows


def _number(text: str, line: int) -> int:
    if not text.lstrip("-").isdecimal() or len(text) > 20:
        raise InputError(f"not a number: {text[:40]!r}", line=line)
    return int(text)
