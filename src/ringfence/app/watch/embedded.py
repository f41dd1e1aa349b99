"""Both stages in one process, without a server: what was acknowledged is on disk, and a kill loses and doubles nothing.

        put ─▶ log (synced) ─▶ acknowledged
                  └─▶ node stage ─▶ joint stage ─▶ incidents (database, by id and version) ─▶ told
                             └─ checkpoint: both states and the number that they belong to ─┘

After a kill the log is read again from the checkpoint's number on. Time stands in the log too, so the same incidents
come of it in the same versions; the database knows which are new.
"""

import asyncio
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyarrow as pa

from ringfence.app.watch import keeping, stages
from ringfence.app.watch.lane import Counted, Lane
from ringfence.app.watch.stages import BEAT, EVENTS, VERDICT, Clock, Entry, Place, Stages, Verdict
from ringfence.app.watch.worker import Answer, Given, Told, ended, now
from ringfence.errors import RingfenceError, StateError
from ringfence.store.journal import durable
from ringfence.store.log import Log
from ringfence.store.state import Database
from ringfence.transport.arrow import packed
from ringfence.watch.batch import Batch
from ringfence.watch.values import Incident

SAVED = 10.0
"""Seconds between checkpoints."""
MOST = 8 << 30
"""Bytes of events on disk that the stages have not passed yet."""
ROOM = 256 << 20
"""Bytes that may wait for the disk."""
_AHEAD = 64 << 20
"""Bytes of entries kept at hand for the stages; what is beyond is read from the log."""
_CHECKPOINT, _DATABASE = "checkpoint", "watch.db"


class _Line(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    at: int
    body: bytes


class _Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    place: Place
    clock: Clock
    node: bytes
    joint: bytes


class Embedded:
    """The engine over a folder."""

    def __init__(
        self,
        home: Path,
        made: Stages,
        told: Told,
        changed: Callable[[Incident], None],
        saved: float = SAVED,
        most: int = MOST,
    ) -> None:
        durable.ensure(home)
        self.counted = Counted()
        self.database = Database.open(home / _DATABASE)
        self._log = Log(home / "log", most)
        self._home, self._told, self._changed, self._every = home, told, changed, saved
        self._node, self._joint = made.node(), made.joint()
        self._place, self._clock = Place(), Clock()
        self._ahead: deque[Entry] = deque()
        self._ahead_bytes = self._held = self._saved_at = 0
        self.stopping, self._some = asyncio.Event(), asyncio.Event()
        self._lane = Lane(self._send)
        self._disk, self._thread = ThreadPoolExecutor(1, "disk"), ThreadPoolExecutor(1, "stage")

    async def put(self, record: pa.RecordBatch, urgent: bool = False) -> None:
        """Returns when every event of the batch is on disk. Raises `StateError` where it is not: send it again."""
        size = record.get_total_buffer_size()
        if self._held + size > ROOM:
            self.counted.no_room += record.num_rows
            raise StateError("too many events wait for the disk", "the senders' spools hold them")
        self._held += size
        try:
            await self._lane.put(record, urgent)
            self.counted.taken += record.num_rows
        except StateError:
            self.counted.given_back += record.num_rows
            raise
        finally:
            self._held -= size

    async def verdict(self, verdict: Verdict) -> None:
        """Tell the joint stage what an operator says."""
        await self._append(_Line(VERDICT, now(), msgspec.json.encode(verdict)), None)

    @property
    def behind(self) -> int:
        """Entries that the stages have not taken yet."""
        return self._log.last - self._place.position

    async def run(self) -> None:
        """Take entries as they come, until `stopping` is set."""
        began, caught_up = time.monotonic(), False
        first, next_save = self._place.position, began + self._every
        while not self.stopping.is_set():
            entries = await self._next()
            for incident in await self._on(self._thread, self._taken, entries) if entries else ():
                self._changed(incident)
            if not caught_up and not self.behind:
                caught_up = True
                seconds = time.monotonic() - began
                self._told(f"caught up from {first}: {self._place.position - first} entries in {seconds:.2f} s")
            if time.monotonic() > next_save:
                await self.save()
                next_save = time.monotonic() + self._every
            if not entries and now() - self._place.clock.last > 1_000_000:
                await self._beat()

    async def save(self) -> None:
        """Write a checkpoint, and make room in the log."""
        if self._place.position > self._saved_at:
            try:
                self._saved_at = await self._on(self._thread, self._save)
                await self._on(self._disk, self._log.forget, self._saved_at + 1)
            except (OSError, StateError) as error:
                self._told(f"no checkpoint: {error}")

    def load(self) -> None:
        """Take up the last checkpoint; a damaged one is told, and learning begins anew."""
        try:
            data = (self._home / _CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return
        try:
            if hashlib.sha256(data[32:]).digest() != data[:32]:
                raise StateError("it is damaged")
            kept = msgspec.msgpack.decode(data[32:], type=_Checkpoint)
            self._node.load(kept.node)
            self._joint.load(kept.joint)
        except (RingfenceError, msgspec.MsgspecError) as error:
            self._told(f"{self._home / _CHECKPOINT} cannot be taken up: {error}; learning begins anew")
            return
        self._place, self._clock = kept.place, kept.clock
        self._saved_at = kept.place.position

    async def close(self) -> None:
        """Write a checkpoint and give the folder back."""
        self._lane.give_back()
        await self.save()
        for thread in (self._disk, self._thread):
            thread.shutdown()
        self._log.close()
        self.database.close()

    async def lane(self) -> None:
        """Move what was put to the disk, until cancelled."""
        await self._lane.run()

    async def _send(self, record: pa.RecordBatch, urgent: bool) -> None:
        await self._append(_Line(EVENTS, now(), packed(record)), Batch(record))

    async def _append(self, line: _Line, batch: Batch | None) -> None:
        number = await self._on(self._disk, self._kept, msgspec.msgpack.encode(line))
        if self._ahead_bytes < _AHEAD:
            self._ahead.append(Entry(number, line.kind, line.at, line.body, batch=batch))
            self._ahead_bytes += len(line.body)
        self._some.set()

    def _kept(self, body: bytes) -> int:
        number = self._log.append([body])
        self._log.sync()
        return number

    async def _beat(self) -> None:
        with contextlib.suppress(StateError):  # a full disk is told where events are put
            await self._append(_Line(BEAT, now(), b""), None)

    async def _next(self) -> Sequence[Entry]:
        """The next entries, from memory or from the log; none if none comes for a while."""
        if not self.behind:
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._some.wait()
        following = self._place.position + 1
        while self._ahead and self._ahead[0].seq < following:
            self._ahead_bytes -= len(self._ahead.popleft().body)
        if self._ahead and self._ahead[0].seq == following:
            entry = self._ahead.popleft()
            self._ahead_bytes -= len(entry.body)
            return [entry]
        return await self._on(self._thread, self._from_log) if self.behind else ()

    def _from_log(self) -> list[Entry]:
        found: list[Entry] = []
        lost = self._log.lost
        for number, body in self._log.read(self._place.position):
            line = msgspec.msgpack.decode(body, type=_Line)
            found.append(Entry(number, line.kind, line.at, line.body))
            if len(found) >= 64:
                break
        if self._log.lost > lost:
            self._told(f"{self._log.lost - lost} entries of the log are damaged and were passed by")
        return found

    def _taken(self, entries: Sequence[Entry]) -> list[Incident]:
        """What came of some entries and was not there before."""
        changed: list[Incident] = []
        faults: list[str] = []
        for entry in entries:
            for yielded in stages.take(self._node, self._place, entry, (), faults):
                with stages.noted(faults, entry):
                    changed += self._joint.step(yielded)
            if entry.kind == VERDICT:
                with stages.noted(faults, entry):
                    said = msgspec.json.decode(entry.body, type=Verdict)
                    changed += self._joint.verdict(said.incident, said.verdict)
            if self._clock.due(entry.at):
                with stages.noted(faults, entry):
                    changed += self._joint.tick(entry.at)
        for fault in faults:
            self._told(fault)
        return keeping.keep(self.database, changed) if changed else []

    def _save(self) -> int:
        kept = _Checkpoint(self._place, self._clock, self._node.save(), self._joint.save())
        data = msgspec.msgpack.encode(kept)
        durable.sync(durable.put(self._home, _CHECKPOINT, hashlib.sha256(data).digest() + data))
        return self._place.position

    async def _on(
        self, thread: Executor, work: Callable[Given, Answer], *given: Given.args, **_: Given.kwargs
    ) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: work(*given, **_))


@contextlib.asynccontextmanager
async def embedded(
    home: Path, made: Stages, told: Told, changed: Callable[[Incident], None], saved: float = SAVED
) -> AsyncIterator[Embedded]:
    """The engine at work for the length of the block."""
    engine = Embedded(home, made, told, changed, saved)
    engine.load()
    lane, running = asyncio.create_task(engine.lane()), asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        engine.stopping.set()
        await ended([lane])
        await running
        await engine.close()
