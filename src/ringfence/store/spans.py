"""The history of a log: parts of it, and the number up to which the log's entries stand in them.

        open ─▶ parts beyond the number go ─▶ add(number, rows) … ─▶ commit: parts renamed and synced ─▶ number kept

The number is kept after the parts, so a crash between the two leaves parts that it does not cover. Their names say
from which number on they were written: they are removed, and written again from the log. Nothing is lost or doubled.
"""

import contextlib
import time
import uuid
from collections import defaultdict
from pathlib import Path

import msgspec
import pyarrow as pa

from ringfence.errors import Problem
from ringfence.store.history import ROWS, WAIT, hours_of, place, write_part
from ringfence.store.journal import durable

KEPT = "recorded.json"


class _Kept(msgspec.Struct, frozen=True):
    log: str
    position: int


class Spans:
    """The writer of one log's history. `position` is the last entry that is in it for good."""

    def __init__(self, folder: Path) -> None:
        self.position = 0
        self.damaged = False
        self._folder, self._log, self._named = folder, uuid.uuid4().hex[:12], False
        self._waiting: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._rows = self._at = 0
        self._since = time.monotonic()
        try:
            kept = msgspec.json.decode((folder / KEPT).read_bytes(), type=_Kept)
        except OSError:
            return
        except msgspec.MsgspecError:
            self.damaged = True
            return
        self.position = self._at = kept.position
        self._log, self._named = kept.log, True

    @property
    def at(self) -> int:
        """The last entry taken, whether it is written or waits."""
        return self._at

    @property
    def rows(self) -> int:
        """Events that wait to be written."""
        return self._rows

    @property
    def due(self) -> bool:
        """Whether enough waits, or for long enough."""
        return self._rows >= ROWS or (self._at > self.position and time.monotonic() - self._since > WAIT)

    def begin(self, last: int) -> None:
        """Look at a log whose newest entry is `last`: a log that ends before the position is another one."""
        if self.position > last:
            self.position = self._at = 0
            self._log, self._named = uuid.uuid4().hex[:12], False
        self._remove(self.position)

    def add(self, number: int, record: pa.RecordBatch | None) -> None:
        """Take an entry in; one without events only moves the number on."""
        if record is not None and record.num_rows:
            for hour, rows in hours_of(record):
                self._waiting[hour].append(rows)
            self._rows += record.num_rows
        self._at = number

    def commit(self) -> Problem | None:
        """Write what waits, then its number. Where that fails nothing stays, and reading goes on from `position`."""
        waiting, rows = dict(self._waiting), self._rows
        self._waiting.clear()
        self._rows, self._since = 0, time.monotonic()
        if self._at == self.position:
            return None
        try:
            if not self._named:
                self._keep(self.position)
                self._named = True
            name = f"part-{self._log}-{self.position:020d}.parquet"
            for hour, records in waiting.items():
                write_part(self._folder / place(hour), name, records)
            self._keep(self._at)
        except (OSError, pa.ArrowException) as error:
            self._remove(self.position)
            self._at = self.position
            return Problem(str(self._folder), 0, f"{rows} events wait for the history: {error}")
        self.position = self._at
        return None

    def _keep(self, position: int) -> None:
        data = msgspec.json.encode(_Kept(self._log, position))
        durable.sync(durable.put(self._folder, KEPT, data))

    def _remove(self, position: int) -> None:
        """Remove parts that were written from a number on that is not covered, whole or not."""
        for prefix in ("", "."):
            for part in self._folder.glob(f"date=*/hour=*/{prefix}part-{self._log}-*.parquet"):
                if int(part.stem.rpartition("-")[2]) >= position:
                    with contextlib.suppress(OSError):
                        part.unlink()
