"""`partitions.conf` of opensm, and the tables that opensm makes of it.

        name=0x8001, ipoib, defmember=full : 0x…guid, 0x…guid=limited, ALL_SWITCHES=full ;

opensm *fails open*: a file with a syntax error, or with no partition in it, puts every port into
the default partition as a full member, with no message but one line of its log. `read` therefore
never drops a stanza quietly: it says why the file as a whole fails open.

What opensm 3.3.23 was seen to do, and this reader does too (`tests/live/test_opensm.py` asks it):
names are case-sensitive (`all` is a bad GUID); of several memberships of one port in one 15-bit
key the last wins, whatever the stanza; a membership counts by its first letters (`f` is full, so
is nothing after `=`) and an unknown one is limited; `mgid=` takes the rest of its line; the
default key holds everyone as limited, its own port as full, before the first stanza is read.
"""

import re
from collections.abc import Iterable

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.ibnet.values import DEFAULT_PKEY

LONGEST_LINE = 4094
"""What opensm's line buffer holds; the rest of a longer line is read as a line of its own."""

_GROUPS = ("ALL", "ALL_CAS", "ALL_SWITCHES", "ALL_ROUTERS", "ALL_VCAS", "SELF")
_NUMBER = re.compile(r"\A([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\Z")
_MOST = (1 << 64) - 1
_PIECE = re.compile(r"([^,;]*)([,;]|\Z)")


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
    for number, line in safe.lines(data):
        try:
            if len(line.encode("utf-8", "replace")) > LONGEST_LINE:
                raise _Broken("the line is longer than opensm's buffer of 4,096 bytes")
            reader.feed(line.partition("#")[0], number)
        except _Broken as why:
            return Partitions((), str(why), number)
    if reader.name is not None and not reader.closed():
        return Partitions((), "the last partition has no `:`", reader.line)
    if not reader.stanzas:
        return Partitions((), "the file holds no partition")
    return Partitions(tuple(reader.stanzas))


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
        while text.strip():
            if not self.in_body:
                head, colon, text = text.partition(":")
                if not colon:
                    raise _Broken("a partition's definition must end in `:` on its own line")
                self._head(head, number)
            text = self._body(text, number)

    def _head(self, text: str, number: int) -> None:
        first, *flags = [piece.strip() for piece in text.split(",")]
        name, equals, value = (part.strip() for part in first.partition("="))
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
            word, equals, value = (part.strip() for part in flag.partition("="))
            if word == "ipoib":
                self.ipoib = True
            elif word == "defmember":
                self.default = _membership(value)

    def _body(self, text: str, number: int) -> str:
        """Take specifiers up to `;`; what stands after it is returned."""
        at, group = 0, False
        while at < len(text):
            piece = _PIECE.match(text, at)
            assert piece is not None
            at = piece.end()
            spec = piece[1].strip()
            group = group or spec.startswith("mgid=")
            if spec and not group:
                self._member(spec, number)
            if piece[2] == ";":
                self._close()
                return text[at:]
        return ""

    def _member(self, spec: str, number: int) -> None:
        name, equals, value = (part.strip() for part in spec.partition("="))
        membership = _membership(value) if equals else self.default
        guid = _number(name)
        if name in _GROUPS:
            self.members.append(Member(0, name, membership, number))
        elif guid:
            self.members.append(Member(guid, "", membership, number))
        else:
            raise _Broken(f"bad port GUID: {name[:40]!r}")

    def _close(self) -> None:
        assert self.name is not None
        self.stanzas.append(Stanza(self.name, self.key, self.ipoib, tuple(self.members), self.line))
        self.name, self.in_body = None, False

    def closed(self) -> bool:
        """Take an open last stanza as opensm does at the end of the file: as if `;` stood there."""
        if self.in_body:
            self._close()
        return self.name is None


def _number(text: str) -> int | None:
    """As C's strtoull with base 0 reads it: hexadecimal, octal or decimal, negative wrapped, too large held."""
    match = _NUMBER.match(text[:80])
    if match is None:
        return None
    value = int(match[2], 16) if match[2] else int(match[3], 8) if match[3] else int(match[4])
    value = min(value, _MOST)
    return (-value) & _MOST if match[1] == "-" else value


def _membership(text: str) -> str:
    return next((word for word in ("full", "limited", "both") if word.startswith(text)), "limited")


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
