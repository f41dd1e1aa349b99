"""`ringfence watch --nats URL`: one of any number of processes that share the work.

        members (who is here) ─▶ my slots ─▶ serve, leave        intake ─▶ log        incidents ─▶ database

A process takes up and leaves slots as others come and go. What it says of itself (`told`) is a sentence per happening:
a slot taken up with what had to be caught up, a checkpoint that could not be written, NATS away, a stream that is full.
"""

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pyarrow as pa

from ringfence.app.watch.intake import Intake
from ringfence.app.watch.lane import Counted
from ringfence.app.watch.members import EVERY, JOINT_SLOT, ROLES, Here, Members
from ringfence.app.watch.stages import VERDICT, Place, Stages, Verdict
from ringfence.app.watch.trouble import Trouble
from ringfence.app.watch.worker import (
    AT,
    KIND,
    SAVED,
    Answer,
    Broadcast,
    JointSlot,
    NodeSlot,
    Served,
    Slot,
    Told,
    ended,
    now,
)
from ringfence.errors import StateError, UsageError
from ringfence.transport.nats import blobs, layout
from ringfence.transport.nats.reader import Reader
from ringfence.transport.nats.stream import Link, Troubles, connected
from ringfence.watch.values import Incident

_HERE = "rf-here"
_SWEEP = 15.0
"""Seconds between two removals of what every checkpoint has passed."""
_SETTLE, _CAUGHT_UP = 0.5, 10.0


class Status(msgspec.Struct, frozen=True):
    """How this process fares."""

    name: str
    members: tuple[str, ...]
    slots: tuple[Served, ...]
    troubles: Troubles


class Cluster:
    """This process's part."""

    def __init__(self, link: Link, roles: Sequence[str], made: Stages, told: Told, saved: float = SAVED) -> None:
        self.link = link
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.members = Members(Here(self.name, tuple(roles)))
        self.intake = Intake(link, self.name, told)
        self.stopping = asyncio.Event()
        self._made, self._told, self._saved = made, told, saved
        self._trouble = Trouble(told)
        self._untold: set[str] = set()
        self._said_caught_up = 0.0
        self._serving: dict[str, tuple[Slot, asyncio.Task[None]]] = {}
        self._thread = ThreadPoolExecutor(1, "stage")
        self._broadcast = Broadcast(link, told)
        self._changed = asyncio.Event()

    def status(self) -> Status:
        """How it fares now."""
        here = tuple(one.name for one in self.members.here(_clock()))
        return Status(self.name, here, tuple(slot.state for slot, _ in self._serving.values()), self.link.troubles)

    async def run(self) -> None:
        """Work until `stopping` is set; then leave everything in order."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._thread.shutdown, False)
            stack.push_async_callback(self.intake.close)
            for work in (self._broadcast.follow, self._say_here, self._sweep):
                await stack.enter_async_context(_beside(work))
            listening = await self.link.hear(_HERE, self._heard)
            await self._hello()
            await _first(self.stopping.wait(), 1.5 * EVERY)
            while not self.stopping.is_set():
                await self._settle()
                self._tell_caught_up()
                self._changed.clear()
                await _first(self._changed.wait(), EVERY)
            await self._leave(set(self._serving))
            await self.link.say(_HERE, msgspec.json.encode(msgspec.structs.replace(self.members.me, leaving=True)))
            await self.link.unhear(listening)

    @property
    def has_joint(self) -> bool:
        """Whether the joint stage is here, and has read what there was."""
        found = self._serving.get(JOINT_SLOT)
        return found is not None and found[0].state.ready and not found[1].done()

    @property
    def counted(self) -> Counted:
        """What came in here."""
        return self.intake.counted

    async def ask(self, work: Callable[[], Answer]) -> Answer:
        """Have something of the stages read by the thread that has them, between two entries."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def put(self, record: pa.RecordBatch, urgent: bool = False) -> None:
        """Returns when every event of the batch is kept by a majority; `Intake.put`."""
        await self.intake.put(record, urgent)

    async def verdict(self, verdict: Verdict) -> None:
        """Tell the joint stage what an operator says."""
        body, head = msgspec.json.encode(verdict), {KIND: VERDICT, AT: str(now())}
        await self.link.put("rf.all", body, uuid.uuid4().hex, headers=head, within=10)

    async def _settle(self) -> None:
        """Serve what is mine, and nothing else. What others may still be saving is taken up a moment later."""
        mine = self.members.mine(self.link.layout.partitions, _clock())
        for slot, (_, task) in list(self._serving.items()):
            if task.done():
                self._told(f"slot {slot} ended: {task.exception()!r}; it is taken up again")
                del self._serving[slot]
        await self._leave(set(self._serving) - mine)
        new = mine - set(self._serving)
        if new:
            await asyncio.sleep(_SETTLE)
        for slot in sorted(new):
            kind = JointSlot if slot == JOINT_SLOT else NodeSlot
            shared = self.link, self._broadcast, self._thread, self._told, self._saved, self._trouble
            serving = kind(self._made, slot, *shared)
            self._serving[slot] = serving, asyncio.create_task(serving.serve())
        self._untold |= new
        self._untold &= set(self._serving)

    def _tell_caught_up(self) -> None:
        """In one line for all slots that were taken up; if some take long, in one every ten seconds."""
        slots = [self._serving[slot][0].state for slot in self._untold]
        ready = [one for one in slots if one.ready]
        late = len(slots) - len(ready)
        if not ready or (late and _clock() - self._said_caught_up < _CAUGHT_UP):
            return
        self._said_caught_up = _clock()
        self._untold -= {one.slot for one in ready}
        count, most = sum(one.behind for one in ready), max(one.caught_up for one in ready)
        what = f"{len(ready)} slots" if len(ready) > 1 else f"slot {ready[0].slot}"
        self._told(f"{what} caught up: {count:,} messages in {most:.2f} s" + (f"; {late} slots go on" if late else ""))

    async def _leave(self, slots: set[str]) -> None:
        left = [self._serving.pop(slot) for slot in slots]
        for slot, _ in left:
            slot.leaving.set()
        tasks = [task for _, task in left]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=20)
            await ended(late)  # NATS is away: the checkpoint that there is will do
        for name in slots:
            self._trouble.well(name)
            self._trouble.well(f"{name}'s checkpoint")

    async def _hello(self) -> None:
        await self.link.say(_HERE, msgspec.json.encode(self.members.me))

    async def _say_here(self) -> None:
        lost = _clock()
        while True:
            await asyncio.sleep(EVERY)
            if self.link.client.is_connected:
                await self._hello()
            else:
                self.members.deaf(_clock() - lost)
            lost = _clock()

    async def _heard(self, message: Any) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            here = msgspec.json.decode(message.data, type=Here)
            if here.name != self.name and self.members.heard(here, _clock()):
                self._changed.set()
                await self._hello()

    async def _sweep(self) -> None:
        """Whoever has the joint stage removes what every checkpoint has passed."""
        while True:
            await asyncio.sleep(_SWEEP)
            if JOINT_SLOT in self._serving:
                try:
                    await sweep(self.link)
                except StateError as error:
                    self._told(error.what)


async def sweep(link: Link) -> None:
    """Make room: a message goes once every stage that reads it has a checkpoint beyond it."""
    places = [await blobs.about(link, str(slot), Place) for slot in range(link.layout.partitions)]
    joint = await blobs.about(link, JOINT_SLOT, Place)
    known = [place for place in places if place is not None]
    if len(known) == len(places):
        await link.forget(layout.EVENTS, min(place.position for place in known) + 1)
        if joint is not None:
            await link.forget(layout.ALL, min(place.heard for place in (*known, joint)) + 1)
    if joint is not None:
        await link.forget(layout.JOINT, joint.position + 1)


async def follow_incidents(link: Link, after: int, keep: Callable[[int, Incident], None]) -> None:
    """Call `keep(number, incident)` for every version of every incident after a number, until cancelled."""
    async with Reader(link, "rf.incidents.*", after) as reader:
        while True:
            message = await reader.next(60.0)
            if message is not None:
                keep(message.seq, msgspec.json.decode(message.payload, type=Incident))


@contextlib.asynccontextmanager
async def joined(
    urls: Sequence[str], role: str, made: Stages, told: Told, saved: float = SAVED, **options: Any
) -> AsyncIterator[Cluster]:
    """A process's part for the length of the block; `options` as of `transport.nats.stream.connected`."""
    if role not in ROLES:
        raise UsageError(f"{role!r} is not a role", f"a role is one of {', '.join(ROLES)}")
    async with connected(urls, **options) as link:
        cluster = Cluster(link, ROLES[role], made, told, saved)
        running = asyncio.create_task(cluster.run())
        try:
            yield cluster
        finally:
            cluster.stopping.set()
            await running


@contextlib.asynccontextmanager
async def _beside(work: Callable[[], Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        await ended([task])


async def _first(wait: Any, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wait


def _clock() -> float:
    return asyncio.get_running_loop().time()
