"""Events as columns, before and after they are put in order.

        Block (one kind of event, any order) ┐
        Block …                              ├──merged──▶ record batch: in order of time, numbered by source
        rows (few and all different) ────────┘

A text column is (codes, values): `values[codes[row]]`, -1 for null.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.wire.ocsf.columns import COLUMNS

SENSORS = (
    "gpu",
    "ports",
    "sockets",
    "files",
    "processes",
    "auth",
    "dns",
    "slurm",
    "bmc",
    "fabric",
    "audit",
    "health",
)
"""What an agent, or a collector on a server, has; a source is `host:NAME/SENSOR`."""
SENSOR: Mapping[str, int] = {name: at for at, name in enumerate(SENSORS)}
Texts = tuple[np.ndarray, Sequence[str]]
Value = str | int | float


class Block(msgspec.Struct, frozen=True):
    """Many events of one kind. `host` is where it happened, `teller` who says so (the same where None), by index."""

    time: np.ndarray
    host: np.ndarray
    sensor: int
    class_uid: int
    activity: np.ndarray | int
    numbers: Mapping[str, np.ndarray]
    texts: Mapping[str, Texts]
    teller: np.ndarray | None = None


class Row(msgspec.Struct, frozen=True, order=True):
    """One event of a kind of which there are few."""

    time: int
    host: int
    sensor: int
    class_uid: int
    activity: int
    fields: Mapping[str, Value]
    teller: int = -1


class Header(msgspec.Struct, frozen=True):
    """The columns that every event has, in order of time; `place[row of the input]` is the row there, or -1."""

    time: np.ndarray
    host: np.ndarray
    teller: np.ndarray
    sensor: np.ndarray
    class_uid: np.ndarray
    activity: np.ndarray
    place: np.ndarray


def ordered(blocks: Sequence[Block], keep: np.ndarray | None = None) -> Header:
    """The common columns of some blocks in order of time, without the rows that are not kept."""

    def column(parts: list[np.ndarray], kind: type) -> np.ndarray:
        return np.concatenate(parts).astype(kind, copy=False) if parts else np.empty(0, kind)

    def filled(value: np.ndarray | int, block: Block) -> np.ndarray:
        return np.full(len(block.time), value, np.int64) if isinstance(value, int) else value

    time = column([one.time for one in blocks], np.int64)
    host = column([one.host for one in blocks], np.int64)
    teller = column([one.host if one.teller is None else one.teller for one in blocks], np.int64)
    sensor = column([filled(one.sensor, one) for one in blocks], np.int64)
    class_uid = column([filled(one.class_uid, one) for one in blocks], np.int64)
    activity = column([filled(one.activity, one) for one in blocks], np.int64)
    order = np.argsort(time, kind="stable")
    if keep is not None:
        order = order[keep[order]]
    place = np.full(len(time), -1, np.int64)
    place[order] = np.arange(len(order))
    return Header(time[order], host[order], teller[order], sensor[order], class_uid[order], activity[order], place)


def columns(blocks: Sequence[Block], header: Header) -> dict[str, pa.Array]:
    """The further columns of some blocks, put in the header's order."""
    rows, at = [], 0
    for block in blocks:
        rows.append(header.place[at : at + len(block.time)])
        at += len(block.time)
    wanted: dict[str, list[int]] = {}
    for number, block in enumerate(blocks):
        for name in (*block.numbers, *block.texts):
            wanted.setdefault(name, []).append(number)
    count = len(header.time)
    found = {}
    for name, those in wanted.items():
        text = name in blocks[those[0]].texts
        make = _text if text else _number
        found[name] = make(name, [(rows[number], blocks[number]) for number in those], count)
    return found


def _number(name: str, parts: list[tuple[np.ndarray, Block]], count: int) -> pa.Array:
    real = name in COLUMNS and COLUMNS[name].type == "real"
    values = np.zeros(count, np.float64 if real else np.int64)
    there = np.zeros(count, np.bool_)
    for place, block in parts:
        kept, mine = place >= 0, block.numbers[name]
        values[place[kept]] = mine[kept]
        there[place[kept]] = True
    return pa.Array.from_buffers(pa.float64() if real else pa.int64(), count, [_bits(there), pa.py_buffer(values)])


def _text(name: str, parts: list[tuple[np.ndarray, Block]], count: int) -> pa.Array:
    codes = np.full(count, -1, np.int32)
    known: dict[str, int] = {}
    for place, block in parts:
        kept, (mine, values) = place >= 0, block.texts[name]
        to = np.fromiter((known.setdefault(value, len(known)) for value in values), np.int32, len(values))
        to = np.append(to, np.int32(-1))
        codes[place[kept]] = to[mine[kept]]
    return coded(codes, pa.array(list(known), pa.string()))


def coded(codes: np.ndarray, values: pa.Array) -> pa.Array:
    """A text column from codes, -1 for null."""
    plain = np.ascontiguousarray(codes, np.int32)
    indices = pa.Array.from_buffers(pa.int32(), len(plain), [_bits(plain >= 0), pa.py_buffer(np.maximum(plain, 0))])
    return pa.DictionaryArray.from_arrays(indices, values)


def _bits(there: np.ndarray) -> pa.Buffer | None:
    return None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))


def block_of(rows: Sequence[Row]) -> list[Block]:
    """Rows that are all different as blocks, one for each class, sensor and set of numbers."""
    groups: dict[tuple[int, int, tuple[str, ...]], list[Row]] = {}
    for row in rows:
        numbers = tuple(name for name in row.fields if _counts(name))
        groups.setdefault((row.class_uid, row.sensor, numbers), []).append(row)
    return [_block(those, *group) for group, those in groups.items()]


def _counts(name: str) -> bool:
    return name in COLUMNS and COLUMNS[name].type != "text"


def _block(rows: Sequence[Row], class_uid: int, sensor: int, counted: Sequence[str]) -> Block:
    texts: dict[str, Texts] = {}
    for name in dict.fromkeys(name for row in rows for name in row.fields if not _counts(name)):
        known: dict[str, int] = {}
        said = [row.fields.get(name) for row in rows]
        codes = [-1 if value is None else known.setdefault(str(value), len(known)) for value in said]
        texts[name] = np.array(codes, np.int32), list(known)
    kinds = {name: np.float64 if COLUMNS[name].type == "real" else np.int64 for name in counted}
    return Block(
        time=np.array([row.time for row in rows], np.int64),
        host=np.array([row.host for row in rows], np.int64),
        sensor=sensor,
        class_uid=class_uid,
        activity=np.array([row.activity for row in rows], np.int64),
        numbers={name: np.array([row.fields[name] for row in rows], kind) for name, kind in kinds.items()},
        texts=texts,
        teller=np.array([row.host if row.teller < 0 else row.teller for row in rows], np.int64),
    )
