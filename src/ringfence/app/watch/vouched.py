"""What a relay or a collector may say of others: the tables of their hosts, and rows held against them.

# relays.toml in the server's folder; hosts as Slurm writes them
[relays]
rack07 = "gpu[0097-0112]"

# collectors.toml there: who tells of jobs, and of other hosts than its own; without the file, whoever is enrolled
collectors = "slurm1,sm[1-2]"
"""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.app import settings_file
from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.transport.arrow import unpacked
from ringfence.watch.batch import Batch, type_of
from ringfence.wire.ocsf.classes import JOB
from ringfence.wire.ocsf.columns import HEADER
from ringfence.wire.slurm import hostlist

FILE, COLLECTORS = "relays.toml", "collectors.toml"
MOST_BYTES = 64 << 20
"""Of one batch when it is unpacked."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    relays: dict[str, str] = {}


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    collectors: str = ""


def collectors_of(folder: Path) -> frozenset[str] | None:
    """The hosts that may tell of others, as entity ids; None without the file. Raises `InputError`."""
    path = folder / COLLECTORS
    if not path.exists():
        return None
    named = settings_file.read(path, _Named, "docs/agent.md").collectors
    return frozenset(map(ids.host, hostlist.expand(named)))


def relays_of(folder: Path) -> dict[str, tuple[str, ...]]:
    """Relays and their hosts, as entity ids; none without the file. Raises `InputError`."""
    path = folder / FILE
    found = settings_file.read(path, _Table, "docs/agent.md") if path.exists() else _Table()
    return {ids.host(relay): tuple(map(ids.host, hostlist.expand(names))) for relay, names in found.relays.items()}


def checked(data: bytes, hosts: Collection[str]) -> tuple[pa.RecordBatch, Counter[str]]:
    """The rows whose source is on one of these hosts, and how many others there were by source.

    Raises `InputError` for what is no batch of events.
    """
    record = unpacked(data)
    if record.nbytes > MOST_BYTES:
        raise InputError(f"a batch of {record.nbytes:,} bytes unpacked, at most {MOST_BYTES:,} are taken")
    for name in HEADER:
        if name not in record.schema.names or record.column(name).null_count:
            raise InputError(f"a batch without {name} in every row")
    plain = pa.RecordBatch.from_arrays(
        [_typed(name, column) for name, column in zip(record.schema.names, record.columns, strict=True)],
        names=record.schema.names,
    )
    coded = plain.column("source").dictionary_encode()
    names = coded.dictionary.to_pylist()
    mine = np.array([name.rpartition("/")[0] in hosts for name in names], bool)
    codes = coded.indices.to_numpy(zero_copy_only=False)
    wrong = Counter({names[code]: int(count) for code, count in enumerate(np.bincount(codes, minlength=len(names)))
                     if not mine[code]})  # fmt: skip
    return (plain.filter(pa.array(mine[codes])) if wrong else plain), wrong


def of_their_own(record: pa.RecordBatch, collectors: Collection[str]) -> tuple[pa.RecordBatch, Mapping[str, int]]:
    """The rows that tell of their sender's own host, or that a collector sent; how many others there were by source.

    A row about a job is about all its hosts, whatever host it names: none but collectors tell of jobs.
    """
    batch = Batch(record)
    names, hosts = batch.codes("source"), batch.codes("device.hostname")
    by = np.array([name.rpartition("/")[0] for name in [*names.values, ""]], object)[names.codes]
    about = np.array([ids.host(name) if name else "" for name in [*hosts.values, ""]], object)[hosts.codes]
    free = np.array([name.rpartition("/")[0] in collectors for name in [*names.values, ""]], bool)[names.codes]
    mine = free | (((about == by) | (about == "")) & (batch.classes != JOB))
    if mine.all():
        return record, {}
    wrong = Counter(names.values[code] for code in names.codes[~mine].tolist() if code >= 0)
    return record.filter(pa.array(mine)), wrong


def _typed(name: str, column: pa.Array) -> pa.Array:
    wanted = type_of(name)
    if column.type == wanted:
        return column
    try:
        return pc.cast(column, wanted)
    except pa.ArrowException:
        raise InputError(f"a batch whose {name} is {column.type}, not {wanted}") from None
