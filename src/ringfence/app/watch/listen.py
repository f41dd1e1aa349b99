"""The server's end of the telemetry channel: agents and relays in, blocks to a sink, acknowledged when it has them.

        agent ─Block─▶ who is it, by certificate and enrolment ─▶ await sink.lines("host:a/files", data, first, urgent)
        relay ─Batch─▶ rows of hosts that it may speak for     ─▶ await sink.rows(record, urgent)
              ◀─Took── once the sink's promise is kept: the sender forgets it

How `ringfence watch --listen` uses it:

    async with Listening.serving(home, ("0.0.0.0", 8444), sink, relays_of(home.folder)) as listening:
        …                                   # listening.port, listening.connected, listening.counted

A sink keeps events for good before its `lines` or `rows` returns, or raises `RingfenceError`: then nothing is
acknowledged, the connection ends, and the sender comes again with the same numbers. What comes twice (an
acknowledgement was lost) is told by source and number, which `watch.loss` drops. Calls for one source begin in order.
Bounded: `WINDOW` blocks of one peer and `ROOM` bytes of all are held at a time; who sends more waits.
"""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa

from ringfence.app.orders.home import ServerHome
from ringfence.app.orders.joining import Joining
from ringfence.app.watch import vouched
from ringfence.errors import RingfenceError
from ringfence.store.ledger import Ledger
from ringfence.store.state import enrolments
from ringfence.store.state.database import Database
from ringfence.transport import tls
from ringfence.transport.authority import RELAY, Holder
from ringfence.transport.listen import Listener
from ringfence.transport.peer import ConnectionEnded, expect
from ringfence.transport.telemetry import MISSED, TelemetryPeer
from ringfence.wire import telemetry
from ringfence.wire.channel import Beat, Join, Refused
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.logsources import USUAL
from ringfence.wire.telemetry import Agent, Batch, Block, Ready, Took

HEARTBEAT = 15.0
WINDOW = 64
ROOM = 256 << 20
"""Bytes of blocks that are with the sink."""
KNOWN = 5.0
"""Seconds for which a key that was found good is not asked for again: a revocation takes effect within."""
EACH = 10
"""Attempts of one peer to speak for another that are told; from then on every hundredth."""
AGENT = "agent"
_REJECTED = 6


class Sink(Protocol):
    """Where blocks go. Each returns once it has them for good, or raises `RingfenceError`."""

    async def lines(self, source: str, data: bytes, first: int, urgent: bool) -> None:
        """NDJSON of one source, as `watch.ndjson.batch` reads it."""

    async def rows(self, record: pa.RecordBatch, urgent: bool) -> None:
        """Rows of several sources, stamped and checked."""

    def told(self, event: Event) -> None:
        """What this end noticed by itself: TELEMETRY rejected."""


class Counted(msgspec.Struct):
    """Blocks and batches that the sink has, bytes of them, and what was refused."""

    blocks: int = 0
    batches: int = 0
    bytes: int = 0
    refused: int = 0
    foreign: int = 0
    failed: int = 0


class Listening:
    """See above. `connected` are sessions by `host:…/role`."""

    def __init__(self, home: ServerHome, sink: Sink, relays: Mapping[str, Sequence[str]]) -> None:
        self._home, self._sink = home, sink
        self._relays = {relay: frozenset(hosts) for relay, hosts in relays.items()}
        self._state: Database = home.state()
        self._ledger: Ledger = home.ledger()
        self._joining = Joining(home, self._state, self._ledger)
        self._good: dict[str, tuple[float, bool]] = {}
        self._tried: Counter[str] = Counter()
        self._held = 0
        self._room = asyncio.Event()
        self.connected: dict[str, TelemetryPeer] = {}
        self.counted = Counted()
        self.heartbeat, self.known = HEARTBEAT, KNOWN
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def serving(
        cls,
        home: ServerHome,
        address: tuple[str, int],
        sink: Sink,
        relays: Mapping[str, Sequence[str]] | None = None,
        heartbeat: float = HEARTBEAT,
    ) -> AsyncIterator["Listening"]:
        """A server that listens while the block runs. Raises `UsageError`, `StateError`."""
        made = cls(home, sink, relays or {})
        made.heartbeat = heartbeat
        folder = home.folder
        context = tls.server_context(folder / "server.pem", folder / "server.key", folder / "authority.pem")
        with closing(made._state), closing(made._ledger):
            async with Listener(address, context, made._serve, TelemetryPeer) as listener:
                made.port = listener.port
                yield made

    async def _serve(self, peer: TelemetryPeer, known: Callable[[], None]) -> None:
        holder = peer.holder()
        greeting = expect(await peer.receive(tls.HANDSHAKE, telemetry.LONGEST_OF_AGENT), Join, Agent)
        if isinstance(greeting, Join):
            await peer.send(self._joining.join(greeting, holder))
            return
        assert isinstance(greeting, Agent)
        why = self._unwelcome(holder, greeting)
        if why or holder is None:
            self.counted.refused += 1
            if holder:
                self._foreign(holder, why)
            await peer.send(Refused(why))
            return
        known()
        await self._session(holder, peer)

    def _unwelcome(self, holder: Holder | None, hello: Agent) -> str:
        if holder is None:
            return "no certificate: join first"
        if hello.version != telemetry.VERSION:
            return f"version {hello.version} of the channel, this server speaks {telemetry.VERSION}"
        if (hello.host, hello.role) != (holder.host, holder.role):
            return f"the certificate is that of {holder.host} as {holder.role}, not of {hello.host} as {hello.role}"
        if holder.role not in (AGENT, RELAY):
            return f"{holder.role} does not send telemetry"
        if holder.role == RELAY and holder.host not in self._relays:
            return f"{holder.host} is no relay of any host: name its hosts in {vouched.FILE}"
        return "" if self._enrolled(holder.public, holder.host, holder.role) else "this key is not enrolled, or revoked"

    def _enrolled(self, public: str, host: str, role: str) -> bool:
        """Whether this key is that host's in this role, now or a moment ago."""
        key, now = f"{public}/{host}/{role}", time.monotonic()
        when, good = self._good.get(key, (-self.known, False))
        if now - when > self.known:
            found = enrolments.by_key(self._state, bytes.fromhex(public))
            good = found is not None and (found.holder, found.role) == (host, role)
            if len(self._good) > 1 << 16:
                self._good.clear()
            self._good[key] = (now, good)
        return good

    async def _session(self, holder: Holder, peer: TelemetryPeer) -> None:
        name = f"{holder.host}/{holder.role}"
        earlier = self.connected.get(name)
        if earlier:  # the same key: a connection that is half open, or a second process that has to give way
            earlier.close()
        self.connected[name] = peer
        window, tasks = asyncio.Semaphore(WINDOW), set[asyncio.Task[None]]()
        try:
            await peer.send(Ready(self._home.about.service, self.heartbeat, WINDOW))
            await self._listen(holder, peer, window, tasks)
        finally:
            for task in tasks:
                task.cancel()
            if self.connected.get(name) is peer:
                del self.connected[name]

    async def _listen(
        self, holder: Holder, peer: TelemetryPeer, window: asyncio.Semaphore, tasks: set[asyncio.Task[None]]
    ) -> None:
        relay = holder.role == RELAY
        most = 0 if relay else telemetry.LONGEST_OF_AGENT
        while self._enrolled(holder.public, holder.host, holder.role):
            await window.acquire()
            while self._held > ROOM:
                self._room.clear()
                await self._room.wait()
            message = expect(await peer.receive(MISSED * self.heartbeat, most), Batch if relay else Block, Beat, Join)
            if isinstance(message, (Block, Batch)):
                task = asyncio.create_task(self._take(holder, peer, message, window))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                continue
            window.release()
            if isinstance(message, Join):
                await peer.send(self._joining.renew(message, holder))
            elif isinstance(message, Beat) and message.answer:
                await peer.send(Beat())
        await peer.send(Refused("this key was revoked"))

    async def _take(
        self, holder: Holder, peer: TelemetryPeer, message: Block | Batch, window: asyncio.Semaphore
    ) -> None:
        size = len(message.data)
        self._held += size
        try:
            if isinstance(message, Block):
                source = f"{holder.host}/{message.sensor}"
                await self._sink.lines(source, message.data, message.first, message.urgent)
                self.counted.blocks += 1
            else:
                await self._batch(holder, message)
                self.counted.batches += 1
            self.counted.bytes += size
            await peer.send(Took(message.number))
        except (RingfenceError, ConnectionEnded):
            self.counted.failed += 1
            peer.close()  # not taken: it comes again
        finally:
            self._held -= size
            self._room.set()
            window.release()

    async def _batch(self, holder: Holder, message: Batch) -> None:
        hosts = self._relays[holder.host]
        good = {host for host, key in message.keys.items() if host in hosts and self._enrolled(key, host, AGENT)}
        record, wrong = vouched.checked(message.data, good)
        for source, count in wrong.items():
            self._foreign(holder, f"rows of {source[:200]}", count)
        if record.num_rows:
            await self._sink.rows(record, message.urgent)

    def _foreign(self, holder: Holder, why: str, count: int = 1) -> None:
        """Somebody with a good certificate said what is not theirs to say."""
        self.counted.foreign += count
        self._tried[holder.host] += 1
        tried = self._tried[holder.host]
        if tried <= EACH or tried % 100 == 0:
            fields: dict[str, Value] = {
                "telemetry.of": f"{holder.host}/{holder.role}",
                "telemetry.count": count,
                "telemetry.why": why[:500],
            }
            host = holder.host.partition(":")[2]
            now = time.time_ns() // 1000
            self._sink.told(Event(TELEMETRY, _REJECTED, now, host, USUAL[TELEMETRY], fields))


def relays_of(folder: Path) -> dict[str, tuple[str, ...]]:
    """Relays and the hosts that they may speak for, from `relays.toml` in the server's folder. Raises `InputError`."""
    return vouched.relays_of(folder)


def for_many() -> None:
    """Make this process ready for ten thousand connections: descriptors, and little memory for each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tls.for_many_connections()
