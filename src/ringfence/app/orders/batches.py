"""Many small writes as a few large ones: whoever comes while one batch is written goes into the next."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from ringfence.errors import StateError

In = TypeVar("In")
Out = TypeVar("Out")
MOST = 512


class Batches(Generic[In, Out]):
    """`await batches(item)` gives its result once it is on disk; `write` is called in a thread, one batch at a time.

    Whatever `write` raises, everyone in the batch gets.
    """

    def __init__(self, write: Callable[[list[In]], list[Out]]) -> None:
        self._write = write
        self._queue: asyncio.Queue[tuple[In, asyncio.Future[Out]]] = asyncio.Queue(4 * MOST)

    async def __call__(self, item: In) -> Out:
        """Put one item into the next batch."""
        done: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        await self._queue.put((item, done))
        return await done

    async def __aenter__(self) -> "Batches[In, Out]":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait()[1].cancel()

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                results = await asyncio.to_thread(self._write, [item for item, _ in batch])
            except Exception as error:  # a full disk: whoever waits is told, and what comes later is tried again
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error if isinstance(error, StateError) else StateError(str(error)))
                continue
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)
