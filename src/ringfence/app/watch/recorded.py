"""What an engine has taken is written to the history as well.

        put ─▶ engine (acknowledged) ─▶ history, by a thread of its own
                                           every ten seconds what waits too long, every ten minutes what is too old

The history is what people look at, not what incidents rest on: it never makes a sender wait for a disk. What it cannot
keep up with, or finds no room for, is counted and told.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ringfence.app.watch.worker import Told, ended
from ringfence.store.history import History

LOOK, RETAIN = 10.0, 600.0
ROOM = 128 << 20
"""Bytes that may wait for the history's thread."""


class Put(Protocol):
    """How events are put."""

    def __call__(self, record: pa.RecordBatch, urgent: bool = False) -> Awaitable[None]:
        """Returns when they are kept for good."""


@contextlib.asynccontextmanager
async def recorded(folder: Path, put: Put, told: Told) -> AsyncIterator[Put]:
    """A `put` that also keeps what was taken in the history of this folder."""
    recorder = _Recorder(History(folder), put, told)
    looking = asyncio.create_task(recorder.look())
    try:
        yield recorder.put
    finally:
        await ended([looking])
        await recorder.close()


class _Recorder:
    def __init__(self, history: History, put: Put, told: Told) -> None:
        self._history, self._put, self._told = history, put, told
        self._thread = ThreadPoolExecutor(1, "history")
        self._held = self._missed = 0

    async def put(self, record: pa.RecordBatch, urgent: bool = False) -> None:
        await self._put(record, urgent)
        size = record.get_total_buffer_size()
        if self._held + size > ROOM:
            self._missed += record.num_rows
            return
        self._held += size
        done = asyncio.get_running_loop().run_in_executor(self._thread, self._history.add, record)
        done.add_done_callback(lambda _: self._release(size))

    async def look(self) -> None:
        """Write what waits, remove what is old, tell what was missed; until cancelled."""
        retained = 0.0
        while True:
            await asyncio.sleep(LOOK)
            await self._on(self._history.look)
            if time.monotonic() - retained > RETAIN:
                retained = time.monotonic()
                await self._on(lambda: self._history.retain(time.time()))
            self._tell()

    async def close(self) -> None:
        await self._on(self._history.flush)
        self._thread.shutdown()
        self._tell()

    def _tell(self) -> None:
        problems, self._history.problems = self._history.problems, []
        missed, self._missed = self._missed, 0
        for problem in problems:
            self._told(str(problem))
        if missed:
            self._told(f"{missed:,} events did not reach the history: it cannot keep up")

    def _release(self, size: int) -> None:
        self._held -= size

    async def _on(self, work: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)
