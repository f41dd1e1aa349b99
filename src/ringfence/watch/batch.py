"""Events as columns: an Arrow record batch and the arrays that rules and detectors read from it.

A column that the batch lacks reads as null in every row. Text that repeats is read by code: an array of small numbers
and the distinct values, so that a detector asks a question once a value and not once a row.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.wire.ocsf.columns import COLUMNS, HEADER, UNMAPPED
from ringfence.wire.ocsf.event import Event, Value

_TYPES = {"text": pa.string(), "int": pa.int64(), "real": pa.float64()}
_NONE = np.empty(0, np.int64)
MOST_COLUMNS = 2048
"""Columns of a batch of events; what bears further names is kept as JSON in the column `MORE` of its row."""
MORE = f"{UNMAPPED}more"


def type_of(column: str) -> pa.DataType:
    """The Arrow type of a column; text for what OCSF has no name for."""
    known = COLUMNS.get(column)
    return _TYPES[known.type] if known else pa.string()


class Codes:
    """A text column by its distinct values: `values[codes[row]]`, and -1 where the row is null."""

    __slots__ = ("codes", "values")

    def __init__(self, values: Sequence[str], codes: np.ndarray) -> None:
        self.values, self.codes = values, codes

    def of(self, row: int) -> str:
        """The value of one row, "" for null."""
        code = int(self.codes[row])
        return self.values[code] if code >= 0 else ""

    def listed(self, rows: np.ndarray) -> list[str]:
        """The values of some rows, "" for null."""
        values = self.values
        return [values[code] if code >= 0 else "" for code in self.codes[rows].tolist()]


class Batch:
    """A record batch of events. `len()` is its rows; every array has that length."""

    def __init__(self, record: pa.RecordBatch) -> None:
        self.record = record
        self._place = {name: at for at, name in enumerate(record.schema.names)}
        self._codes: dict[str, Codes] = {}
        self._numbers: dict[tuple[str, float], np.ndarray] = {}

    def __len__(self) -> int:
        return int(self.record.num_rows)

    @property
    def names(self) -> Sequence[str]:
        """The columns that the batch has."""
        return tuple(self._place)

    def array(self, name: str) -> pa.Array | None:
        """The Arrow array of a column; None where the batch lacks it."""
        at = self._place.get(name)
        return None if at is None else self.record.column(at)

    def codes(self, name: str) -> Codes:
        """A text column by its distinct values."""
        found = self._codes.get(name)
        if found is None:
            found = self._codes[name] = self._coded(name)
        return found

    def numbers(self, name: str, missing: float = 0) -> np.ndarray:
        """A column of numbers, int64 or float64, with `missing` where null."""
        found = self._numbers.get((name, missing))
        if found is None:
            found = self._numbers[name, missing] = self._counted(name, missing)
        return found

    @cached_property
    def times(self) -> np.ndarray:
        """Microseconds since the epoch."""
        return self.numbers("time")

    @cached_property
    def classes(self) -> np.ndarray:
        """The class of every row."""
        return self.numbers("class_uid")

    @cached_property
    def _by_class(self) -> dict[int, np.ndarray]:
        if not len(self):
            return {}
        values = np.ascontiguousarray(self.classes, np.int64)
        coded = pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)]).dictionary_encode()
        names, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy()  # by hash: faster than sorting them
        order = np.argsort(codes.astype(np.uint16) if len(names) < 1 << 16 else codes, kind="stable")
        ends = np.cumsum(np.bincount(codes)).tolist()
        return {uid: order[start:end] for uid, start, end in zip(names, [0, *ends[:-1]], ends, strict=True)}

    @cached_property
    def present(self) -> frozenset[int]:
        """The classes that it has rows of."""
        return frozenset(self._by_class)

    def rows(self, *classes: int) -> np.ndarray:
        """The rows of these classes, ascending."""
        found = [self._by_class[uid] for uid in classes if uid in self._by_class]
        if not found:
            return _NONE
        return found[0] if len(found) == 1 else np.sort(np.concatenate(found))

    def value(self, name: str, row: int) -> Any:
        """One value as Python has it; None for null."""
        array = self.array(name)
        return None if array is None else array[row].as_py()

    def text(self, name: str, row: int) -> str:
        """One text value, "" for null."""
        return self.codes(name).of(row)

    def having(self, name: str, array: pa.Array) -> "Batch":
        """The same events with another column in place of one, or one more; what was read of the others is kept."""
        columns = dict(zip(self.record.schema.names, self.record.columns, strict=True)) | {name: array}
        found = Batch(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
        found._codes = {key: value for key, value in self._codes.items() if key != name}
        found._numbers = {key: value for key, value in self._numbers.items() if key[0] != name}
        if name != "class_uid" and "_by_class" in self.__dict__:
            found._by_class = self._by_class
        return found

    def _coded(self, name: str) -> Codes:
        array = self.array(name)
        if array is None:
            return Codes((), np.full(len(self), -1, np.int32))
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        indices = coded.indices.fill_null(-1) if coded.indices.null_count else coded.indices
        codes, values = indices.to_numpy(zero_copy_only=False), coded.dictionary
        if len(values) > len(self):  # a slice has the values of the whole: only its own are made text
            used, codes = np.unique(codes, return_inverse=True)
            none = int(len(used) > 0 and used[0] < 0)
            codes, values = (codes - none).astype(np.int32), values.take(pa.array(used[none:]))
        return Codes(values.to_pylist(), codes)

    def _counted(self, name: str, missing: float) -> np.ndarray:
        array = self.array(name)
        kind = np.float64 if type_of(name) == _TYPES["real"] else np.int64
        if array is None:
            return np.full(len(self), missing, kind)
        if array.null_count:
            array = array.fill_null(missing)
        found: np.ndarray = array.to_numpy(zero_copy_only=False)
        return found


def of_events(events: Iterable[Event]) -> Batch:
    """The batch of some events, in their order; columns are those that any of them has.

    A value that is not of its column's type becomes null, and its text stands under `unmapped.<column>`. Names beyond
    `MOST_COLUMNS` make no column: hostile events would cost rows times names.
    """
    rows = list(events)
    columns: dict[str, list[Any]] = {name: [None] * len(rows) for name in HEADER}
    columns["received"] = [0] * len(rows)
    for at, event in enumerate(rows):
        columns["source"][at], columns["seq"][at] = event.source, event.seq
        columns["time"][at], columns["device.hostname"][at] = event.time, event.host
        columns["class_uid"][at], columns["activity_id"][at] = event.class_uid, event.activity_id
        columns["logsource"][at] = event.logsource
        more: dict[str, Value] = {}
        for name, value in event.fields.items():
            name, value = fitting(name, value)
            column = columns.get(name)
            if column is None:
                if len(columns) >= MOST_COLUMNS or name == MORE:
                    more[name] = value
                    continue
                column = columns[name] = [None] * len(rows)
            column[at] = value
        if more:
            columns.setdefault(MORE, [None] * len(rows))[at] = msgspec.json.encode(more).decode()
    fields = [pa.field(name, type_of(name)) for name in columns]
    arrays = [pa.array(values, field.type) for values, field in zip(columns.values(), fields, strict=True)]
    return Batch(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))


def fitting(name: str, value: Any) -> tuple[str, Any]:
    """The column and the value that fits its type; what does not fit is kept as text beside it."""
    known = COLUMNS.get(name)
    kind = known.type if known else "text"
    if kind == "text":
        return name, value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"unmapped.{name}", str(value)
    if kind == "real":
        return name, float(value)
    whole = int(value) if value == value and abs(value) < 2**63 else None
    return (name, whole) if whole is not None else (f"unmapped.{name}", str(value))
