"""What the subnet administrator answers: `saquery NR`, `PKTR`, `SMIR`, `PR`; and `smpquery pkeys`, `sminfo`.

        PKeyTableRecord dump:
                        LID........................2
                        Port.......................1
                        Block......................0
                        PKey Table:
                        0xffff 0x8001 0x0000 …

Formats as printed by infiniband-diags 44.
"""

import re
from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.ibnet.values import guid, key

_HEAD = re.compile(r"([A-Za-z]{1,40})Record dump:\s*\Z")
_FIELD = re.compile(r"([A-Za-z_ ]{1,40}?)\.{2,}(.*)\Z")
_ROW = re.compile(r"\A(?:\s*+(\d{1,3}):)?((?:\s++0x[0-9a-fA-F]{1,4})++)\s*+\Z")
_SMINFO = re.compile(
    r"sminfo: sm lid (\d{1,5}) sm guid (0x[0-9a-fA-F]{1,16}), activity count \d+ priority (\d{1,2}) state (\d{1,2})"
)
_ABOUT = re.compile(r"\A#.*?\blid\s+(\d{1,5})\b.*?\bport\s+(\d{1,3})\b", re.IGNORECASE)
_STATES = {0: "not-active", 1: "discovering", 2: "standby", 3: "master"}
_REMEDY = "copy the whole output of saquery"


class Record(msgspec.Struct, frozen=True):
    """One record: its kind (`PKeyTable`, `Node`, `SMInfo`, `Path`, …), fields as text by lower-case name."""

    kind: str
    fields: dict[str, str]
    keys: tuple[int, ...]
    line: int


class Table(msgspec.Struct, frozen=True):
    """The partition keys of one port, 16 bits each with the membership bit, empty entries left out.

    `lid` and `port` are 0 where the output does not say them.
    """

    lid: int
    port: int
    keys: tuple[int, ...]
    line: int


class Manager(msgspec.Struct, frozen=True):
    """One subnet manager. `state` is master, standby, discovering or not-active."""

    lid: int
    guid: int
    priority: int
    state: str


class NodeName(msgspec.Struct, frozen=True):
    """One port as the subnet administrator knows it."""

    lid: int
    kind: str
    node: int
    port: int
    description: str


def records(data: bytes) -> tuple[Record, ...]:
    """The records of one answer. Raises `InputError` at a line that is part of none."""
    found: list[Record] = []
    fields: dict[str, str] = {}
    keys: list[int] = []
    kind, start = "", 0
    for number, line in safe.lines(data):
        text = line.strip()
        head = _HEAD.match(text)
        if head:
            if kind:
                found.append(Record(kind, fields, tuple(keys), start))
            kind, fields, keys, start = head[1], {}, [], number
        elif kind and (row := _ROW.match(line)):
            keys.extend(key(word, number) for word in row[2].split())
        elif kind and (field := _FIELD.match(text)):
            fields[field[1].strip().lower()] = field[2].strip().lstrip(".")
        elif text and not kind:
            raise InputError(f"not an answer of saquery: {text[:60]!r}", line=number, remedy=_REMEDY)
    if kind:
        found.append(Record(kind, fields, tuple(keys), start))
    return tuple(found)


def tables(found: tuple[Record, ...]) -> Iterator[Table]:
    """The tables of `PKeyTable` records, the blocks of one port put together."""
    ports: dict[tuple[int, int], tuple[list[int], int]] = {}
    for record in found:
        if record.kind == "PKeyTable":
            if not record.keys:
                raise InputError("a partition table without entries", line=record.line, remedy=_REMEDY)
            place = (_int(record, "lid"), _int(record, "port"))
            ports.setdefault(place, ([], record.line))[0].extend(word for word in record.keys if word)
    for (lid, port), (keys, line) in ports.items():
        yield Table(lid, port, tuple(keys), line)


def managers(found: tuple[Record, ...]) -> Iterator[Manager]:
    """The subnet managers of `SMInfo` records."""
    for record in found:
        if record.kind == "SMInfo":
            state = _STATES.get(_int(record, "smstate"), "unknown")
            guid_ = guid(record.fields.get("guid", ""), record.line)
            yield Manager(_int(record, "lid"), guid_, _int(record, "priority"), state)


def names(found: tuple[Record, ...]) -> Iterator[NodeName]:
    """The ports of `Node` records."""
    for record in found:
        if record.kind == "Node":
            yield NodeName(
                _int(record, "lid"),
                record.fields.get("node_type", ""),
                guid(record.fields.get("node_guid", ""), record.line),
                guid(record.fields.get("port_guid", ""), record.line),
                record.fields.get("nodedescription", ""),
            )


def sminfo(data: bytes) -> Manager:
    """The one line of `sminfo`."""
    match = _SMINFO.match(safe.bounded(data)[:400].decode("utf-8", "replace").strip())
    if match is None:
        raise InputError("not the answer of sminfo", line=1, remedy="run `sminfo` on a host of the fabric")
    return Manager(int(match[1]), guid(match[2]), int(match[3]), _STATES.get(int(match[4]), "unknown"))


def smp_tables(data: bytes) -> tuple[Table, ...]:
    """The tables of `smpquery pkeys`, one or several. A line `# lid 12 port 1` before one names its port."""
    found: list[Table] = []
    keys: list[int] = []
    lid = port = start = 0
    for number, line in safe.lines(data):
        if about := _ABOUT.match(line[:200]):
            lid, port = int(about[1]), int(about[2])
        elif row := _ROW.match(line):
            start = start or number
            keys.extend(key(word, number) for word in row[2].split())
        elif line.strip().endswith("pkeys capacity for this port"):
            found.append(Table(lid, port, tuple(word for word in keys if word), start or number))
            keys, lid, port, start = [], 0, 0, 0
        elif line.strip() and not line.lstrip().startswith("#"):
            raise InputError(f"not a partition table: {line.strip()[:60]!r}", line=number, remedy="copy it whole")
    if keys or not found:
        raise InputError("the table is cut short", line=start, remedy="copy the whole output of `smpquery pkeys`")
    return tuple(found)


def _int(record: Record, name: str) -> int:
    text = record.fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError(f"the {record.kind} record has no number {name!r}", line=record.line, remedy=_REMEDY)
    return int(text)
