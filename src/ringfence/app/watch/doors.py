"""What comes in by the open ports and from files that grow, as batches for the engine.

        Heard(source, form, line) ─▶ a reader for each source ─▶ events ─▶ company for 20 ms ─▶ engine.put
              no event            ─▶ TELEMETRY rejected, one for each source and batch, with their number
        Lost(source, count)       ─▶ TELEMETRY drop

Nobody proves here who he is; the source is where a line came in. What the engine does not take is offered again, and
meanwhile nothing more is read: senders over TCP wait, and datagrams that find no room are counted. What is at hand
when the watch ends is offered once more.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from ringfence.app.watch.filled import filled
from ringfence.app.watch.read import Forms
from ringfence.app.watch.sink import Put, stamped
from ringfence.collect.telemetry.files import Files, Place
from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.listen import Listeners, Lost
from ringfence.errors import Problem, StateError
from ringfence.store.journal import durable
from ringfence.watch.batch import of_events
from ringfence.wire.logs.feed import Streams
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.logsources import USUAL

Told = Callable[[str], None]

COMPANY = 0.02
"""Seconds that a line waits for others."""
MOST = 4096
AGAIN = 1.0
"""Seconds after which what was not taken is offered again."""
SAY = 10.0
"""Seconds between two words about the same trouble."""
LAST = 5.0
"""Seconds that the engine has, at the end, to take what is at hand."""
LOOK = 0.5
_DRAIN = 0.2
WHO = "ringfence/doors"
_DROP, _REJECTED = 2, 6


class Doors:
    """Turns lines into events. `problems` counts lines that were none, `dropped` those that found no room."""

    def __init__(self, put: Put, told: Told, forms: Forms) -> None:
        self._put, self._told, self._forms = put, told, forms
        self._streams = Streams()
        self._bad: dict[str, tuple[int, str]] = {}
        self._unsaid, self._said = 0, 0.0
        self.problems = self.dropped = 0

    async def lines(self, listeners: Listeners) -> None:
        """Serve listeners until cancelled; what is at hand then is offered once more."""
        held: list[Event] = []
        heard = aiter(listeners)
        waiting = asyncio.ensure_future(anext(heard))
        due = 0.0
        try:
            while True:
                some = bool(held or self._bad)
                done, _ = await asyncio.wait({waiting}, timeout=max(0.0, due - time.monotonic()) if some else None)
                if done:
                    due = due if some else time.monotonic() + COMPANY
                    held += self._events(waiting.result())
                    waiting = asyncio.ensure_future(anext(heard))
                if (held or self._bad) and (time.monotonic() >= due or len(held) >= MOST):
                    taken, held = held, []
                    await self._whole(taken)
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                held += self._events(await waiting)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN):
                    async for one in listeners:
                        held += self._events(one)
            await self._last(held)

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
                    await self._whole(events[start : start + MOST])
                if found:
                    self._placed(home, kept.name, files.places())
                else:
                    await asyncio.sleep(LOOK)
        finally:
            files.close()

    def _placed(self, home: Path, name: str, places: Mapping[str, Place]) -> None:
        """Keep how far files were read. On a full disk that is told: after a restart they are read from before."""
        try:
            durable.put(home, name, msgspec.json.encode(places))
        except OSError as error:
            self._told(f"{home / name}: {error.strerror}; how far files were read is not kept: make room")

    def _of_file(self, one: Heard | Problem) -> Iterator[Event]:
        if isinstance(one, Heard):
            yield from self._events(one)
        else:
            self._told(str(one))
            self.problems += 1

    def _events(self, one: Heard | Lost) -> Iterator[Event]:
        if isinstance(one, Lost):
            self.dropped += one.count
            yield _health(_DROP, one.source, one.why, one.count)
            return
        form = self._forms.named_as(one.form)
        yield from self._named(self._streams.take(one.source, form, one.line))

    def _named(self, found: Iterator[tuple[str, Event | Problem]]) -> Iterator[Event]:
        for source, one in found:
            if isinstance(one, Event):
                yield filled(one, source, self._forms.cluster, counted=False)
            else:
                count, why = self._bad.get(source, (0, one.what))
                self._bad[source] = (count + 1, why)

    async def _offer(self, events: list[Event]) -> None:
        events = [*events, *self._rejected()]
        if events:
            await offered(self._put, stamped(of_events(events).record), False, self._told)

    async def _whole(self, events: list[Event]) -> None:
        """Offer, and be cancelled only when it is known whether the engine has them: else they would be told twice."""
        offering = asyncio.ensure_future(self._offer(events))
        try:
            await asyncio.shield(offering)
        except asyncio.CancelledError:
            await asyncio.wait({offering}, timeout=LAST)
            if not offering.cancel():
                raise
            self._told(f"{len(events):,} events were at hand when the watch ended, and are lost")
            raise

    async def _last(self, held: list[Event]) -> None:
        """Offer what is at hand, and what readers still hold, once more; then it is told to be lost."""
        held += self._named(self._streams.end())
        try:
            async with asyncio.timeout(LAST):
                await self._offer(held)
        except TimeoutError:
            self._told(f"{len(held):,} events were at hand when the watch ended, and are lost")
        if self._unsaid:
            self._told(f"{self._unsaid:,} lines that are no events, since this was last told")

    def _rejected(self) -> Iterator[Event]:
        """What was no event since the last batch, told once for each source."""
        bad, self._bad = self._bad, {}
        for source, (count, why) in bad.items():
            self.problems += count
            self._unsaid += count
            yield _health(_REJECTED, source, why, count)
        if bad and time.monotonic() - self._said > SAY:
            source, (_, why) = next(iter(bad.items()))
            self._told(f"{self._unsaid:,} lines that are no events, lately of {source}: {why}")
            self._unsaid, self._said = 0, time.monotonic()


def telling(put: Put, told: Told) -> Put:
    """A `put` that also tells, now and then, that the engine takes nothing: senders with a spool only come again."""
    refused, said = 0, -SAY

    async def tried(record: pa.RecordBatch, urgent: bool) -> None:
        nonlocal refused, said
        try:
            await put(record, urgent)
        except StateError as error:
            refused += record.num_rows
            if time.monotonic() - said > SAY:
                said = time.monotonic()
                told(f"{refused:,} events given back to agents, whose spools hold them: {error}")
            raise

    return tried


async def offered(put: Put, record: pa.RecordBatch, urgent: bool, told: Told) -> None:
    """Put rows, again and again until the engine has them; now and then it is told that they wait."""
    said = -SAY
    while True:
        try:
            await put(record, urgent)
        except StateError as error:
            if time.monotonic() - said > SAY:
                said = time.monotonic()
                told(f"{record.num_rows:,} events wait: {error}")
            await asyncio.sleep(AGAIN)
        else:
            return


def _health(activity: int, source: str, why: str, count: int) -> Event:
    fields: dict[str, str | int] = {"telemetry.of": source, "telemetry.why": why, "telemetry.count": count}
    return Event(TELEMETRY, activity, time.time_ns() // 1000, "", USUAL[TELEMETRY], fields, WHO)


@contextlib.asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Some work for the length of the block; it is cancelled at the end. Work that fails ends the block."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
