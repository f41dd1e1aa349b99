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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.app.watch import keeping
from ringfence.app.watch.doors import Doors, beside, offered, telling
from ringfence.app.watch.embedded import embedded
from ringfence.app.watch.made import Made
from ringfence.app.watch.members import ROLES
from ringfence.app.watch.past import HISTORY
from ringfence.app.watch.read import Forms
from ringfence.app.watch.recorded import Logged, recorded
from ringfence.app.watch.sink import Decoded, Put
from ringfence.app.watch.stages import Verdict
from ringfence.collect.telemetry.listen import At, Listeners, parse
from ringfence.errors import StateError, UsageError
from ringfence.estate.threats import THREATS
from ringfence.store import incidents
from ringfence.store.journal import durable
from ringfence.store.state import Database
from ringfence.watch.batch import of_events
from ringfence.watch.threat_state import UNDER_WAY, UNKNOWN
from ringfence.watch.values import Incident
from ringfence.wire.ocsf.event import Event

if TYPE_CHECKING:
    from ringfence.app.watch.listen import Listening  # cryptography is an extra
    from ringfence.transport.nats.stream import Link  # nats-py is an extra
    from ringfence.watch.engine import JointStage

DATABASE = "watch.db"
ABOUT, STATUS = "live", "status.json"
"""Folder and file of how it stands: beside the engine's own, which other threads write."""
_NOTICED = 1000
_EVERY = 2.0
"""Seconds between two looks at verdicts, and two words about how it stands."""
_AGAIN = 2.0
_INCIDENTS, _VERDICTS = "rf.incidents", "verdicts"
"""Names under which the database keeps how far these were read."""
_ELSEWHERE = "the joint stage is not here, or is not ready: the process that has it knows (--role joint, or all)"
_ANOTHER = "name a folder that you may write with --home"

Told = Callable[[str], None]
Changed = Callable[[Incident], None]


class Live(msgspec.Struct, frozen=True):
    """What to watch. `agents` is a server's folder and an address, for agents and relays; `doors` are open listeners.

    `processes` beside this one take the node stages of the embedded engine. With `nats` the engine is a part (`role`)
    of a cluster, whose streams take `nats_storage` MiB of each server (0: as usual); without, it is on this machine,
    in `home`.
    """

    home: Path
    doors: tuple[At, ...] = ()
    files: tuple[Path, ...] = ()
    agents: tuple[Path, tuple[str, int]] | None = None
    nats: tuple[str, ...] = ()
    role: str = "all"
    forms: Forms = Forms()
    processes: int = 0
    nats_storage: int = 0


class _Ways(msgspec.Struct, frozen=True):
    """The ways in that are open."""

    doors: Doors
    agents: "Listening | None" = None


def run(live: Live, made: Made, told: Told, changed: Changed) -> None:
    """Watch until SIGTERM or SIGINT. Raises `UsageError`, `StateError`, `MissingPart`."""
    if live.role not in ROLES:
        raise UsageError(f"{live.role!r} is not a role", f"a role is one of {', '.join(ROLES)}")
    if live.nats_storage and not live.nats:
        raise UsageError("the streams' size is for watching over NATS", "--nats URL names its servers")
    try:
        durable.ensure(live.home)
        live.home.chmod(0o700)
    except OSError as error:
        raise UsageError(f"{live.home} cannot be the watch's folder: {error.strerror}", _ANOTHER) from None
    asyncio.run(_run(live, made, told, changed))


async def _run(live: Live, made: Made, told: Told, changed: Changed) -> None:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_engine(live, made, told, changed))
        ways = await stack.enter_async_context(_ways_in(live, engine, told))
        await stack.enter_async_context(beside(_looking(live, made, engine, ways, told)))
        told("watching; SIGTERM or Ctrl-C ends it")
        await done.wait()
        told("ending")


@contextlib.asynccontextmanager
async def _engine(live: Live, made: Made, told: Told, changed: Changed) -> AsyncIterator[Any]:
    if not live.nats:
        logged = Logged(live.home / HISTORY, told)
        home, stages = live.home, made.stages()
        async with (
            embedded(home, stages, told, changed, processes=live.processes, recorded=logged.position) as engine,
            logged.following(engine),
        ):
            yield engine
        return
    from ringfence.app.watch.cluster import joined  # nats-py is an extra
    from ringfence.transport.nats.layout import Layout

    layout = Layout.within(live.nats_storage) if live.nats_storage else None
    with contextlib.closing(Database.open(live.home / DATABASE)) as database:
        async with (
            joined(live.nats, live.role, made.stages(), told, layout=layout) as cluster,
            beside(_following(cluster.link, database, told, changed)),
        ):
            yield cluster


async def _following(link: "Link", database: Database, told: Told, changed: Changed) -> None:
    """Keep every incident that any process of the cluster finds. While the disk is full they wait where they are."""
    from ringfence.app.watch.cluster import follow_incidents

    def keep(number: int, one: Incident) -> None:
        for new in keeping.keep(database, [one], _INCIDENTS, number):
            changed(new)

    while True:
        try:
            await follow_incidents(link, incidents.position(database, _INCIDENTS), keep)
        except StateError as error:
            told(f"incidents wait: {error}")
            await asyncio.sleep(_AGAIN)


@contextlib.asynccontextmanager
async def _ways_in(live: Live, engine: Any, told: Told) -> AsyncIterator[_Ways]:
    async with contextlib.AsyncExitStack() as stack:
        put = engine.put
        if live.nats:
            put = await stack.enter_async_context(recorded(live.home / HISTORY, put, told))
            told("a history beside NATS lacks up to a minute of events if this process is killed; incidents lack none")
        doors = Doors(put, told, live.forms)
        if live.doors:
            listeners = await stack.enter_async_context(Listeners(live.doors))
            for place, port in zip(live.doors, listeners.ports, strict=True):
                told(f"{place.kind} on {place.path or f'{place.host}:{port}'}: anybody there may say anything")
            await stack.enter_async_context(beside(doors.lines(listeners)))
        if live.files:
            await stack.enter_async_context(beside(doors.files(list(live.files), live.home / ABOUT)))
        agents = await stack.enter_async_context(_agents(live.agents, put, told)) if live.agents else None
        yield _Ways(doors, agents)


@contextlib.asynccontextmanager
async def _agents(agents: tuple[Path, tuple[str, int]], put: Put, told: Told) -> "AsyncIterator[Listening]":
    from ringfence.app.orders.home import ServerHome  # cryptography is an extra
    from ringfence.app.watch.listen import Listening, for_many
    from ringfence.app.watch.vouched import collectors_of, relays_of

    folder, address = agents
    for_many()
    noticed: asyncio.Queue[Event] = asyncio.Queue(_NOTICED)

    def notice(event: Event) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # a flood of forgeries is told as one, and counted by the listener
            noticed.put_nowait(event)

    async def passed_on() -> None:
        while True:
            await offered(put, of_events([await noticed.get()]).record, True, told)

    sink = Decoded(telling(put, told), notice, collectors_of(folder))
    async with (
        Listening.serving(ServerHome(folder), address, sink, relays_of(folder)) as listening,
        beside(passed_on()),
    ):
        told(f"agents on {address[0]}:{listening.port}, with their certificates")
        yield listening


async def _looking(live: Live, made: Made, engine: Any, ways: _Ways, told: Told) -> None:
    """Verdicts that people gave go to the engine, each once; how it stands goes into a file."""
    troubled = ""
    with contextlib.closing(Database.open(live.home / DATABASE)) as database:
        while True:
            try:
                await _verdicts(database, engine)
                joint = made.joint if not live.nats or engine.has_joint else None
                said = await engine.ask(partial(_status, joint)) | _counts(engine, ways)
                said |= threats_told(said["threats"], keeping.kept(database, ("open",)))
                durable.put(live.home / ABOUT, STATUS, msgspec.json.encode(said))
                trouble = ""
            except (OSError, StateError) as error:  # a full disk, or NATS away: tried again, told once
                trouble = f"{live.home / ABOUT / STATUS} is not up to date, verdicts may wait: {error}"
            if trouble and trouble != troubled:
                told(trouble)
            troubled = trouble
            await asyncio.sleep(_EVERY)


async def _verdicts(database: Database, engine: Any) -> None:
    """A verdict counts as passed on when the engine has it for good; one that is passed on again changes nothing."""
    for number, one in incidents.said_after(database, incidents.position(database, _VERDICTS)):
        await engine.verdict(Verdict(one.incident, one.verdict))
        incidents.put(database, (), _VERDICTS, number)


def _status(joint: "JointStage | None") -> dict[str, Any]:
    return {
        "threats": dict(joint.threats()) if joint else {},
        "held_back": dict(joint.held()) if joint else {},
        "uncounted": dict(joint.uncounted()) if joint else {},
        "faults": dict(joint.faults) if joint else {},
    }


def threats_told(known: Mapping[str, str], open_incidents: Sequence[Incident]) -> dict[str, Any]:
    """Each threat's state. What the joint stage does not say here is unknown, unless an incident tells of it."""
    under_way = {threat for one in open_incidents for threat in one.threats}
    found = {one: UNDER_WAY if one in under_way else known.get(one, UNKNOWN) for one in THREATS}
    return {"threats": found, "unknown": _ELSEWHERE if UNKNOWN in found.values() else ""}


def _counts(engine: Any, ways: _Ways) -> dict[str, Any]:
    agents = ways.agents
    return {
        "at": time.time(),
        "live": True,
        "events": msgspec.to_builtins(engine.counted),
        "doors": {"not_events": ways.doors.problems, "dropped": ways.doors.dropped},
        "agents": {"connected": len(agents.connected), **msgspec.to_builtins(agents.counted)} if agents else {},
    }


def listening(texts: Sequence[str]) -> Iterator[At]:
    """The listeners that are named, else those that `--listen` opens by itself, all on loopback."""
    for text in texts or ("syslog-udp:5514", "syslog-tcp:5514", "ndjson:5515", "http:4318"):
        yield parse(text)
