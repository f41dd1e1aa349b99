"""Events for as long as there is room, in Parquet files that any tool reads; DuckDB asks them here.

        add ─▶ rows by the hour of their time ─▶ date=2026-03-01/hour=07/part-<name>.parquet ─▶ retain: oldest hours go
                                                                   ask ─▶ DuckDB, reading this folder and nothing else

Parts are written beside and renamed, so that a reader never sees half of one. What `History` has not written yet, at
most a minute of events, is lost to it when a process is killed; `spans` writes from a log, and loses nothing.
"""

import contextlib
import os
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ringfence.errors import Problem, StateError, UsageError
from ringfence.store.journal import durable

ROWS = 131_072
"""Rows of one hour that are written together."""
WAIT = 60.0
"""Seconds after which fewer are written."""
_HOUR = 3_600_000_000
_AHEAD, _BEHIND = 1, 24 * 30
"""Hours before and after now in which an event's own time is believed; otherwise it stands at the time of receipt."""
_MEMORY, _SPILL = "1GB", "4GB"
_WHEN = "(CASE WHEN time > 0 THEN time ELSE received END)"
"""An event that tells no time is of when it came."""


class History:
    """The writer of a folder. Never raises for a disk that is full: `problems` tells what was not written."""

    def __init__(self, folder: Path, most: int = 64 << 30, days: float = 30.0) -> None:
        self.problems: list[Problem] = []
        self.lost = 0
        self._folder, self._most, self._days = folder, most, days
        self._waiting: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._rows: dict[int, int] = defaultdict(int)
        self._since = time.monotonic()

    def add(self, record: pa.RecordBatch) -> None:
        """Take a batch of events in; it is written when there is enough of its hour, or a minute later."""
        if not record.num_rows:
            return
        for hour, rows in hours_of(record):
            self._keep(hour, rows)
        self.look()

    def look(self) -> None:
        """Write what has waited for a minute."""
        if time.monotonic() - self._since > WAIT:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits."""
        for hour in list(self._waiting):
            self._write(hour)
        self._since = time.monotonic()

    def retain(self, now: float) -> int:
        """Remove the oldest hours beyond the days and bytes to be kept; how many files went."""
        parts = sorted(self._folder.glob("date=*/hour=*/part-*.parquet"), key=lambda one: one.parent)
        sizes = {one: one.stat().st_size for one in parts}
        total, gone = sum(sizes.values()), 0
        oldest = place(int((now - self._days * 86_400) * 1e6) // _HOUR)
        for part in parts:
            if total <= self._most and part.parent.relative_to(self._folder).as_posix() >= oldest:
                break
            part.unlink(missing_ok=True)
            total -= sizes[part]
            gone += 1
            for folder in (part.parent, part.parent.parent):
                with contextlib.suppress(OSError):  # others are in it
                    folder.rmdir()
        return gone

    def _keep(self, hour: int, record: pa.RecordBatch) -> None:
        self._waiting[hour].append(record)
        self._rows[hour] += record.num_rows
        if self._rows[hour] >= ROWS:
            self._write(hour)

    def _write(self, hour: int) -> None:
        records, rows = self._waiting.pop(hour), self._rows.pop(hour)
        folder = self._folder / place(hour)
        try:
            write_part(folder, f"part-{uuid.uuid4().hex}.parquet", records)
        except (OSError, pa.ArrowException) as error:
            self.lost += rows
            self.problems.append(Problem(str(folder), 0, f"{rows} events did not reach the history: {error}"))
            del self.problems[:-100]


def ask(
    folder: Path,
    sql: str = "",
    *,
    host: str = "",
    since: float = 0.0,
    until: float = 0.0,
    most: int = 1000,
    seconds: float = 60.0,
) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Column names and rows. The events stand in `events`, of one host and between two times where these are given.

    `sql` asks `events`; without it, all columns that have a value, by time. Times in seconds since the epoch. DuckDB
    reads nothing but the history, writes nothing but what does not fit into memory, and loads nothing. Raises
    `StateError` for an empty history and where an answer takes more than `seconds`, here or while rows are read;
    `UsageError` for what it cannot answer.
    """
    import duckdb

    _refuse_more_than_a_question(duckdb, sql)
    parts = _between(folder, since, until)
    if not parts:
        raise StateError(f"no events of that time in {folder}", "`ringfence watch` keeps them as they come")
    with contextlib.ExitStack() as stack:
        connection = duckdb.connect(":memory:")
        spill = stack.enter_context(_spill(folder))
        stack.callback(connection.close)
        limit = _Limit(connection, seconds)
        try:
            _lock(connection, folder, spill)
            narrowed = _narrowed(host, since, until)
            files = ", ".join(_quoted(str(one.resolve())) for one in parts)
            options = "union_by_name = true, hive_partitioning = false"
            view = f"CREATE VIEW events AS SELECT * FROM read_parquet([{files}], {options}) {narrowed}"  # noqa: S608  # quoted above
            plain = f"SELECT * FROM events ORDER BY {_WHEN} LIMIT {int(most)}"  # noqa: S608  # a number
            with limit.running():
                connection.execute(view)
                answer = connection.execute(sql or plain)
            names = [one[0] for one in answer.description or ()]
        except duckdb.Error as error:
            remedy = "events stand in `events`; `DESCRIBE events` lists its columns"
            raise UsageError(f"DuckDB: {error}", remedy) from None
        return names, _rows(answer, limit, stack.pop_all())


class _Limit:
    """A connection works for so many seconds in all; the time in which its rows are looked at does not count."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection, self._seconds, self._left = connection, seconds, seconds

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The connection works during the block. Raises `StateError` where that is too long."""
        import duckdb

        timer = threading.Timer(max(self._left, 0.0), self._connection.interrupt)
        timer.daemon = True
        began = time.monotonic()
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            if time.monotonic() - began < self._left:
                raise  # by Ctrl-C
            what = f"the answer took more than {self._seconds:g} s"
            raise StateError(what, "ask for less (--since, --host), or give it longer (--seconds)") from None
        finally:
            timer.cancel()
            self._left -= time.monotonic() - began


@contextlib.contextmanager
def _spill(folder: Path) -> Iterator[str]:
    """A folder for what does not fit into memory, beside the history, that holds nothing else; "" where none may be."""
    try:
        made = tempfile.TemporaryDirectory(prefix=".asking-", dir=folder.resolve().parent, ignore_cleanup_errors=True)
    except OSError:
        yield ""
        return
    with made as name:
        yield name


def _lock(connection: Any, folder: Path, spill: str) -> None:
    """From here on it reads this folder and what it spilled itself. DuckDB's own way is `.tmp` where one works."""
    connection.execute(f"SET memory_limit = '{_MEMORY}'; SET max_temp_directory_size = '{_SPILL}'")
    connection.execute("SET temp_directory = $1", [spill])
    connection.execute("SET allowed_directories = $1", [[f"{folder.resolve()}/"]])
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


def _refuse_more_than_a_question(duckdb: Any, sql: str) -> None:
    try:
        kinds = [one.type for one in duckdb.extract_statements(sql)] if sql else []
    except duckdb.Error as error:
        raise UsageError(f"DuckDB: {error}") from None
    if sql and kinds != [duckdb.StatementType.SELECT]:
        raise UsageError("the history answers one SELECT", "a copy of its folder is yours to change")


def _rows(answer: Any, limit: _Limit, stack: contextlib.ExitStack) -> Iterator[Sequence[Any]]:
    import duckdb

    with stack:
        while True:
            try:
                with limit.running():
                    rows = answer.fetchmany(1024)
            except duckdb.Error as error:
                raise UsageError(f"DuckDB: {error}") from None
            if not rows:
                return
            yield from rows


def _narrowed(host: str, since: float, until: float) -> str:
    asked = [f'"device.hostname" = {_quoted(host)}'] if host else []
    asked += [f"{_WHEN} >= {int(since * 1e6)}"] if since else []
    asked += [f"{_WHEN} < {int(until * 1e6)}"] if until else []
    return f"WHERE {' AND '.join(asked)}" if asked else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _between(folder: Path, since: float, until: float) -> list[Path]:
    """The parts whose hours lie between two times."""
    first = place(int(since * 1e6) // _HOUR) if since else ""
    last = place(int(until * 1e6) // _HOUR) if until else "~"
    parts = folder.glob("date=*/hour=*/part-*.parquet")
    return sorted(one for one in parts if first <= one.parent.relative_to(folder).as_posix() <= last)


def hours_of(record: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows by the hour that they stand under: of their time, or of receipt where they tell none worth belief."""
    now = time.time_ns() // 1000 // _HOUR
    hours = record.column("time").to_numpy(zero_copy_only=False) // _HOUR
    received = record.schema.get_field_index("received")
    if received >= 0:
        came = record.column(received).fill_null(0).to_numpy(zero_copy_only=False) // _HOUR
        hours = np.where(_believed(hours, now), hours, came)
    hours = np.where(_believed(hours, now), hours, now)
    first = int(hours[0])
    if (hours == first).all():
        yield first, record
        return
    for hour in np.unique(hours).tolist():
        yield hour, record.take(np.flatnonzero(hours == hour))


def _believed(hours: np.ndarray, now: int) -> np.ndarray:
    found: np.ndarray = (hours <= now + _AHEAD) & (hours >= now - _BEHIND)
    return found


def write_part(folder: Path, name: str, records: Sequence[pa.RecordBatch]) -> None:
    """Write a part beside, put it on disk, rename it. Raises `OSError`, `ArrowException`; then nothing of it stays."""
    try:
        durable.ensure(folder)
        tables = [pa.Table.from_batches([_plain(one)]) for one in records]
        table = pa.concat_tables(tables, promote_options="permissive")
        handle = os.open(folder / f".{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file, compression="zstd", row_group_size=ROWS // 4)
            file.flush()
            os.fsync(file.fileno())
        os.replace(folder / f".{name}", folder / name)
        durable.sync(folder)
    except (OSError, pa.ArrowException):
        with contextlib.suppress(OSError):
            (folder / f".{name}").unlink()
        raise


def place(hour: int) -> str:
    """The folder of an hour, counted from the epoch."""
    when = datetime.fromtimestamp(hour * 3600, UTC)
    return f"date={when:%Y-%m-%d}/hour={when:%H}"


def _plain(record: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in record.columns]
    return pa.RecordBatch.from_arrays(arrays, names=record.schema.names)
