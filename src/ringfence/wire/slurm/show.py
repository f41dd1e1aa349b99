"""Text of `scontrol show node|job|partition`, in lines or with `-o`.

A record is a run of `Key=Value` where values hold spaces and are not quoted. Job names and
comments are users' own words and could pretend to be further keys: a record that says the same
key twice is left out and named, for nobody can tell which is true.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.values import Job, Node, Partition, image_of, jobs_before, words

_KEY = re.compile(r"(?:^|[ \t])([A-Z][A-Za-z0-9_]{1,40}(?::[A-Za-z]{1,10}){0,4})=")
_FIRST = ("NodeName=", "JobId=", "PartitionName=")
_MAY_REPEAT = frozenset({"Nodes", "CPU_IDs", "Mem", "GRES", "JOB_GRES"})
"""`scontrol -d show job` says these once per group of nodes."""

_READ = frozenset(
    {
        *("NodeName", "NodeHostName", "Gres", "ActiveFeatures", "AvailableFeatures", "Partitions", "State", "Version"),
        *("JobId", "UserId", "Account", "Partition", "JobState", "NodeList", "Container", "Dependency", "Network"),
        *("PartitionName", "AllowAccounts", "DenyAccounts", "AllowGroups", "OverSubscribe", "ExclusiveUser"),
    }
)


class Shown(msgspec.Struct, frozen=True):
    """What the text says. `doubtful` are lines (from 1) of records that were left out."""

    nodes: tuple[Node, ...] = ()
    jobs: tuple[Job, ...] = ()
    partitions: tuple[Partition, ...] = ()
    doubtful: tuple[int, ...] = ()
    cluster: str = ""


_Record = dict[str, list[str]]


def read(data: bytes) -> Shown:
    """All records. Raises `InputError` where there is none."""
    nodes: list[Node] = []
    jobs: list[Job] = []
    partitions: list[Partition] = []
    doubtful: list[int] = []
    for line, record in _records(data):
        if any(len(record.get(key, ())) > 1 for key in _READ):
            doubtful.append(line)
        elif "NodeName" in record:
            nodes.append(_node(record))
        elif "JobId" in record:
            jobs.append(_job(record))
        elif "PartitionName" in record:
            partitions.append(_partition(record))
    if not (nodes or jobs or partitions or doubtful):
        raise InputError("no record of scontrol", remedy="capture `scontrol -o show node` again")
    return Shown(tuple(nodes), tuple(jobs), tuple(partitions), tuple(doubtful))


def _records(data: bytes) -> Iterator[tuple[int, _Record]]:
    record: _Record = {}
    started = 0
    for number, line in safe.lines(data):
        if line.startswith(_FIRST):
            if record:
                yield started, record
            record, started = {}, number
        if started:
            _add(record, line)
    if record:
        yield started, record


def _add(record: _Record, line: str) -> None:
    found = list(_KEY.finditer(line))
    ends = [match.start() for match in found[1:]] + [len(line)]
    for match, end in zip(found, ends[: len(found)], strict=True):
        value = line[match.end() : end].strip()
        record.setdefault(match[1], []).append(value)


def _one(record: Mapping[str, list[str]], key: str) -> str:
    value = record.get(key, [""])[0]
    return "" if value in ("(null)", "N/A", "None assigned") else value


def _states(text: str) -> tuple[str, ...]:
    """`MIXED+DRAIN*` → MIXED, DRAIN: the marks say that a node does not answer, sleeps or reboots."""
    return tuple(part.rstrip("*~#!%$@^-") for part in text.split(" ")[0].upper().split("+") if part)


def _node(record: _Record) -> Node:
    return Node(
        _one(record, "NodeName"),
        _one(record, "NodeHostName"),
        _one(record, "Gres"),
        words(_one(record, "ActiveFeatures") or _one(record, "AvailableFeatures")),
        words(_one(record, "Partitions")),
        _states(_one(record, "State")),
        _one(record, "Version").split(" ")[0],
    )


def _job(record: _Record) -> Job:
    nodes = _one(record, "NodeList")
    number = _one(record, "JobId").split(" ")[0]
    if not number.isdigit() or len(number) > 12:
        raise InputError(f"{number[:40]!r} is no job id", remedy="capture `scontrol -d show job` again")
    return Job(
        number=number,
        user=_one(record, "UserId").partition("(")[0],
        account=_one(record, "Account"),
        partition=_one(record, "Partition"),
        states=_states(_one(record, "JobState")),
        nodes=nodes,
        gres=tuple(_gres(record, nodes)),
        image=image_of(_one(record, "Container"), _one(record, "Comment"), _one(record, "SubmitLine")),
        depends=jobs_before(_one(record, "Dependency")),
        uses_imex="imex" in _one(record, "Network").lower(),
    )


def _gres(record: _Record, nodes: str) -> list[str]:
    """One text per node of the job, from the lines `Nodes=gpu[1-2] … GRES=gpu:4(IDX:0-3)` of `-d`."""
    groups = record.get("Nodes", ())
    given = record.get("GRES", ())
    if len(groups) != len(given):
        return []
    per_node = {name: gres for group, gres in zip(groups, given, strict=True) for name in hostlist.expand(group)}
    return [per_node.get(name, "") for name in hostlist.expand(nodes)] if per_node else []


def _partition(record: _Record) -> Partition:
    over = (_one(record, "OverSubscribe") or "NO").upper()
    exclusive = over == "EXCLUSIVE" or _one(record, "ExclusiveUser").upper() == "YES"
    return Partition(
        _one(record, "PartitionName"),
        _one(record, "Nodes"),
        words(_one(record, "AllowAccounts")),
        words(_one(record, "DenyAccounts")),
        words(_one(record, "AllowGroups")),
        over.partition(":")[0],
        exclusive,
    )
