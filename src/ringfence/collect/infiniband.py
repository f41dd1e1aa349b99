"""Everything captured of InfiniBand and RoCE → ports, cables, partitions, subnet managers.

        ibnetdiscover ─▶ ports, cables, LID → port ─┐
        saquery, smpquery ─▶ tables ────────────────┼─▶ in_pkey, sm_on, settings of the fabric
        partitions.conf, opensm.conf ───────────────┤
        /sys/class/infiniband, rdma, switches ──────┘   (roce.py, switches.py)

All files are read together: a partition table names a port by LID, which only the topology
knows; a RoCE port lies in the VLAN that its switch gives it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ringfence.collect import fabric_facts, fabric_hosts, switches
from ringfence.collect.base import CapturedFile, Collector, Found, Scope
from ringfence.collect.fabric_names import fabric_of
from ringfence.collect.fabric_world import World
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.errors import InputError, Problem
from ringfence.wire.ibnet import discover, opensm, partitions, saquery

FORM = "infiniband"
MOST_PROBLEMS = 25
"""Of one file: what is beyond is counted."""

_SED = (
    r"s/^(sm_key|sa_key)[[:space:]]+(0x)?0*1[[:space:]]*$/\1 1/;t;"
    r"s/^([a-z0-9_]*_key)[[:space:]]+(0x)?0*[[:space:]]*$/\1 0/;t;"
    r"s/^([a-z0-9_]*_key)[[:space:]]+.*/\1 hidden/"
)

QUESTIONS: tuple[Question, ...] = (
    Probe("fabric/ibnetdiscover.txt", ("ibnetdiscover",), "fabric", 300),
    Probe("fabric/saquery-nodes.txt", ("saquery", "NR"), "fabric", 120),
    Probe("fabric/saquery-managers.txt", ("saquery", "SMIR"), "fabric"),
    Probe("fabric/saquery-smkey-1-pkeys.txt", ("saquery", "--smkey", "1", "PKTR"), "fabric", 300),
    Probe("fabric/sminfo.txt", ("sminfo",), "fabric"),
    ReadFile("fabric/partitions.conf", "/etc/opensm/partitions.conf", "fabric"),
    Probe("fabric/opensm.conf", ("sed", "-E", _SED, "/etc/opensm/opensm.conf"), "fabric"),
    *fabric_hosts.QUESTIONS,
)
"""Read-only. Keys of opensm.conf are masked unless they are the default, which is the finding."""

_PARTITION = re.compile(
    rb"(?m)^[ \t]*+[\w.-]{0,60}+[ \t]*+=[ \t]*+0x[0-9a-fA-F]{1,5}+"
    rb"[ \t]*+(?:,[^:#\n]{0,200}+)?:[ \t]*+(?:ALL|SELF|0x|mgid|$)"
)
_TABLE = re.compile(rb"(?m)^[ \t]*0:(?:[ \t]+0x[0-9a-fA-F]{4}){4}")
_NODE = re.compile(rb'(?m)^(?:Switch|Ca|Rt)[ \t]+\d+[ \t]+"[SHR]-')
_OPTIONS = re.compile(rb"(?m)^(?:sm_priority|m_key_protection_level|partition_config_file|subnet_prefix|sm_key)[ \t]")


def _own_form(path: str, head: bytes) -> str:
    """Which file of a subnet manager or of infiniband-diags this is, or ""."""
    name = PurePosixPath(path).name
    if b"# Topology file: generated" in head[:400] or _NODE.search(head):
        return "discover"
    if b"Record dump:" in head[:400]:
        return "saquery"
    if head.startswith(b"sminfo: sm lid"):
        return "sminfo"
    if _TABLE.search(head):
        return "smp"
    if (name.startswith("opensm") and name.endswith(".conf")) or len(set(_OPTIONS.findall(head))) > 1:
        return "opensm-conf"
    if name == "partitions.conf" or _PARTITION.search(head):
        return "partitions"
    return ""


def form_of(path: str, head: bytes) -> str:
    """The format of one file, or ""."""
    return _own_form(path, head) or fabric_hosts.form_of(path, head) or switches.form_of(path, head)


def recognise(path: str, head: bytes) -> str:
    """All formats of a fabric go by one name, so that they are read together."""
    return FORM if form_of(path, head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Read every file on its own (one that fails becomes a `Problem`), then say what they say together."""
    world = World(scope)
    for file in files:
        kind = form_of(file.path, file.head)
        try:
            problems = list(_READERS[kind](world, file))
        except InputError as error:
            world.failed(file.path)
            yield Problem.of(file.path, error)
            continue
        yield from problems[:MOST_PROBLEMS]
        if len(problems) > MOST_PROBLEMS:
            yield Problem(file.path, 0, f"{len(problems) - MOST_PROBLEMS} more lines like these")
        if problems:
            world.failed(file.path)
    yield from fabric_facts.tell(world)
    yield from fabric_hosts.tell(world)
    yield from switches.tell(world)


def _discover(world: World, file: CapturedFile) -> Iterator[Problem]:
    read = discover.read(file.data)
    world.fabric(fabric_of(file.path, world.scope)).topologies.append((read, file))
    for problem in read.problems:
        yield Problem(file.path, problem.line, problem.what, problem.remedy)


def _saquery(world: World, file: CapturedFile) -> Iterator[Problem]:
    fabric = world.fabric(fabric_of(file.path, world.scope))
    found = saquery.records(file.data)
    tables = list(saquery.tables(found))
    fabric.names.extend((name, file) for name in saquery.names(found))
    fabric.managers.extend((manager, file) for manager in saquery.managers(found))
    fabric.tables.extend((table, file) for table in tables)
    if tables and "smkey-1" in file.name:
        fabric.answered_default_key = file
    yield from ()


def _smp(world: World, file: CapturedFile) -> Iterator[Problem]:
    fabric = world.fabric(fabric_of(file.path, world.scope))
    place = re.search(r"lid-?(\d{1,5})(?:-port-?(\d{1,3}))?", file.name)
    for table in saquery.smp_tables(file.data):
        if not table.lid and place is None:
            yield Problem(file.path, table.line, "which port is this table of?", "name the file pkeys-lid12-port1.txt")
            continue
        if not table.lid and place is not None:
            table = saquery.Table(int(place[1]), int(place[2] or 0), table.keys, table.line)
        fabric.tables.append((table, file))


def _sminfo(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.fabric(fabric_of(file.path, world.scope)).managers.append((saquery.sminfo(file.data), file))
    yield from ()


def _partitions(world: World, file: CapturedFile) -> Iterator[Problem]:
    conf = partitions.read(file.data)
    world.fabric(fabric_of(file.path, world.scope)).partitions.append((conf, file))
    if conf.fails_open:
        remedy = "opensm reads this as: every port is a full member of one partition"
        yield Problem(file.path, conf.line, f"partitions.conf fails open: {conf.fails_open}", remedy)
    for gap in partitions.unresolved(conf):
        yield Problem.of(file.path, gap)


def _options(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.fabric(fabric_of(file.path, world.scope)).options.append((opensm.read(file.data), file))
    yield from ()


_READERS: dict[str, Callable[[World, CapturedFile], Iterator[Problem]]] = {
    "discover": _discover,
    "saquery": _saquery,
    "smp": _smp,
    "sminfo": _sminfo,
    "partitions": _partitions,
    "opensm-conf": _options,
    **fabric_hosts.READERS,
    **switches.READERS,
}

COLLECTOR = Collector(FORM, recognise, collect, ("rdma",))
"""`rdma` is asked of every host; what is asked of a fabric or a switch, its own facts tell."""
