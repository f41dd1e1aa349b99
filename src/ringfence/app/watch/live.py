"""`ringfence watch --listen`, `--follow`, `--nats`: until it is ended, whatever comes in becomes incidents.

agents, relays ─TLS─▶ Listening ─┐
syslog, NDJSON, HTTP ─▶ Doors ───┼─▶ engine: embedded (a folder) or a cluster's part (NATS)
files that grow ─────▶ Doors ────┘        └─▶ incidents: database, told; verdicts come back the same way
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.watch import keeping
from ringfence.app.watch.doors import Doors, beside
from ringfence.app.watch.embedded import embedded
from ringfence.app.watch.made import Made
from ringfence.app.watch.past import HISTORY
from ringfence.app.watch.read import Forms
from ringfence.app.watch.recorded import recorded
from ringfence.app.watch.sink import Decoded, Put
from ringfence.app.watch.stages import Verdict
from ringfence.collect.telemetry.listen import At, Listeners, parse
from ringfence.errors import StateError
from ringfence.store import incidents
from ringfence.store.journal import durable
from ringfence.store.state import Database
from ringfence.watch.batch import of_events
from ringfence.watch.values import Incident
from ringfence.wire.ocsf.event import Event

DATABASE = "watch.db"
ABOUT, STATUS = "live", "status.json"
"""Folder and file of how it stands: beside the engine's own, which other threads write."""
_NOTICED = 1000
_EVERY = 2.0
"""Seconds between two looks at verdicts, and two words about how it stands."""

Told = Callable[[str], None]
Changed = Callable[[Incident], None]


class Live(msgspec.Struct, frozen=True):
    """What to watch. `agents` is a server's folder and an address, for agents and relays; `doors` are open listeners.

    `processes` beside this one take the node stages of the embedded engine. With `nats` the engine is a part (`role`)
    of a cluster; without, it is on this machine, in `home`.
    """

    home: Path
    doors: tuple[At, ...] = ()
    files: tuple[Path, ...] = ()
    agents: tuple[Path, tuple[str, int]] | None = None
    nats: tuple[str, ...] = ()
    role: str = "all"
    forms: Forms = Forms()
    processes: int = 0


def run(live: Live, made: Made, told: Told, changed: Changed) -> None:
    """Watch until SIGTERM or SIGINT. Raises `UsageError`, `StateError`, `MissingPart`."""
    durable.ensure(live.home)
    live.home.chmod(0o700)
    asyncio.run(_run(live, made, told, changed))


async def _run(live: Live, made: Made, told: Told, changed: Changed) -> None:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_engine(live, made, told, changed))
        await stack.enter_async_context(_ways_in(live, engine, told))
        await stack.enter_async_context(beside(_looking(live, made, engine)))
        await done.wait()


@contextlib.asynccontextmanager
async def _engine(live: Live, made: Made, told: Told, changed: Changed) -> AsyncIterator[Any]:
    if not live.nats:
        async with embedded(live.home, made.stages(), told, changed, processes=live.processes) as engine:
            yield engine
        return
    from ringfence.app.watch.cluster import follow_incidents, joined  # nats-py is an extra

    with contextlib.closing(Database.open(live.home / DATABASE)) as database:
        async with joined(live.nats, live.role, made.stages(), told) as cluster:

            def keep(number: int, one: Incident) -> None:
                for new in keeping.keep(database, [one], "rf.incidents", number):
                    changed(new)

            after = incidents.position(database, "rf.incidents")
            async with beside(follow_incidents(cluster.link, after, keep)):
                yield cluster


@contextlib.asynccontextmanager
async def _ways_in(live: Live, engine: Any, told: Told) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        put = await stack.enter_async_context(recorded(live.home / HISTORY, engine.put, told))
        doors = Doors(put, told, live.forms)
        if live.doors:
            listeners = await stack.enter_async_context(Listeners(live.doors))
            for place, port in zip(live.doors, listeners.ports, strict=True):
                told(f"{place.kind} on {place.path or f'{place.host}:{port}'}: anybody there may say anything")
            await stack.enter_async_context(beside(doors.lines(listeners)))
        if live.files:
            await stack.enter_async_context(beside(doors.files(list(live.files), live.home / ABOUT)))
        if live.agents:
            await stack.enter_async_context(_agents(live.agents, put, told))
        yield


@contextlib.asynccontextmanager
async def _agents(agents: tuple[Path, tuple[str, int]], put: Put, told: Told) -> AsyncIterator[None]:
    from ringfence.app.orders.home import ServerHome  # cryptography is an extra
    from ringfence.app.watch.listen import Listening, for_many
    from ringfence.app.watch.vouched import relays_of

    folder, address = agents
    for_many()
    noticed: asyncio.Queue[Event] = asyncio.Queue(_NOTICED)

    def notice(event: Event) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # a flood of forgeries is told as one
            noticed.put_nowait(event)

    async def passed_on() -> None:
        while True:
            record = of_events([await noticed.get()]).record
            with contextlib.suppress(StateError):  # the engine has no room: agents are told so too, and it is counted
                await put(record, True)

    sink = Decoded(put, notice)
    async with (
        Listening.serving(ServerHome(folder), address, sink, relays_of(folder)) as listening,
        beside(passed_on()),
    ):
        told(f"agents on {address[0]}:{listening.port}, with their certificates")
        yield


async def _looking(live: Live, made: Made, engine: Any) -> None:
    """Verdicts that people gave go to the engine; how it stands goes into a file."""
    with contextlib.closing(Database.open(live.home / DATABASE)) as database:
        given = len(incidents.verdicts(database))
        while True:
            await asyncio.sleep(_EVERY)
            said = incidents.verdicts(database)
            for one in said[given:]:
                await engine.verdict(Verdict(one.incident, one.verdict))
            given = len(said)
            durable.put(live.home / ABOUT, STATUS, msgspec.json.encode(_status(made, engine)))


def _status(made: Made, engine: Any) -> Mapping[str, Any]:
    joint = made.joint
    return {
        "at": time.time(),
        "threats": dict(joint.threats()) if joint else {},
        "held_back": dict(joint.held()) if joint else {},
        "uncounted": dict(joint.uncounted()) if joint else {},
        "faults": dict(joint.faults) if joint else {},
        "events": msgspec.to_builtins(engine.counted),
    }


def listening(texts: Sequence[str]) -> Iterator[At]:
    """The listeners that are named, else those that `--listen` opens by itself, all on loopback."""
    for text in texts or ("syslog-udp:5514", "syslog-tcp:5514", "ndjson:5515", "http:4318"):
        yield parse(text)
