"""`partitions.conf` of opensm, and the tables that opensm makes of it.

        name=0x8001, ipoib, defmember=full : 0x…guid, 0x…guid=limited, ALL_SWITCHES=full ;

opensm *fails open*: a file with a syntax error, or with no partition in it, puts every port into
the default partition as a full member, with no message but one line of its log. `read` therefore
never drops a stanza quietly: it says why the file as a whole fails open.

What opensm 3.3.23 was seen to do, and this reader does too (`tests/live/test_opensm.py` asks it):
names are case-sensitive (`all` is a bad GUID) and count by their first letters (`A` is `ALL`); of
several memberships of one port in one 15-bit key the last wins, whatever the stanza; a membership
counts by its first letters too (`f` is full, so is nothing after `=`) and an unknown one is
limited; `mgid=` takes the rest of its line; only space, tab and line feed are blank, so a carriage
return is part of a name and a file with CR LF fails open; so does one with nothing before a `;`
on its line; a zero byte ends its line; a line longer than the buffer goes on as the next line; the
default key holds everyone as limited, its own port as full, before the first stanza is read.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.ibnet.values import DEFAULT_PKEY

LONGEST_LINE = 4094
"""Bytes that opensm's line buffer holds; the rest of a longer line is read as a line of its own."""

_GROUPS = ("NONE", "ALL", "ALL_CAS", "ALL_SWITCHES", "ALL_ROUTERS", "SELF")
"""In the order in which opensm compares their first letters."""

_MEMBERSHIPS = ("full", "limited", "both")
_NUMBER = re.compile(r"\A[\r\v\f]*+([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\Z")
_MOST = (1 << 64) - 1
_BLANK = " \t\n"
_SHORT = 64


class Member(msgspec.Struct, frozen=True):
    """One port specifier: a port GUID, or a group such as `ALL` (then `guid` is 0)."""

    guid: int
    group: str
    membership: str
    line: int


class Stanza(msgspec.Struct, frozen=True):
    """One partition as written. `key` is the 15-bit key; -1: opensm picks one."""

    name: str
    key: int
    ipoib: bool
    members: tuple[Member, ...]
    line: int


class Partitions(msgspec.Struct, frozen=True):
    """The file. `fails_open` says why opensm ignores it and lets everyone talk to everyone, with its line."""

    stanzas: tuple[Stanza, ...]
    fails_open: str = ""
    line: int = 0


class Port(msgspec.Struct, frozen=True):
    """A port that opensm would program: `kind` is adapter, switch or router."""

    guid: int
    kind: str


class _Broken(Exception):
    """A line at which opensm gives up."""


def read(data: bytes) -> Partitions:
    """The stanzas of the file. Never raises for bad grammar: that is `fails_open`. Linear time.

    Raises `InputError` only for a file beyond all bounds.
    """
    reader = _Reader()
    for number, line in _lines(data):
        try:
            reader.feed(line, number)
        except _Broken as why:
            return Partitions((), str(why), number)
    if reader.name is not None and not reader.closed():
        return Partitions((), "the last partition has no `:`", reader.line)
    if not reader.stanzas:
        return Partitions((), "the file holds no partition")
    return Partitions(tuple(reader.stanzas))


def read_text(text: str) -> Partitions:
    """The same of text that was decoded with `surrogateescape`, so that any bytes come back as they were."""
    return read(text.encode("utf-8", "surrogateescape"))


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """(line number in the file, what opensm has in its buffer) without comments."""
    for number, line in enumerate(safe.bounded(data).split(b"\n"), 1):
        for at in range(0, len(line) or 1, LONGEST_LINE):
            buffer = line[at : at + LONGEST_LINE].partition(b"\0")[0]
            yield number, buffer.partition(b"#")[0].decode("latin-1")


class _Reader:
    """Where opensm's own parser stands: before a `:`, or in a list of ports up to a `;`."""

    def __init__(self) -> None:
        self.stanzas: list[Stanza] = []
        self.name: str | None = None
        self.key = -1
        self.ipoib = False
        self.default = "limited"
        self.members: list[Member] = []
        self.line = 0
        self.in_body = False

    def feed(self, text: str, number: int) -> None:
        """One line without its comment."""
        while text.strip(_BLANK):
            piece, ended, text = text.partition(";")
            if not piece.strip(_BLANK):
                raise _Broken("nothing stands before a `;`")
            if not self.in_body:
                head, colon, piece = piece.partition(":")
                if not colon:
                    raise _Broken("a partition's definition must end in `:` on its own line")
                self._head(head, number)
            self._body(piece, number)
            if ended:
                self._close()

    def _head(self, text: str, number: int) -> None:
        first, *flags = text.split(",")
        name, equals, value = _parts(first)
        if not equals and name[:1].isdigit():
            equals, value = "=", name  # the name left out: a key alone
        self.name, self.line, self.members = name, number, []
        self.key, self.ipoib, self.default, self.in_body = -1, False, "limited", True
        if equals:
            key = _number(value)
            if key is None:
                raise _Broken(f"not a partition key: {value[:40]!r}")
            self.key = key & DEFAULT_PKEY or -1
        elif name == "Default":
            self.key = DEFAULT_PKEY
        for flag in flags:
            word, equals, value = _parts(flag)
            if word == "ipoib":
                self.ipoib = True
            elif word and equals and "defmember".startswith(word):
                self.default = _membership(value, self.default)

    def _body(self, text: str, number: int) -> None:
        """The specifiers of one line, up to `;`."""
        for spec in text.split(","):
            if len(spec) < _SHORT and (plain := _plain(spec)):
                self.members.append(Member(plain[0], "", plain[1] or self.default, number))
                continue
            name, equals, value = _parts(spec)
            if name == "mgid":
                if not equals:
                    raise _Broken("`mgid` without a value, at which opensm 3.3.23 crashes")
                return
            if name:
                self._member(name, value if equals else None, number)

    def _member(self, name: str, value: str | None, number: int) -> None:
        membership = self.default if value is None else _membership(value)
        guid, group = port_of(name)
        if not guid and not group:
            raise _Broken(f"bad port GUID: {name[:40]!r}")
        if group != "NONE":
            self.members.append(Member(guid, group, membership, number))

    def _close(self) -> None:
        assert self.name is not None
        self.stanzas.append(Stanza(self.name, self.key, self.ipoib, tuple(self.members), self.line))
        self.name, self.in_body = None, False

    def closed(self) -> bool:
        """Take an open last stanza as opensm does at the end of the file: as if `;` stood there."""
        if self.in_body:
            self._close()
        return self.name is None


def port_of(name: str) -> tuple[int, str]:
    """(GUID, "") of what names a port, (0, the group) of what names a group, (0, "") of what names neither."""
    guid = 0 if name[:1] in "ANS" else _number(name) or 0
    return (guid, "") if guid else (0, next((group for group in _GROUPS if group.startswith(name)), ""))


def _parts(text: str) -> tuple[str, str, str]:
    """`name`, `=` or nothing, and `value`, without blanks around them."""
    name, equals, value = text.partition("=")
    return name.strip(_BLANK), equals, value.strip(_BLANK)


def _number(text: str) -> int | None:
    """As C's strtoull with base 0 reads it: hexadecimal, octal or decimal, negative wrapped, too large held."""
    match = _NUMBER.match(text[:80])
    if match is None:
        return None
    value = int(match[2], 16) if match[2] else int(match[3], 8) if match[3] else int(match[4])
    value = min(value, _MOST)
    return (-value) & _MOST if match[1] == "-" else value


def _membership(text: str, unknown: str = "limited") -> str:
    return next((word for word in _MEMBERSHIPS if word.startswith(text)), unknown)


@lru_cache(maxsize=1 << 18)
def _plain(spec: str) -> tuple[int, str] | None:
    """(GUID, membership, "" where none is said) of a port; it stands in many partitions, mostly alike."""
    name, equals, value = _parts(spec)
    guid = _number(name)
    return (guid, _membership(value) if equals else "") if guid else None


Tables = dict[int, dict[int, str]]
"""Port GUID → 15-bit key → full or limited."""


def tables(conf: Partitions, ports: Iterable[Port], sm: int) -> Tables:
    """What opensm programs into these ports from this file; `sm` is the port GUID it runs on (0: unknown).

    Every port holds the default key: limited where the file is in force, full where it fails
    open. Of several memberships in one 15-bit key the last wins.
    """
    ports = list(ports)
    if conf.fails_open:
        return {port.guid: {DEFAULT_PKEY: "full"} for port in ports}
    made: Tables = {port.guid: {DEFAULT_PKEY: "full" if port.guid == sm else "limited"} for port in ports}
    kinds = {port.guid: port.kind for port in ports}
    for stanza in conf.stanzas:
        if stanza.key <= 0:
            continue
        for member in stanza.members:
            for guid in _meant(member, kinds, sm):
                made[guid][stanza.key] = "limited" if member.membership == "limited" else "full"
    return made


def _meant(member: Member, kinds: dict[int, str], sm: int) -> Iterable[int]:
    if member.guid:
        return (member.guid,) if member.guid in kinds else ()
    if member.group == "SELF":
        return (sm,) if sm in kinds else ()
    wanted = {"ALL_CAS": "adapter", "ALL_SWITCHES": "switch", "ALL_ROUTERS": "router"}.get(member.group)
    return [guid for guid, kind in kinds.items() if member.group == "ALL" or kind == wanted]


def unresolved(conf: Partitions) -> list[InputError]:
    """Stanzas without a key: opensm picks one, which only its tables tell."""
    return [
        InputError(f"partition {stanza.name!r} has no key; opensm picks one", line=stanza.line, remedy="capture PKTR")
        for stanza in conf.stanzas
        if stanza.key < 0
    ]
