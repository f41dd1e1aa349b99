"""A sink of the telemetry listener that makes batches of agents' lines and hands them on, with those of relays.

Listening ─lines─▶ ndjson.batch ─┐
─rows──────────────────┴─▶ await put(record, urgent)       an Intake of NATS, or the embedded log
"""

import time
from collections.abc import Awaitable, Callable, Collection

import pyarrow as pa

from ringfence.app.watch.vouched import of_their_own
from ringfence.watch import ndjson
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.logsources import USUAL

Put = Callable[[pa.RecordBatch, bool], Awaitable[None]]
"""Keeps rows for good before it returns, or raises `RingfenceError`."""


_REJECTED = 6


class Decoded:
    """`put` takes every batch, `told` what this end itself noticed. `bad` counts lines that were no events.

    With `collectors` (hosts, as entity ids) only those tell of jobs and of other hosts; `foreign` counts what others
    said of them, which is left out.
    """

    def __init__(self, put: Put, told: Callable[[Event], None], collectors: Collection[str] | None = None) -> None:
        self._put, self._told, self._collectors = put, told, collectors
        self.bad = self.foreign = 0

    async def lines(self, source: str, data: bytes, first: int, urgent: bool) -> None:
        """A bad line becomes a TELEMETRY event in its place, so that it is kept as well."""
        batch, problems = ndjson.batch(data, source, first, time.time_ns() // 1000)
        self.bad += len(problems)
        record = self._own(batch.record)
        if record.num_rows:
            await self._put(record, urgent)

    async def rows(self, record: pa.RecordBatch, urgent: bool) -> None:
        """Stamped already, but for when they came."""
        record = self._own(record)
        if record.num_rows:
            await self._put(stamped(record), urgent)

    def _own(self, record: pa.RecordBatch) -> pa.RecordBatch:
        if self._collectors is None or not record.num_rows:
            return record
        kept, wrong = of_their_own(record, self._collectors)
        for source, count in wrong.items():
            self.foreign += count
            why = "spoke of other hosts or of jobs, and is no collector"
            said: dict[str, Value] = {"telemetry.of": source, "telemetry.count": count, "telemetry.why": why}
            self._told(
                Event(TELEMETRY, _REJECTED, time.time_ns() // 1000, ndjson.host_of(source), USUAL[TELEMETRY], said)
            )
        return kept

    def told(self, event: Event) -> None:
        """Somebody said what was not theirs to say."""
        self._told(event)


def stamped(record: pa.RecordBatch) -> pa.RecordBatch:
    """The rows as received now."""
    place = record.schema.get_field_index("received")
    now = pa.repeat(pa.scalar(time.time_ns() // 1000, pa.int64()), record.num_rows)
    return record.set_column(place, "received", now)
