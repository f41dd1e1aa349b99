"""Both stages in one process, without a server: what was acknowledged is on disk, and a kill loses and doubles nothing.

        put ─▶ log (synced) ─▶ acknowledged
                  └─▶ node stages (shares) ─▶ joint stage ─▶ incidents (database, by id and version) ─▶ told
                             └─ checkpoint: all states and the number that they belong to ─┘

After a kill the log is read again from the checkpoint's number on. Time stands in the log too, so the same incidents
come of it in the same versions; the database knows which are new.
"""

import asyncio
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec
import pyarrow as pa

from ringfence.app.watch import keeping, stages
from ringfence.app.watch.intake import all_of, by_partition
from ringfence.app.watch.lane import Counted, Lane
from ringfence.app.watch.shares import ALL, SHARES, Elsewhere, Here, Saved, Shares
from ringfence.app.watch.stages import BEAT, EVENTS, JOBS, VERDICT, Clock, Entry, Stages, Verdict
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
_TOGETHER = 16
"""Entries under way at once."""
_CHECKPOINT, _DATABASE = "checkpoint", "watch.db"


class _Line(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    at: int
    share: int
    body: bytes


class _Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    position: int
    clock: Clock
    nodes: list[Saved]
    joint: bytes


class _Next(msgspec.Struct, frozen=True):
    share: int
    entry: Entry


class Embedded:
    """The engine over a folder. `synced` is the newest entry that the disk has."""

    def __init__(
        self,
        home: Path,
        made: Stages,
        told: Told,
        changed: Callable[[Incident], None],
        saved: float = SAVED,
        most: int = MOST,
        processes: int = 0,
        recorded: Callable[[], int] | None = None,
    ) -> None:
        self._recorded = recorded
        self._nodes: Shares = Elsewhere(made, processes) if processes else Here(made)
        durable.ensure(home)
        self.counted = Counted()
        self.database = Database.open(home / _DATABASE)
        self._log = Log(home / "log", most)
        self._home, self._told, self._changed, self._every = home, told, changed, saved
        self._most, self.synced = most, self._log.last
        self._joint, self._clock = made.joint(), Clock()
        self._ahead: deque[_Next] = deque()
        self._reading: Iterator[tuple[int, bytes]] = iter(())
        self._position = self._ahead_bytes = self._held = self._saved_at = 0
        self._unkept = False
        self.stopping, self._some = asyncio.Event(), asyncio.Event()
        self._lanes = [Lane(partial(self._send, share)) for share in range(SHARES)]
        self._disk, self._thread = ThreadPoolExecutor(1, "disk"), ThreadPoolExecutor(1, "stage")

    async def put(self, record: pa.RecordBatch, urgent: bool = False) -> None:
        """Returns when every event of the batch is on disk. Raises `StateError` where it is not: send it again."""
        size = record.get_total_buffer_size()
        if self._held + size > ROOM:
            self.counted.no_room += record.num_rows
            raise StateError("too many events wait for the disk", "the senders' spools hold them")
        self._held += size
        try:
            batch = Batch(record)
            await all_of(self._lanes[at].put(part, urgent) for at, part in by_partition(batch, SHARES))
            if jobs := stages.jobs(batch):
                await self._append(_Line(JOBS, now(), ALL, jobs), None)
            self.counted.taken += record.num_rows
        except StateError:
            self.counted.given_back += record.num_rows
            raise
        finally:
            self._held -= size

    async def verdict(self, verdict: Verdict) -> None:
        """Tell the joint stage what an operator says."""
        await self._append(_Line(VERDICT, now(), ALL, msgspec.json.encode(verdict)), None)

    async def ask(self, work: Callable[[], Answer]) -> Answer:
        """Have something of the stages read by the thread that has them, between two batches."""
        return await self._on(self._thread, work)

    @property
    def processes(self) -> Sequence[int]:
        """The ids of the processes beside this one."""
        return self._nodes.processes

    @property
    def behind(self) -> int:
        """Entries that the stages have not taken yet."""
        return self._log.last - self._position

    async def run(self) -> None:
        """Take entries as they come, until `stopping` is set."""
        began, caught_up = time.monotonic(), False
        first, next_save = self._position, began + self._every
        while not self.stopping.is_set():
            entries = await self._next()
            if entries:
                await self._keep(await self._on(self._thread, self._taken, entries))
            if not caught_up and not self.behind:
                caught_up = True
                seconds = time.monotonic() - began
                self._told(f"caught up from {first}: {self._position - first} entries in {seconds:.2f} s")
            if time.monotonic() > next_save:
                await self.save()
                next_save = time.monotonic() + self._every
            if not entries and now() - self._clock.last > 1_000_000:
                await self._beat()

    async def save(self) -> None:
        """Write a checkpoint, and make room in the log."""
        if self._position > self._saved_at and not self._unkept:
            try:
                self._saved_at = await self._on(self._thread, self._save)
                await self._on(self._disk, self._log.forget, self._needless() + 1)
            except (OSError, StateError) as error:
                self._told(f"no checkpoint: {error}")

    def _needless(self) -> int:
        """The last entry that nobody needs. A history that is half a log behind is not waited for."""
        if self._recorded is None or self._log.size > self._most // 2:
            return self._saved_at
        return min(self._saved_at, self._recorded())

    def taken(self, after: int) -> Iterator[tuple[int, bytes | None]]:
        """The entries after a number, for any thread: their events, packed, or None for one that is of something else.

        What makes room in the log is told by `recorded`, up to which number this is needed no more.
        """
        for number, body in self._log.read(after, count=False):
            if number > self.synced:
                return
            line = msgspec.msgpack.decode(body, type=_Line)
            yield number, line.body if line.kind == EVENTS else None

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
            self._nodes.load(kept.nodes)
            self._joint.load(kept.joint)
        except (RingfenceError, msgspec.MsgspecError, ValueError) as error:
            self._told(f"{self._home / _CHECKPOINT} cannot be taken up: {error}; learning begins anew")
            return
        self._position, self._clock = kept.position, kept.clock
        self._saved_at = kept.position

    async def close(self) -> None:
        """Write a checkpoint and give the folder back."""
        for lane in self._lanes:
            lane.give_back()
        await self.save()
        for thread in (self._disk, self._thread):
            thread.shutdown()
        self._nodes.close()
        self._log.close()
        self.database.close()

    @property
    def lanes(self) -> Sequence[Lane]:
        """What moves what was put to the disk, one a share."""
        return self._lanes

    async def _send(self, share: int, record: pa.RecordBatch, urgent: bool) -> None:
        await self._append(_Line(EVENTS, now(), share, packed(record)), Batch(record))

    async def _append(self, line: _Line, batch: Batch | None) -> None:
        number = await self._on(self._disk, self._kept, msgspec.msgpack.encode(line))
        if self._ahead_bytes < _AHEAD:
            self._ahead.append(_Next(line.share, Entry(number, line.kind, line.at, line.body, batch=batch)))
            self._ahead_bytes += len(line.body)
        self._some.set()

    def _kept(self, body: bytes) -> int:
        number = self._log.append([body])
        self._log.sync()
        self.synced = number
        return number

    async def _beat(self) -> None:
        with contextlib.suppress(StateError):  # a full disk is told where events are put
            await self._append(_Line(BEAT, now(), ALL, b""), None)

    async def _next(self) -> Sequence[_Next]:
        """The next entries, from memory or from the log; none if none comes for a while."""
        if not self.behind:
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._some.wait()
        found: list[_Next] = []
        while self._ahead and self._ahead[0].entry.seq <= self._position + len(found) + 1 and len(found) < _TOGETHER:
            one = self._ahead.popleft()
            self._ahead_bytes -= len(one.entry.body)
            if one.entry.seq > self._position:
                found.append(one)
        if found or not self.behind:
            return found
        return await self._on(self._thread, self._from_log)

    def _from_log(self) -> list[_Next]:
        found: list[_Next] = []
        lost, end = self._log.lost, self._log.last
        for number, body in self._reading:
            if number > self._position:
                line = msgspec.msgpack.decode(body, type=_Line)
                found.append(_Next(line.share, Entry(number, line.kind, line.at, line.body)))
                if len(found) >= _TOGETHER:
                    return found
        if not found:
            self._reading = self._log.read(self._position)
            first = next(self._reading, None)
            if first is not None:
                self._reading = chain((first,), self._reading)
                return self._from_log()
            self._position = end
        if self._log.lost > lost:
            self._told(f"{self._log.lost - lost} entries of the log are damaged and were passed by")
        return found

    def _taken(self, entries: Sequence[_Next]) -> list[Incident]:
        """What came of some entries, in their order."""
        changed: list[Incident] = []
        faults: list[str] = []
        for one in entries:
            self._nodes.submit(one.share, one.entry)
        for one in entries:
            entry = one.entry
            for yielded in self._nodes.result(faults):
                with stages.noted(faults, entry):
                    changed += self._joint.step(yielded)
            if entry.kind == VERDICT:
                with stages.noted(faults, entry):
                    said = msgspec.json.decode(entry.body, type=Verdict)
                    changed += self._joint.verdict(said.incident, said.verdict)
            if self._clock.due(entry.at):
                with stages.noted(faults, entry):
                    changed += self._joint.tick(entry.at)
            self._position = entry.seq
        for fault in faults:
            self._told(fault)
        return changed

    async def _keep(self, changed: list[Incident]) -> None:
        """Keep what was found, however long the disk is full; no checkpoint is written before."""
        self._unkept = bool(changed)
        while self._unkept:
            try:
                new = await self._on(self._thread, keeping.keep, self.database, changed)
            except StateError as error:
                self._told(f"{error.what}: {len(changed)} changes of incidents wait")
                if self.stopping.is_set():
                    return
                await asyncio.sleep(1)
                continue
            self._unkept = False
            for incident in new:
                self._changed(incident)

    def _save(self) -> int:
        kept = _Checkpoint(self._position, self._clock, self._nodes.save(), self._joint.save())
        data = msgspec.msgpack.encode(kept)
        durable.sync(durable.put(self._home, _CHECKPOINT, hashlib.sha256(data).digest() + data))
        return self._position

    async def _on(
        self, thread: Executor, work: Callable[Given, Answer], *given: Given.args, **_: Given.kwargs
    ) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: work(*given, **_))


@contextlib.asynccontextmanager
async def embedded(
    home: Path,
    made: Stages,
    told: Told,
    changed: Callable[[Incident], None],
    saved: float = SAVED,
    processes: int = 0,
    recorded: Callable[[], int] | None = None,
) -> AsyncIterator[Embedded]:
    """The engine at work for the length of the block, its node stages in this process or in others.

    `recorded` tells up to which entry the history has the log; what is beyond stays in it.

    Raises `StateError`, and ends the block, when one of the processes dies.
    """
    engine = Embedded(home, made, told, changed, saved, processes=processes, recorded=recorded)
    try:
        engine.load()
        async with asyncio.TaskGroup() as tasks:
            lanes = [tasks.create_task(lane.run()) for lane in engine.lanes]
            tasks.create_task(engine.run())
            try:
                yield engine
            finally:
                engine.stopping.set()
                await ended(lanes)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await engine.close()
