"""Lines of JSON whose names are columns, as a batch: what agents send, stamped with who sent it.

        lines ─▶ which columns? ─▶ Arrow's own reader with these types ─▶ Batch          for blocks of more than a few
                     └ anything odd: each line by itself, and a bad one becomes a TELEMETRY event in its place

Source, number and time of receipt are the receiver's, whatever a line says. A line keeps its place, so that the
numbers of a source have no gap where nothing was lost. Line n has the number `first + n`.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from ringfence.errors import InputError, Problem
from ringfence.watch.batch import Batch, of_events, type_of
from ringfence.wire import safe
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.columns import COLUMNS, UNMAPPED
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.logsources import USUAL

REJECTED = 6
MOST_PROBLEMS = 100
"""Problems told one by one; the rest is counted in the last."""
FEW = 64
"""Lines that are read one by one sooner than Arrow's reader has begun."""
MOST_COLUMNS = 512
"""Columns of one block that Arrow's reader is asked for."""
DEEPEST = 256
"""Brackets of one line that are certainly no deeper nesting than Arrow's reader, which calls itself, can bear."""
_NAME = re.compile(rb'"([A-Za-z0-9_.@-]{1,128})":')
_SAMPLES = 16
_STAMPED = frozenset(("source", "seq", "received"))
_OWN = frozenset(("class_uid", "activity_id", "time", "device.hostname", "logsource", *_STAMPED))


def batch(data: bytes, source: str, first: int, received: int) -> tuple[Batch, list[Problem]]:
    """The events of some lines, each ended by a line feed, and what could not be read.

    `received` in microseconds since the epoch. A source that does not count says `first` 0.
    """
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    table = _fast(data, lines) if lines > FEW else None
    if table is None:
        return _slow(data.removesuffix(b"\n").split(b"\n") if data else [], source, first, received)
    return Batch(_stamped(table, source, first, received)), []


def host_of(source: str) -> str:
    """The bare name of the host that a source is on: `host:gpu0001/sockets` → `gpu0001`."""
    return source.partition("/")[0].partition(":")[2]


def _fast(data: bytes, lines: int) -> pa.RecordBatch | None:
    """All lines by Arrow's reader; None where they are to be read one by one."""
    if b"\n\n" in data or data.startswith(b"\n") or not _shallow(data, lines) or not _is_text(data):
        return None
    names = _sampled(data, lines)
    table = _parsed(data, names) if names is not None else None
    if table is None:
        names = {found.decode("ascii") for found in set(_NAME.findall(data))}
        table = _parsed(data, names) if len(names) <= MOST_COLUMNS else None
    if table is None or table.num_rows != lines:
        return None
    for name in ("class_uid", "activity_id", "time", "logsource"):
        if name not in table.column_names or table.column(name).null_count:
            return None
    kept = [name for name in table.column_names if name not in _STAMPED and table.column(name).null_count < lines]
    called = [_column(name) for name in kept]
    if len(set(called)) < len(called):
        return None
    return table.select(kept).rename_columns(called).combine_chunks().to_batches()[0]


def _column(name: str) -> str:
    """The column that a name of a line stands for."""
    return name if name in COLUMNS or name.startswith(UNMAPPED) else UNMAPPED + name


def _parsed(data: bytes, names: set[str]) -> pa.Table | None:
    schema = pa.schema([(name, type_of(name)) for name in sorted(names)])
    try:
        return pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowException:
        return None


def _shallow(data: bytes, lines: int) -> bool:
    """Whether no line can be nested too deeply."""
    brackets = data.count(b"[") + data.count(b"{")
    if brackets <= lines + DEEPEST:
        return True
    return all(line.count(b"[") + line.count(b"{") <= DEEPEST for line in data.split(b"\n"))


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sampled(data: bytes, lines: int) -> set[str] | None:
    """The names that a few lines have, spread over the block; None where one cannot be read."""
    names: set[str] = set()
    step = max(1, len(data) // _SAMPLES)
    for near in range(0, len(data), step):
        start = data.find(b"\n", near) + 1 if near else 0
        end = data.find(b"\n", start)
        line = data[start : end if end >= 0 else len(data)]
        if not line:
            continue
        try:
            found = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(found, dict) or len(names) > MOST_COLUMNS:
            return None
        names |= found.keys()
    return names


def _stamped(record: pa.RecordBatch, source: str, first: int, received: int) -> pa.RecordBatch:
    """With the receiver's columns, and the sender's host where a line names none."""
    rows = record.num_rows
    columns = dict(zip(record.schema.names, record.columns, strict=True))
    host = columns.get("device.hostname")
    name = pa.scalar(host_of(source))
    columns["device.hostname"] = pa.repeat(name, rows) if host is None else host.fill_null(name)
    columns["source"] = pa.repeat(pa.scalar(source), rows)
    columns["seq"] = _numbers(np.arange(first, first + rows) if first else np.zeros(rows, np.int64))
    columns["received"] = _numbers(np.full(rows, received, np.int64))
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _slow(lines: Sequence[bytes], source: str, first: int, received: int) -> tuple[Batch, list[Problem]]:
    problems: list[Problem] = []
    events = list(_one_by_one(lines, source, first, received, problems))
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        problems[MOST_PROBLEMS:] = [Problem(source, 0, f"{more:,} more lines that are no events", problems[0].remedy)]
    record = of_events(events).record
    place = record.schema.get_field_index("received")
    record = record.set_column(place, "received", _numbers(np.full(len(events), received, np.int64)))
    return Batch(record), problems


def _numbers(values: np.ndarray) -> pa.Array:
    """An array of 64 bits as a column. `pa.array` would look for pandas, every time."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values, np.int64))])


def _one_by_one(
    lines: Sequence[bytes], source: str, first: int, received: int, problems: list[Problem]
) -> Iterator[Event]:
    for at, line in enumerate(lines):
        number = first + at if first else 0
        try:
            yield _event(line, source, number, received)
        except InputError as error:
            problems.append(Problem(source, at + 1, error.what, error.remedy))
            told: dict[str, Value] = {
                "telemetry.of": source,
                "telemetry.count": 1,
                "telemetry.why": error.what[:300],
                "message": line[:300].decode("utf-8", "replace"),
            }
            host = host_of(source)
            yield Event(TELEMETRY, REJECTED, received, host, USUAL[TELEMETRY], told, source, number)


def _event(line: bytes, source: str, number: int, received: int) -> Event:
    """The event of one line. Raises `InputError`."""
    row = safe.json(line)
    if not isinstance(row, dict):
        raise InputError("not an object", remedy="one JSON object a line")
    kind, activity, when = (_whole(row.get(name)) for name in ("class_uid", "activity_id", "time"))
    fields: dict[str, Value] = {}
    for name, value in row.items():
        if name not in _OWN and value is not None:
            fields[_column(name)] = (
                value if isinstance(value, (str, int, float)) else msgspec.json.encode(value).decode()
            )
    host, logsource = row.get("device.hostname"), row.get("logsource")
    return Event(
        kind,
        activity,
        when or received,
        host if isinstance(host, str) and host else host_of(source),
        logsource if isinstance(logsource, str) else "",
        fields,
        source,
        number,
    )


def _whole(value: object) -> int:
    """A number that fits a column; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63 else 0
