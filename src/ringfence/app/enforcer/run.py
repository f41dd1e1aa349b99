"""The enforcer wired together, from its folder and its settings until SIGTERM."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.enforcer.confine import Confine
from ringfence.app.enforcer.gate import Gate
from ringfence.app.enforcer.home import NodeHome
from ringfence.app.enforcer.hooks import Caller, Hooks, Verb
from ringfence.app.enforcer.keeper import Drivers, Keeper, Record
from ringfence.app.enforcer.link import Link
from ringfence.app.enforcer.settings import Settings
from ringfence.store.journal import Journal, Line, Signer
from ringfence.store.journal.lines import encode
from ringfence.store.slots import FAILED, Slots
from ringfence.transport import signing
from ringfence.wire.hooks import Answer, Held, Request, Status

TENDED = 60.0
"""Seconds between two rounds of what drivers do by the clock."""


def serve(folder: Path, settings: Settings, drivers: Drivers) -> None:
    """Run the enforcer of an enrolled node until SIGTERM or SIGINT. Raises `UsageError`, `StateError`."""
    home = NodeHome(folder)
    home.lock()
    with journal_of(home) as record, contextlib.closing(Slots(folder / "enforcer.db")) as slots:
        trusted = signing.keyring(home.orders)
        keeper = Keeper(home.host, drivers, slots, trusted, home.key, record)
        asyncio.run(_run(home, settings, keeper))


@contextlib.contextmanager
def journal_of(home: NodeHome) -> Iterator[Record]:
    """What writes lines of this node's own journal, signed with its key."""
    name = "ringfence/" + home.host.replace(":", "/").replace("+", "_").replace(" ", "_")
    with Journal.open(home.folder / "journal", name, Signer(name, home.key)) as journal:

        def record(what: str, detail: dict[str, Any], receipt: str) -> None:
            journal.append([encode(Line(time.time(), home.host, what, home.host, detail, receipt))])

        yield record


async def _run(home: NodeHome, settings: Settings, keeper: Keeper) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    worker = ThreadPoolExecutor(1, "driver")
    gate = Gate(keeper, settings.on_outage, settings.deadline, worker)
    link = Link(home, keeper, gate, worker, _say)
    verbs = Verbs(home, settings, keeper, gate, link, worker)
    async with Hooks(Path(settings.socket), verbs.table, settings.masters()) as hooks:
        verbs.refused = hooks.refused
        _say(f"{home.host}: hooks on {settings.socket}, server {home.server[0]}:{home.server[1]}")
        lasting = (_keep(keeper, gate, worker), _guard(keeper, gate, link, worker, settings.look), link.run())
        tasks = [asyncio.create_task(one) for one in (*lasting, done.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failed = [task.exception() for task in tasks if task.done() and task.exception()]
        for task in tasks:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    worker.shutdown()
    if failed and failed[0]:
        raise failed[0]


async def _guard(keeper: Keeper, gate: Gate, link: Link, worker: ThreadPoolExecutor, every: float) -> None:
    """Look whether what was applied still stands; those who wait look again if not, and the server is told."""
    while True:
        await asyncio.sleep(every)
        if await asyncio.get_running_loop().run_in_executor(worker, keeper.guard):
            gate.changed()
        link.wake()  # the gate may have found something too


async def _keep(keeper: Keeper, gate: Gate, worker: ThreadPoolExecutor) -> None:
    """Bring about what is on disk, at the start and when a release is over; lift what lapses; tend it each minute."""
    loop = asyncio.get_running_loop()
    released, tended = -1, loop.time()
    while True:
        now = keeper.released()
        if now != released:
            await loop.run_in_executor(worker, keeper.recover)
            gate.changed()
            released = now
        if loop.time() - tended > TENDED:
            await loop.run_in_executor(worker, keeper.tend)
            tended = loop.time()
        await loop.run_in_executor(worker, keeper.lapse)
        await asyncio.sleep(1)


class Verbs:
    """What each verb of the hooks' socket does."""

    def __init__(
        self, home: NodeHome, settings: Settings, keeper: Keeper, gate: Gate, link: Link, worker: ThreadPoolExecutor
    ) -> None:
        self._home, self._keeper, self._gate, self._link, self._worker = home, keeper, gate, link, worker
        self._confine = Confine(settings.steppers)
        self.refused: dict[str, int] = {}
        self.table: dict[str, Verb] = {
            "wait-job": self._wait,
            "remove-job": self._remove,
            "confine": self._move,
            "status": self._status,
            "release": self._release,
        }

    async def _wait(self, caller: Caller, asked: Request) -> Answer:
        if not asked.job:
            return Answer("refused", "wait-job needs a job")
        if not self._keeper.job(asked.job)[0]:
            await self._link.note("wanted", asked.job)
        return await self._gate.wait(asked.job, asked.deadline)

    async def _remove(self, caller: Caller, asked: Request) -> Answer:
        if not asked.job:
            return Answer("refused", "remove-job needs a job")
        left = await self._do(self._keeper.remove_job, asked.job)
        left += await self._do(self._confine.drop, asked.job)
        self._gate.changed()
        await self._link.note("ended", asked.job)
        return Answer("refused", "still in force: " + "; ".join(left)) if left else Answer("done", "removed")

    async def _move(self, caller: Caller, asked: Request) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(None, self._confine.move, caller, asked.job)

    async def _status(self, caller: Caller, asked: Request) -> Answer:
        slots = self._keeper.slots
        status = Status(
            host=self._home.host,
            connected=self._gate.connected,
            server=f"{self._home.server[0]}:{self._home.server[1]}",
            sequence=slots.counter("sequence"),
            slots=self._keeper.held(),
            refused=slots.refused() | dict(self.refused),
            unsent=len(slots.unsent()),
            missed=slots.counter("missed"),
            released_until=self._keeper.released(),
            on_outage=self._gate.on_outage,
            mended=slots.counter("mended"),
        )
        said = ["connected" if status.connected else "not connected", *map(_told, status.slots)]
        return Answer("done", "; ".join(filter(None, said)), status)

    async def _release(self, caller: Caller, asked: Request) -> Answer:
        if asked.token is None:
            return Answer("refused", "release needs a token")
        answer: Answer = await self._do(self._keeper.release, asked.token)
        self._gate.changed()
        return answer

    async def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)


def _told(slot: Held) -> str:
    """What an operator has to know of a slot; "" where it is as ordered."""
    if slot.state != FAILED:
        return ""
    name = f"{slot.target}/{slot.job}" if slot.job else slot.target
    return f"{name} failed ({slot.error[:200]}), {slot.stands[:16] or 'nothing of ours'} stands"


def _say(what: str) -> None:
    """One line of the process's log: standard error, for systemd's journal."""
    sys.stderr.write(msgspec.json.encode({"at": round(time.time(), 3), "enforcer": what}).decode() + "\n")
    sys.stderr.flush()
