"""One slot of the work, served for as long as it is this process's: a partition's node stage, or the joint stage.

        checkpoint ─▶ stage, position ─▶ entry after entry ─▶ what came of it, acknowledged ─▶ checkpoint, now and then

What an entry came to is kept by NATS before the next one is taken, and a checkpoint is written only after that. A
process that is killed leaves a checkpoint that is too old and yields that are too many: its successor yields those
again under the same numbers, and they are passed by (`stages.join`) or found to be there (`Incidents`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVar

import msgspec

from ringfence.app.watch import stages
from ringfence.app.watch.stages import BEAT, YIELDED, Beat, Entry, Heard, Joint, Node, Place, Stages
from ringfence.app.watch.trouble import Trouble
from ringfence.errors import RingfenceError, StateError
from ringfence.transport.nats import blobs, layout
from ringfence.transport.nats.reader import Reader
from ringfence.transport.nats.stream import Conflict, Link, Message
from ringfence.watch.values import Incident

SAVED = 10.0
"""Seconds between checkpoints."""
IDLE = 5.0
"""Seconds after which a log in which nothing was written is told the time."""
KIND, AT, SHARE, FROM, PART, VERSION = "Rf-Kind", "Rf-At", "Rf-Share", "Rf-From", "Rf-Part", "Rf-Version"
_MOST_KNOWN = 10_000
_MOST_HEARD = 4_096
Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Told = Callable[[str], None]


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class Broadcast:
    """What was said to all, the newest number of it, and the messages of late."""

    def __init__(self, link: Link, told: Told) -> None:
        self.newest = 0
        self._link, self._told = link, told
        self._kept: dict[int, Heard] = {}

    async def follow(self) -> None:
        """Keep the newest number up to date, until cancelled."""
        last = await self._link.last("rf.all")
        self.newest = last.seq if last else 0
        async with Reader(self._link, "rf.all", self.newest) as reader:
            while True:
                message = await reader.next(60.0)
                if message is not None:
                    self._keep(message)
                    self.newest = message.seq

    async def span(self, after: int, to: int) -> list[Heard]:
        """What was said after one number, up to another."""
        found = []
        at = after + 1
        while at <= to:
            if at not in self._kept:
                message = await retried(self._at_least, self._told, at)
                self._keep(message)
                at = message.seq
            if at <= to:
                found.append(self._kept[at])
            at += 1
        return found

    async def _at_least(self, seq: int) -> Message:
        """The first message from this number on. One that was announced is there, if not on every copy yet."""
        message = await self._link.after("rf.all", seq)
        if message is None:
            raise StateError(f"rf.all {seq} is not there", "was the stream purged by hand?")
        return message

    def _keep(self, message: Message) -> None:
        self._kept[message.seq] = Heard(message.headers.get(KIND, ""), message.payload)
        while len(self._kept) > _MOST_HEARD:
            del self._kept[next(iter(self._kept))]


class Incidents:
    """Incidents on their way out: each version of each once, whoever else sends them too."""

    def __init__(self, link: Link, told: Told) -> None:
        self._link, self._told = link, told
        self._known: dict[str, tuple[int, int]] = {}

    async def send(self, incident: Incident) -> None:
        """Send it, if it is not there yet."""
        subject = f"rf.incidents.{incident.id}"
        body = msgspec.json.encode(incident)
        while True:
            if incident.id not in self._known:
                last = await retried(self._link.last, self._told, subject)
                self._known[incident.id] = (int(last.headers.get(VERSION, 0)), last.seq) if last else (0, 0)
            version, revision = self._known[incident.id]
            if incident.version <= version:
                return
            head = {VERSION: str(incident.version), KIND: "incident"}
            try:
                seq = await self._link.put(
                    subject, body, f"{incident.id}/{incident.version}", headers=head, expect=revision
                )
            except Conflict:
                del self._known[incident.id]
                await asyncio.sleep(0.05)
                continue
            self._known[incident.id] = (incident.version, seq)
            while len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            return


class Served(msgspec.Struct):
    """How a slot fares: what it began at, how much it had to catch up with and how long that took; what went wrong."""

    slot: str
    ready: bool = False
    began: int = 0
    taken: int = 0
    behind: int = 0
    caught_up: float = 0.0
    faults: list[str] = []


class Slot:
    """A slot in service; what is done with an entry is for `NodeSlot` and `JointSlot`."""

    def __init__(
        self,
        slot: str,
        link: Link,
        broadcast: Broadcast,
        thread: Executor,
        told: Told,
        every: float = SAVED,
        trouble: Trouble | None = None,
    ) -> None:
        self.state = Served(slot)
        self.leaving = asyncio.Event()
        self._link, self._slot, self._broadcast, self._thread = link, slot, broadcast, thread
        self._told, self._every = told, every
        self._trouble = trouble or Trouble(told)
        self._place = Place()
        self._revision = self._at_save = 0
        self._beaten = 0.0

    async def serve(self) -> None:
        """Take up the slot, serve it until it is to be left, leave it with a checkpoint."""
        await self._take_up()
        began = time.monotonic()
        next_save = began + self._every * (0.5 + hash(self._slot) % 100 / 100)
        async with Reader(self._link, self._filter, self._place.position) as reader:
            while not self.leaving.is_set():
                message = await reader.next(0.5 if self.state.ready else 0.05)
                if message is not None:
                    await self._take(message)
                elif not self.state.ready:
                    self._caught_up(time.monotonic() - began)
                if time.monotonic() > next_save:
                    await self._save()
                    next_save = time.monotonic() + self._every
                if message is None or self._broadcast.newest > self._place.heard:
                    await self._beat()
        await self._save()

    _stage: Node | Joint
    _log: str
    _filter: str

    async def _apply(self, entry: Entry, heard: Sequence[Heard]) -> None:
        raise NotImplementedError

    async def _take_up(self) -> None:
        blob = await retried(blobs.load, self._told, self._link, self._slot, Place)
        if blob is not None:
            self._place, self._revision = blob.about, blob.revision
            try:
                await self._run(self._stage.load, blob.state)
            except RingfenceError as error:
                self._told(f"slot {self._slot}: {error.what}; learning begins anew")
        self.state.began = self._at_save = self._place.position

    async def _take(self, message: Message) -> None:
        entry = _entry(message)
        heard: Sequence[Heard] = ()
        if entry.kind == BEAT:
            to = msgspec.json.decode(entry.body, type=Beat).heard
            if to > self._place.heard:
                heard = await self._broadcast.span(self._place.heard, to)
                self._place.heard = to
        told = len(self.state.faults)
        await self._apply(entry, heard)
        for fault in self.state.faults[told:]:
            self._told(f"slot {self._slot}: {fault}")
        del self.state.faults[:-100]
        self.state.taken += 1

    async def _beat(self) -> None:
        """Write the time into the log, if nobody wrote anything of late or there is something to be heard."""
        clock, at = time.monotonic(), now()
        quiet = at - self._place.clock.last > self._idle * 1_000_000
        news = self._broadcast.newest > self._place.heard
        if not (quiet or news):
            self._trouble.well(self._slot)  # somebody wrote
            return
        if clock - self._beaten < 1.0:
            return
        self._beaten = clock
        name = f"beat/{self._slot}/{at // 1_000_000}"
        body = msgspec.json.encode(Beat(self._broadcast.newest))
        try:
            await self._link.put(self._log, body, name, headers={KIND: BEAT, AT: str(at)}, within=1.0)
            self._trouble.well(self._slot)
        except StateError as error:
            self._trouble.ill(self._slot, layout.stream_of(self._log), error.what)

    _idle = IDLE

    async def _save(self) -> None:
        if self._place.position == self._at_save:
            return
        state = await self._run(self._stage.save)
        try:
            self._revision = await blobs.save(
                self._link, self._slot, self._place, state, self._revision, self._every + 5
            )
            self._at_save = self._place.position
            self._trouble.well(f"{self._slot}'s checkpoint")
        except Conflict:
            await self._give_way()
        except StateError as error:
            what = f"slot {self._slot}: no checkpoint: {error.what}"
            self._trouble.ill(f"{self._slot}'s checkpoint", layout.STATE, what)

    async def _give_way(self) -> None:
        """Another process has the slot too, or had it. Whoever is ahead saves."""
        other = await retried(blobs.load, self._told, self._link, self._slot, Place)
        if other is not None:
            self._revision = other.revision
            if other.about.position >= self._place.position:
                self._at_save = self._place.position

    def _caught_up(self, seconds: float) -> None:
        state = self.state
        state.ready, state.behind, state.caught_up = True, state.taken, seconds

    async def _run(self, work: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*given, **named))


class NodeSlot(Slot):
    """A partition and its node stage."""

    def __init__(self, made: Stages, slot: str, *given: Any, **named: Any) -> None:
        super().__init__(slot, *given, **named)
        self._node = self._stage = made.node()
        self._log, self._filter = layout.events(int(slot)), layout.both(int(slot))

    async def _apply(self, entry: Entry, heard: Sequence[Heard]) -> None:
        part = 0
        for one in await self._run(stages.take, self._node, self._place, entry, heard, self.state.faults):
            for body in stages.written(one, self._link.most):
                part += 1
                head = {KIND: YIELDED, AT: str(entry.at), SHARE: self._slot, FROM: str(entry.seq), PART: str(part)}
                await self._link.put("rf.joint", body, f"{self._slot}/{entry.seq}/{part}", headers=head)


class JointSlot(Slot):
    """The joint stage. It is told the time each second: what is quiet here may be an attack elsewhere."""

    _log = _filter = "rf.joint"
    _idle = 1.0

    def __init__(self, made: Stages, slot: str, *given: Any, **named: Any) -> None:
        super().__init__(slot, *given, **named)
        self._joint = self._stage = made.joint()
        self._incidents = Incidents(self._link, self._told)

    async def _apply(self, entry: Entry, heard: Sequence[Heard]) -> None:
        for incident in await self._run(stages.join, self._joint, self._place, entry, heard, self.state.faults):
            await self._incidents.send(incident)


async def ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: `asyncio.wait_for`, which the client uses, may swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)


def _entry(message: Message) -> Entry:
    headers = message.headers
    mark = (headers.get(SHARE, ""), _number(headers.get(FROM)), _number(headers.get(PART)))
    return Entry(message.seq, headers.get(KIND, ""), _number(headers.get(AT)), message.payload, mark)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 20 else 0


async def retried(
    asked: Callable[Given, Awaitable[Answer]], told: Told, *given: Given.args, **named: Given.kwargs
) -> Answer:
    """An answer, however long NATS is away; every tenth second without one is told."""
    tries = 0
    while True:
        try:
            return await asked(*given, **named)
        except StateError as error:
            tries += 1
            if tries % 100 == 0:
                told(f"{error.what}" + (f" ({error.remedy})" if error.remedy else ""))
            await asyncio.sleep(0.1)
