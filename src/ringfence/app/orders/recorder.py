"""Receipts to disk, in batches: a thousand nodes that answer at once cost a few flushes, not a thousand.

A receipt is in the ledger and in the journal before its node is told that it may forget it.
"""

import asyncio
from typing import NamedTuple

from ringfence.store.journal import Journal, Line
from ringfence.store.journal.lines import encode
from ringfence.store.ledger import Ledger
from ringfence.wire.orders import Receipt

BATCH = 512


class _Kept(NamedTuple):
    receipt: Receipt
    envelope: bytes
    done: "asyncio.Future[bool]"


class Recorder:
    """`await keep(…)` returns once the receipt is on disk: True if it was new, False if it was known or never asked."""

    def __init__(self, ledger: Ledger, journal: Journal, actor: str) -> None:
        self._ledger, self._journal, self._actor = ledger, journal, actor
        self._queue: asyncio.Queue[_Kept] = asyncio.Queue(4 * BATCH)

    async def keep(self, receipt: Receipt, envelope: bytes) -> bool:
        """Put one receipt on disk."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Kept(receipt, envelope, done))
        return await done

    async def __aenter__(self) -> "Recorder":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                new = await asyncio.to_thread(self._write, batch)
            except Exception as error:  # a full disk: those who wait are told, and the nodes report again
                for one in batch:
                    one.done.set_exception(error)
                continue
            for one in batch:
                one.done.set_result(one.receipt.order in new)

    def _write(self, batch: list[_Kept]) -> set[str]:
        """The journal first: what is cut off in between is journalled twice, never left out."""
        kept = {one.receipt.order: one for one in batch}
        new = self._ledger.unanswered((one.receipt.order, one.receipt.host) for one in kept.values())
        if new:
            self._journal.append([encode(self._line(kept[order].receipt)) for order in sorted(new)])
            self._ledger.answered((order, kept[order].envelope) for order in sorted(new))
        return new

    def _line(self, receipt: Receipt) -> Line:
        detail = {"target": receipt.target, "job": receipt.job, "sequence": receipt.sequence, "digest": receipt.digest}
        if receipt.error:
            detail |= {"error": receipt.error, "left": receipt.left}
        return Line(receipt.when, self._actor, f"order.{receipt.outcome}", receipt.host, detail, receipt.order)
