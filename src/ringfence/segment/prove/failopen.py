"""The guard before every subnet manager: what opensm would read as "everyone with everyone" is never written.

opensm tells nobody that it ignores a file: a syntax error, an empty or missing file, an over-long line each make
every port a full member of the default partition. A table that overflows is set in part. So the guard reads the
text as opensm does, and lets it through only when that gives the tables that are wanted, on every port, and
whichever manager is the master.
"""

from collections.abc import Iterator

from ringfence.errors import Problem
from ringfence.segment.fabrics import guid_of
from ringfence.segment.inventory import Fabric
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import Tables

MOST = 20
"""Ports named; the last problem counts the others."""

_REMEDY = "nothing was written; compile the policy again"


def refuse(text: str, fabric: Fabric, wanted: Tables) -> tuple[Problem, ...]:
    """Why this text must not become the `partitions.conf` of any manager of this fabric; empty: it may.

    `wanted`: port GUID → 15-bit key → full or limited, for every port of the fabric, from the plan and not from the
    text.
    """
    file = f"{fabric.name}/partitions.conf"
    conf = partitions.read_text(text)
    if conf.fails_open:
        return (Problem(file, conf.line, f"opensm would open the whole fabric: {conf.fails_open}", _REMEDY),)
    unknown = tuple(Problem.of(file, error) for error in partitions.unresolved(conf))
    wrong = [Problem(file, 0, what, _REMEDY) for what in _wrong(fabric, manager_tables(fabric, text), wanted)]
    if len(wrong) > MOST:
        wrong[MOST - 1 :] = [Problem(file, 0, f"{len(wrong) - MOST + 1} other ports as well", _REMEDY)]
    return unknown + tuple(wrong)


def _wrong(fabric: Fabric, made: Tables, wanted: Tables) -> Iterator[str]:
    for port in fabric.ports:
        guid = guid_of(port)
        if not guid:
            continue
        held = made.get(guid, {})
        if held != wanted.get(guid):
            yield f"{port} would hold {_said(held)}, wanted {_said(wanted.get(guid, {}))}"
        elif len(held) > fabric.holds(port):
            yield f"{port} would hold {len(held)} keys and has room for {fabric.holds(port)}: opensm drops the rest"


def _said(table: dict[int, str]) -> str:
    shown = [f"0x{key:04x} {how}" for key, how in sorted(table.items())]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "") or "nothing"
