"""The agent's loop: every source on its own, what they say to disk and out; until SIGTERM.

A source never waits for the server or for another source: what it says goes to the spool at once. A source that breaks
is a hole, and is tried again every minute.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.agent.lineage import Lineage
from ringfence.app.agent.sensor import DROP, HOLE, RESUME, SPOOL, Out, Sensor
from ringfence.app.agent.settings import Settings
from ringfence.app.agent.sources import Opened, opened, wanted
from ringfence.collect.telemetry.samplers.base import Sampler
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import UsageError
from ringfence.wire.ocsf.event import Event
from ringfence.wire.telemetry import URGENT

TICK = 0.25
"""Seconds that an event waits for company."""
AWAY = 8
"""Ticks that it waits while the server is away."""
AGAIN = 60.0
"""Seconds until a source that is a hole is tried again; the hole is told each time that its reason changes, and
every hour."""
TOLD_AGAIN = 3600.0
GATHER = 0.02
"""Seconds that a pushed source is left alone between two looks: what comes meanwhile is read in one go."""
SHARE = 50
"""A source that is asked and took a while is left alone for so many times as long: at most 2 % of a core each."""
PUSHED_SHARE = 10
"""The same of a source that is pushed, which may be flooded."""
SYNC = 5.0
OWN = "agent"


class Agent:
    """The sources of one machine. `out` takes blocks of lines, `lineage` the facts if any are wanted."""

    def __init__(self, machine: Machine, settings: Settings, out: Out, lineage: Lineage | None = None) -> None:
        self._machine, self._settings, self._lineage = machine, settings, lineage
        self.names = tuple(wanted(settings))
        self._sensors = {name: Sensor(name, machine, out, settings.rate) for name in (*self.names, OWN)}
        self.own = self._sensors[OWN]
        self.own.works = True

    @property
    def lanes(self) -> tuple[str, ...]:
        """Every lane that lines may come on."""
        return tuple(lane for name in self._sensors for lane in (name, name + URGENT))

    def jobs(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs as long as the agent does."""
        return (self._keep(name) for name in self.names)

    def tick(self, flush: bool = True) -> None:
        """What is due by the clock."""
        now = time.monotonic()
        for sensor in self._sensors.values():
            sensor.tick(now)
            if flush:
                sensor.flush()

    def once(self, rounds: int = 2, pause: float = 1.0) -> None:
        """A few looks at every source that works, for people to see."""
        found = [(self._sensors[name], opened(name, self._machine, self._settings)) for name in self.names]
        for number in range(rounds):
            time.sleep(pause if number else 0)
            for sensor, one in found:
                if one.sampler is not None:
                    try:
                        self._take(sensor, one.sampler, list(one.sampler.look()))
                    except OSError as error:
                        sensor.tell(HOLE, f"{sensor.name} broke: {error}", seconds=0.0)
        for sensor, one in found:
            self._hole(sensor, one)
            if one.sampler is not None:
                one.sampler.close()
        self.tick()

    async def _keep(self, name: str) -> None:
        sensor, told, when = self._sensors[name], "", 0.0
        while True:
            one = opened(name, self._machine, self._settings)
            if one.why != told or time.monotonic() - when > TOLD_AGAIN:
                self._hole(sensor, one)
                told, when = one.why, time.monotonic()
            sensor.works = one.sampler is not None
            if one.sampler is not None:
                try:
                    await self._watch(sensor, one.sampler, one.descriptor)
                except OSError as error:
                    sensor.tell(HOLE, f"{name} broke: {error}", seconds=0.0)
                finally:
                    sensor.works = False
                    with contextlib.suppress(OSError):
                        one.sampler.close()
            await asyncio.sleep(AGAIN)

    async def _watch(self, sensor: Sensor, sampler: Sampler, descriptor: int | None) -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, sensor.name) if sampler.slow else None
        try:
            while True:
                clock = time.perf_counter if pool else time.thread_time  # not what a busy machine makes it wait
                begun = clock()
                if pool:
                    found = await loop.run_in_executor(pool, lambda: list(sampler.look()))
                else:
                    found = list(sampler.look())
                self._take(sensor, sampler, found)
                cost = clock() - begun
                if descriptor is None:
                    await asyncio.sleep(max(sampler.every - cost, SHARE * cost if not pool else 0.0))
                else:
                    await asyncio.sleep(max(TICK if sensor.tired else GATHER, PUSHED_SHARE * cost))
                    await _readable(descriptor, sampler.every)
        finally:
            if pool:
                pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, sensor: Sensor, sampler: Sampler, found: Sequence[Event]) -> None:
        for event in found:
            sensor.take(event)
            if self._lineage:
                self._lineage.take(event)
        lost = sampler.lost()
        if lost:
            sensor.drop(lost)

    def _hole(self, sensor: Sensor, one: Opened) -> None:
        if one.why:
            lesser = f"{one.about.how} instead: " if one.sampler else ""
            sensor.tell(HOLE, f"{lesser}{one.why}; {one.remedy}", seconds=0.0)


async def _readable(descriptor: int, within: float) -> None:
    """Wait until a descriptor has something, or `within` seconds."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(within):
            await ready.wait()
    except TimeoutError:
        return
    finally:
        loop.remove_reader(descriptor)


def check(machine: Machine, settings: Settings) -> list[dict[str, str]]:
    """Every source: what it tells, what it needs, whether it works here, and what it cannot see."""
    rows = []
    for name in wanted(settings):
        one = opened(name, machine, settings)
        if one.sampler is not None:
            one.sampler.close()
        state = "works" if one.sampler and not one.why else "lesser" if one.sampler else "hole"
        rows.append(
            {
                "source": name,
                "state": state,
                "how": one.about.how,
                "tells": one.about.what,
                "needs": one.about.needs,
                "lacks": one.why,
                "remedy": one.remedy,
                "blind": one.about.blind,
            }
        )
    return rows


def printed(machine: Machine, settings: Settings, *, once: bool) -> None:
    """Lines to standard output, without any server; until SIGINT unless `once`."""

    def out(lane: str, data: bytes, count: int) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    agent = Agent(machine, settings, out)
    if once:
        agent.once()
    else:
        asyncio.run(_until_told(agent, ()))


def say(what: str) -> None:
    """One line of the process's log: standard error, for systemd's journal."""
    sys.stderr.write(msgspec.json.encode({"at": round(time.time(), 3), "agent": what}).decode() + "\n")
    sys.stderr.flush()


def serve(folder: Path, machine: Machine, settings: Settings, facts: Path | None, to: tuple[str, int] | None,
          name: str) -> None:  # fmt: skip
    """Run the agent of an enrolled node until SIGTERM or SIGINT. Raises `UsageError`."""
    from ringfence.app.agent.feed import Spooled
    from ringfence.app.agent.link import Link
    from ringfence.app.enforcer.home import NodeHome

    home = NodeHome(folder)
    if home.role != "agent":
        raise UsageError(f"{folder} is enrolled as {home.role}", "`ringfence enrol token --role agent` on the server")
    home.lock()
    machine.host = home.host.partition(":")[2]
    spool = Spooled(folder / "spool", settings.spool_mib << 20)
    agent = Agent(machine, settings, spool.put, Lineage(facts) if facts else None)
    link = Link(home, spool, say, agent.lanes, to, name)
    state = spool.rest
    away = max(0.0, time.time() - state.since) if state.since else 0.0
    agent.own.tell(RESUME, f"the agent starts; its spool was {state.found}", seconds=away)
    asyncio.run(_until_told(agent, (link.run(), _spooling(agent, spool, link)), lambda: link.connected))
    agent.tick()
    spool.close()


async def _spooling(agent: Agent, spool: Any, link: Any) -> None:
    """Tell what the spool dropped and when it fills; have the disk keep what waits."""
    told = False
    while True:
        await asyncio.sleep(SYNC)
        for lane, count in spool.dropped().items():
            agent.own.tell(DROP, f"the spool was full: {lane}", count=count)
        away = not link.connected
        if away:
            await asyncio.get_running_loop().run_in_executor(None, spool.sync)
        if away != told:
            told = away
            agent.own.tell(SPOOL, "the server is away" if away else "the server is back", count=spool.waiting)


async def _until_told(
    agent: Agent, more: Sequence[Coroutine[Any, Any, None]], connected: Callable[[], bool] = lambda: True
) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)

    async def ticking() -> None:
        count = 0
        while True:
            await asyncio.sleep(TICK)
            count += 1
            agent.tick(connected() or count % AWAY == 0)

    tasks = [asyncio.create_task(one) for one in (*agent.jobs(), ticking(), *more, _wait(done))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    failed = [task.exception() for task in tasks if task.done() and task.exception()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed and failed[0]:
        raise failed[0]


async def _wait(done: asyncio.Event) -> None:
    await done.wait()
