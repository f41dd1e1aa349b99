"""slurm.conf and its like, and `scontrol show config`: keys in any case, one or more to a line.

`#` begins a comment, a backslash at the end of a line continues it (nothing comes between),
quotes hold spaces together,
`NodeName=DEFAULT` and `PartitionName=DEFAULT` set what later lines leave out.
Source: the slurm.conf manual page; how lines are joined was tried on slurmctld 22.05.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.values import Node, Partition, words

_TOKEN = re.compile(r'(?:"[^"]*"|[^\s"])+')
_REMEDY = "slurmctld would refuse the file as well; copy it again"
_LONGEST = 1 << 20


class Config(msgspec.Struct, frozen=True):
    """A configuration. `values`: key in lower case → every value given for it, in order.

    `nodes` and `partitions` have hostlists where Slurm has them (`Node.name` too). `sets` are
    NodeSets by name: a hostlist, or `feature:NAME`. `includes` are the files named by Include.
    `unread` are (line, why) of lines that say nothing sure; they are in no other field.
    """

    cluster: str = ""
    values: Mapping[str, tuple[str, ...]] = {}
    nodes: tuple[Node, ...] = ()
    partitions: tuple[Partition, ...] = ()
    sets: Mapping[str, str] = {}
    includes: tuple[str, ...] = ()
    unread: tuple[tuple[int, str], ...] = ()

    def get(self, key: str, default: str = "") -> str:
        """The last value of a key, as Slurm takes it."""
        return self.values.get(key.lower(), (default,))[-1]


Row = dict[str, str]

_ALIASES = {"feature": "features", "shared": "oversubscribe"}
"""Two spellings of one key, so that a line overrides a default written the other way."""


def rows(data: bytes, unread: list[InputError] | None = None) -> Iterator[tuple[int, Row]]:
    """(line, key in lower case → value) of every line that says something.

    What is no `Key=Value` raises `InputError` with the line; where `unread` is given, such a line is
    added there instead, and left out whole.
    """
    for number, line in _logical(data):
        tokens = _TOKEN.findall(line)
        if tokens and tokens[0].lower() == "include":
            yield number, {"include": " ".join(tokens[1:])}
            continue
        # `Key = Value` and `Key= Value` are as good as `Key=Value`
        row: Row = {}
        try:
            for key, value in _pairs(tokens, number):
                row[key.lower()] = value
        except InputError as error:
            if unread is None:
                raise
            unread.append(error)
            continue
        if row:
            yield number, row


def _pairs(tokens: list[str], number: int) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(tokens):
        key, equals, value = tokens[at].partition("=")
        at += 1
        if not equals and at < len(tokens) and tokens[at].startswith("="):
            equals, value = "=", tokens[at][1:]
            at += 1
        if equals and not value and at < len(tokens) and "=" not in tokens[at]:
            value = tokens[at]
            at += 1
        if not equals or not key:
            raise InputError(f"{key[:60]!r} is no Key=Value", line=number, remedy=_REMEDY)
        yield key.rstrip("+-"), value.replace('"', "").strip()


def _logical(data: bytes) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones joined."""
    held: list[str] = []
    length = started = 0
    for number, line in safe.lines(data):
        line = _uncommented(line)
        if not held:
            started = number
        more = line.endswith("\\")
        held.append(line[:-1] if more else line)
        length += len(line)
        if length > _LONGEST:
            raise InputError("a line longer than 1 MiB", line=started, remedy=_REMEDY)
        if not more:
            yield started, "".join(held)
            held, length = [], 0
    if held:
        yield started, "".join(held)


def _uncommented(line: str) -> str:
    at = line.find("#")
    while at > 0 and line[at - 1] == "\\":
        at = line.find("#", at + 1)
    return (line if at < 0 else line[:at]).rstrip()


def read(data: bytes) -> Config:
    """slurm.conf or a file that it includes. Raises `InputError` where no line of it can be read."""
    values: dict[str, tuple[str, ...]] = {}
    nodes: list[Node] = []
    partitions: list[Partition] = []
    sets: dict[str, str] = {}
    includes: list[str] = []
    defaults: dict[str, Row] = {"nodename": {}, "partitionname": {}}
    unread: list[InputError] = []
    lines = 0
    for number, said in rows(data, unread):
        row = {_ALIASES.get(key, key): value for key, value in said.items()}
        kind = next((name for name in ("nodename", "partitionname", "nodeset") if name in row), "")
        wrong = _wrong_nodes(row, kind, number)
        if wrong:
            unread.append(wrong)
            continue
        lines += 1
        if "include" in row:
            includes.append(row["include"])
        elif kind in defaults and row[kind].upper() == "DEFAULT":
            defaults[kind] |= row
        elif kind == "nodename":
            nodes.append(_node({**defaults[kind], **row}))
        elif kind == "partitionname":
            partitions.append(_partition({**defaults[kind], **row}))
        elif kind == "nodeset":
            sets[row[kind]] = row.get("nodes") or "feature:" + row.get("features", "")
        elif "downnodes" not in row and "frontendname" not in row:
            for key, value in row.items():
                values[key] = (*values.get(key, ())[-99:], value)
    if unread and not lines:
        raise unread[0]
    cluster = values.get("clustername", ("",))[-1]
    doubts = tuple((error.line, error.what) for error in unread)
    return Config(cluster, values, tuple(nodes), tuple(partitions), sets, tuple(includes), doubts)


def _wrong_nodes(row: Row, kind: str, number: int) -> InputError | None:
    """What is wrong with the hostlist of a line, with the line's number."""
    try:
        hostlist.check(row["nodename"] if kind == "nodename" else row.get("nodes", "") if kind else "")
    except InputError as error:
        return InputError(error.what, line=number, remedy=error.remedy)
    return None


def shown(data: bytes) -> Config:
    """`scontrol show config`: `Key   = value` lines, titles between them."""
    values: dict[str, tuple[str, ...]] = {}
    for _, line in safe.lines(data):
        key, equals, value = line.partition("=")
        name = key.strip().partition("[")[0].lower()
        if equals and name and " " not in name:
            text = value.strip()
            values[name] = (*values.get(name, ())[-99:], "" if text in ("(null)", "N/A") else text)
    if "clustername" not in values and "authtype" not in values:
        raise InputError("no configuration of Slurm", remedy="capture `scontrol show config` again")
    return Config(values.get("clustername", ("",))[-1], values)


def _node(row: Row) -> Node:
    return Node(
        row["nodename"],
        gres=row.get("gres", ""),
        features=words(row.get("features", "")),
        states=(row.get("state", "UNKNOWN").upper(),),
    )


def _partition(row: Row) -> Partition:
    over = row.get("oversubscribe", "NO").upper().partition(":")[0]
    exclusive = over == "EXCLUSIVE" or row.get("exclusiveuser", "NO").upper() == "YES"
    return Partition(
        row["partitionname"],
        row.get("nodes", ""),
        words(row.get("allowaccounts", "")),
        words(row.get("denyaccounts", "")),
        words(row.get("allowgroups", "")),
        over,
        exclusive,
    )
