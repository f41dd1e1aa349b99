"""A sink of the telemetry listener that makes batches of agents' lines and hands them on, with those of relays.

Listening ─lines─▶ ndjson.batch ─┐
─rows──────────────────┴─▶ await put(record, urgent)       an Intake of NATS, or the embedded log
"""

import time
from collections.abc import Awaitable, Callable

import pyarrow as pa

from ringfence.watch import ndjson
from ringfence.wire.ocsf.event import Event

Put = Callable[[pa.RecordBatch, bool], Awaitable[None]]
"""Keeps rows for good before it returns, or raises `RingfenceError`."""


class Decoded:
    """`put` takes every batch, `told` what the listener itself noticed. `bad` counts lines that were no events."""

    def __init__(self, put: Put, told: Callable[[Event], None]) -> None:
        self._put, self._told = put, told
        self.bad = 0

    async def lines(self, source: str, data: bytes, first: int, urgent: bool) -> None:
        """A bad line becomes a TELEMETRY event in its place, so that it is kept as well."""
        batch, problems = ndjson.batch(data, source, first, time.time_ns() // 1000)
        self.bad += len(problems)
        if len(batch):
            await self._put(batch.record, urgent)

    async def rows(self, record: pa.RecordBatch, urgent: bool) -> None:
        """Stamped already, but for when they came."""
        await self._put(stamped(record), urgent)

    def told(self, event: Event) -> None:
        """Somebody said what was not theirs to say."""
        self._told(event)


def stamped(record: pa.RecordBatch) -> pa.RecordBatch:
    """The rows as received now."""
    place = record.schema.get_field_index("received")
    now = pa.repeat(pa.scalar(time.time_ns() // 1000, pa.int64()), record.num_rows)
    return record.set_column(place, "received", now)
