"""What a relay may say for others: the table of its hosts, and the rows of a batch held against it.

# relays.toml in the server's folder; hosts as Slurm writes them
[relays]
rack07 = "gpu[0097-0112]"
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.app import settings_file
from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.transport.arrow import unpacked
from ringfence.watch.batch import type_of
from ringfence.wire.ocsf.columns import HEADER
from ringfence.wire.slurm import hostlist

FILE = "relays.toml"
MOST_BYTES = 64 << 20
"""Of one batch when it is unpacked."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    relays: dict[str, str] = {}


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


def _typed(name: str, column: pa.Array) -> pa.Array:
    wanted = type_of(name)
    if column.type == wanted:
        return column
    try:
        return pc.cast(column, wanted)
    except pa.ArrowException:
        raise InputError(f"a batch whose {name} is {column.type}, not {wanted}") from None
