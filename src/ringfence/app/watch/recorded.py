"""What an engine has taken is written to the history as well.

        embedded   put ─▶ log (acknowledged) ─▶ `Logged`: history and the number up to which it has the log
        cluster    put ─▶ NATS (acknowledged) ─▶ `recorded`: history, by a thread of its own
                                           every ten seconds what waits too long, every ten minutes what is too old

The history is what people look at, not what incidents rest on: it never makes a sender wait for a disk. What it cannot
keep up with, or finds no room for, is counted and told. The log keeps what its history does not have yet, after a kill
too; in a cluster a process that is killed takes with it what it has not written, at most a minute of events.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ringfence.app.watch.embedded import Embedded
from ringfence.app.watch.worker import Told, ended
from ringfence.errors import InputError
from ringfence.store.history import History
from ringfence.store.spans import Spans
from ringfence.transport.arrow import unpacked

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


class Logged:
    """The history of an embedded engine's log. `position` is what it has for good; the log keeps what comes after."""

    def __init__(self, folder: Path, told: Told) -> None:
        self._spans, self._history, self._told = Spans(folder), History(folder), told
        self._trouble = ""

    def position(self) -> int:
        """The last entry of the log that stands in the history."""
        return self._spans.position

    @contextlib.asynccontextmanager
    async def following(self, engine: Embedded) -> AsyncIterator[None]:
        """Write what the engine takes, for the length of the block; at its end everything is written."""
        thread = ThreadPoolExecutor(1, "history")
        if self._spans.damaged:
            self._told("how far the history has the log is damaged; it is written from the log's beginning again")
        await asyncio.get_running_loop().run_in_executor(thread, self._spans.begin, engine.synced)
        looking = asyncio.create_task(self._look(engine, thread))
        try:
            yield
        finally:
            await ended([looking])
            await asyncio.get_running_loop().run_in_executor(thread, self.take, engine, True)
            thread.shutdown()

    async def _look(self, engine: Embedded, thread: Executor) -> None:
        loop = asyncio.get_running_loop()
        retained = 0.0
        while True:
            await loop.run_in_executor(thread, self.take, engine, False)
            if time.monotonic() - retained > RETAIN:
                retained = time.monotonic()
                await loop.run_in_executor(thread, self._history.retain, time.time())
            await asyncio.sleep(LOOK)

    def take(self, engine: Embedded, whole: bool) -> None:
        """Read on in the log and write what is due, or with `whole` everything."""
        spans = self._spans
        for number, body in engine.taken(spans.at):
            if number > spans.at + 1:
                self._told(f"{number - spans.at - 1:,} entries of the log are gone and did not reach the history")
            spans.add(number, self._rows(body))
            if spans.due and not self._written():
                return
        if whole or spans.due:
            self._written()

    def _rows(self, body: bytes | None) -> pa.RecordBatch | None:
        try:
            return unpacked(body) if body is not None else None
        except InputError as error:
            self._told(f"an entry of the log did not reach the history: {error}")
            return None

    def _written(self) -> bool:
        problem = self._spans.commit()
        trouble = f"{problem}; make room: the log holds them meanwhile" if problem else ""
        if trouble and not self._trouble:
            self._told(trouble)
        self._trouble = trouble
        return not trouble


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
