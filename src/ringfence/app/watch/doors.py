"""What comes in by the open ports and from files that grow, as batches for the engine.

        Heard(source, form, line) ─▶ a reader for each source ─▶ events ─▶ company for 20 ms ─▶ engine.put
        Lost(source, count)       ─▶ TELEMETRY drop

Nobody proves here who he is; the source is where a line came in. What the engine does not take is offered again, and
meanwhile nothing more is read: senders over TCP wait, and datagrams that find no room are counted.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from ringfence.app.watch.filled import filled
from ringfence.app.watch.read import Forms
from ringfence.collect.telemetry.files import Files, Place
from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.listen import Listeners, Lost
from ringfence.errors import Problem, StateError
from ringfence.store.journal import durable
from ringfence.watch.batch import of_events
from ringfence.wire.logs.feed import Streams
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event

Put = Callable[[pa.RecordBatch], Awaitable[None]]
Told = Callable[[str], None]

COMPANY = 0.02
"""Seconds that a line waits for others."""
MOST = 4096
AGAIN = 1.0
"""Seconds after which what was not taken is offered again."""
LOOK = 0.5
_DROP, _REJECTED = 2, 6


class Doors:
    """Turns lines into events. `problems` counts lines that were none."""

    def __init__(self, put: Put, told: Told, forms: Forms) -> None:
        self._put, self._told, self._forms = put, told, forms
        self._streams = Streams()
        self.problems = 0

    async def lines(self, listeners: Listeners) -> None:
        """Serve listeners until cancelled."""
        held: list[Event] = []
        heard = aiter(listeners)
        waiting = asyncio.ensure_future(anext(heard))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=COMPANY if held else None)
                if done:
                    held += self._events(waiting.result())
                    waiting = asyncio.ensure_future(anext(heard))
                if held and (not done or len(held) >= MOST):
                    await self._offer(held)
                    held = []
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await waiting

    async def files(self, paths: list[Path], home: Path) -> None:
        """Follow files until cancelled. How far each was read is kept once the engine has what was read."""
        kept = home / "places.json"
        places = msgspec.json.decode(kept.read_bytes(), type=dict[str, Place]) if kept.exists() else {}
        files = Files(paths, places)
        try:
            while True:
                found = list(files.look())
                events = [event for one in found for event in self._of_file(one)]
                for start in range(0, len(events), MOST):
                    await self._offer(events[start : start + MOST])
                if found:
                    durable.put(home, kept.name, msgspec.json.encode(files.places()))
                else:
                    await asyncio.sleep(LOOK)
        finally:
            files.close()

    def _of_file(self, one: Heard | Problem) -> Iterator[Event]:
        if isinstance(one, Heard):
            yield from self._events(one)
        else:
            self._told(str(one))
            self.problems += 1

    def _events(self, one: Heard | Lost) -> Iterator[Event]:
        if isinstance(one, Lost):
            yield _health(_DROP, one.source, one.why, one.count)
            return
        form = self._forms.named_as(one.form)
        for found in self._streams.take(one.source, form, one.line):
            if isinstance(found, Problem):
                self.problems += 1
                yield _health(_REJECTED, one.source, found.what, 1)
            else:
                yield filled(found, one.source, self._forms.cluster, counted=False)

    async def _offer(self, events: list[Event]) -> None:
        record = of_events(events).record
        while True:
            try:
                await self._put(record)
            except StateError as error:
                self._told(f"{len(events)} events wait: {error}")
                await asyncio.sleep(AGAIN)
            else:
                return


def _health(activity: int, source: str, why: str, count: int) -> Event:
    fields: dict[str, str | int] = {"telemetry.of": source, "telemetry.why": why, "telemetry.count": count}
    return Event(
        TELEMETRY, activity, time.time_ns() // 1000, "", "ringfence/telemetry/doors", fields, "ringfence/doors"
    )


@contextlib.asynccontextmanager
async def beside(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Some work for the length of the block; it is cancelled at the end."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
