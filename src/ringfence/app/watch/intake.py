"""Events into the shared log: by partition, in company if they can wait, acknowledged when a majority has them.

        record ─▶ per partition: rows wait ≤ 50 ms for company ─▶ one message on its way at a time ─▶ acknowledged
                                 urgent ones do not wait

Of each partition one message is on its way at a time: what is sent again must not overtake, or the numbers of its
sources would show gaps that are none. What is not acknowledged is the sender's to send again. When more waits than
there is room for, nothing more is taken, and the sender's spool fills instead.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Iterable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from ringfence.app.watch import stages
from ringfence.app.watch.lane import Counted, Lane
from ringfence.app.watch.worker import AT, KIND, Told, ended, now
from ringfence.errors import StateError
from ringfence.transport.arrow import packed
from ringfence.transport.nats.layout import events, partition_of
from ringfence.transport.nats.stream import Link
from ringfence.watch.batch import Batch

ROOM = 64 << 20
"""Bytes that may wait for NATS."""
WITHIN = 20.0
"""Seconds after which a batch is given back to its sender."""


class Intake:
    """One process's way in."""

    def __init__(self, link: Link, name: str, told: Told) -> None:
        self.counted = Counted()
        self._link, self._name, self._told = link, f"{name}-{uuid.uuid4().hex[:8]}", told
        self._lanes: dict[int, Lane] = {}
        self._held = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    async def put(self, record: pa.RecordBatch, urgent: bool = False) -> None:
        """Returns when every event of the batch is kept by a majority.

        Raises `StateError` where it is not: nothing was acknowledged, and the sender sends the batch again. What of it
        was kept all the same is known by its numbers and dropped.
        """
        size = record.get_total_buffer_size()
        if self._held + size > ROOM:
            self.counted.no_room += record.num_rows
            raise StateError("too many events wait for NATS", "the senders' spools hold them")
        self._held += size
        try:
            await self._spread(record, urgent)
            self.counted.taken += record.num_rows
        except StateError:
            self.counted.given_back += record.num_rows
            raise
        finally:
            self._held -= size

    async def close(self) -> None:
        """Take no more. What waits is given back."""
        await ended(self._tasks)
        for lane in self._lanes.values():
            lane.give_back()

    async def _spread(self, record: pa.RecordBatch, urgent: bool) -> None:
        batch = Batch(record)
        waits = [self._lane(at).put(part, urgent) for at, part in by_partition(batch, self._link.layout.partitions)]
        if jobs := stages.jobs(batch):
            waits.append(self._to_all(jobs))
        await all_of(waits)

    async def _to_all(self, body: bytes) -> None:
        head = {KIND: stages.JOBS, AT: str(now())}
        await self._link.put("rf.all", body, self.id(), headers=head, within=WITHIN)

    def _lane(self, partition: int) -> Lane:
        found = self._lanes.get(partition)
        if found is None:
            found = self._lanes[partition] = Lane(partial(self.send, partition))
            task = asyncio.create_task(found.run())
            self._tasks.add(task)
        return found

    def id(self) -> str:
        """A name that no other message has."""
        self._number += 1
        return f"{self._name}/{self._number}"

    async def send(self, partition: int, record: pa.RecordBatch, urgent: bool) -> None:
        """Have rows of one partition kept. An event too large for a message is counted and told, and passed by."""
        for body in self._bodies(record):
            head = {KIND: stages.EVENTS, AT: str(now())}
            await self._link.put(events(partition, urgent), body, self.id(), headers=head, within=WITHIN)

    def _bodies(self, record: pa.RecordBatch) -> Iterator[bytes]:
        payload = packed(record)
        if len(payload) <= self._link.most:
            yield payload
            return
        half = record.num_rows // 2
        if half:
            yield from self._bodies(record.slice(0, half))
            yield from self._bodies(record.slice(half))
        else:
            self.counted.too_large += 1
            self._told(f"an event of {len(payload):,} bytes was passed by: the most is {self._link.most:,}")


async def all_of(waits: Iterable[Awaitable[None]]) -> None:
    """Wait for all, whichever fails; then raise the first failure."""
    for one in await asyncio.gather(*waits, return_exceptions=True):
        if isinstance(one, BaseException):
            raise one


def by_partition(batch: Batch, partitions: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each partition, in their order."""
    hosts = batch.codes("device.hostname")
    of = np.array([partition_of(one, partitions) for one in hosts.values] + [partition_of("", partitions)])
    rows = of[hosts.codes]
    present = np.unique(rows)
    if len(present) == 1:
        yield int(present[0]), batch.record
        return
    for at in present.tolist():
        yield at, batch.record.take(np.flatnonzero(rows == at))
