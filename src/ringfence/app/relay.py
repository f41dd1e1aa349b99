"""A rack's relay: agents' lines in, record batches out to the server, acknowledgements back through it.

        agents ─Block─▶ certificate says who ─▶ columns, stamped ─▶ in company ≤ 0.2 s ─▶ Batch ─▶ server
               ◀─Took─ ◀──────────────────────────────────────────────────────────────── Took ◀─┘
                          what is urgent makes a batch of its own, at once

A relay keeps nothing: an agent is told `Took` when the server is, so what a relay loses is still in the agents' spools.
It vouches for whose rows they are, with the key that each agent showed; the server believes it for its own hosts only.
"""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from ringfence.app.agent.link import Link
from ringfence.app.agent.run import say
from ringfence.app.enforcer.home import AUTHORITY, CERTIFICATE, KEY, NodeHome
from ringfence.errors import UsageError
from ringfence.transport import tls
from ringfence.transport.arrow import joined, packed
from ringfence.transport.authority import RELAY, Holder
from ringfence.transport.listen import Listener
from ringfence.transport.peer import ConnectionEnded, expect
from ringfence.transport.telemetry import MISSED, TelemetryPeer
from ringfence.watch import ndjson
from ringfence.wire import telemetry
from ringfence.wire.channel import Beat, Join, Refused
from ringfence.wire.telemetry import Agent, Batch, Block, Ready, Took

COMPANY = 0.2
"""Seconds that lines wait for those of other agents."""
FULL = 1 << 20
"""Bytes of lines of a batch; packed they are fewer."""
WINDOW = 16
ROOM = 64 << 20
"""Bytes of lines that wait for the server; agents wait beyond."""
HEARTBEAT = 15.0


class Pending:
    """One batch: its parts, whose keys they came with, and who waits for it to be taken."""

    def __init__(self, urgent: bool = False) -> None:
        self.urgent = urgent
        self.records: list[pa.RecordBatch] = []
        self.keys: dict[str, str] = {}
        self.size = 0
        self.taken = asyncio.Event()

    def add(self, holder: Holder, record: pa.RecordBatch, size: int) -> None:
        """Take a block's rows in."""
        self.records.append(record)
        self.keys[holder.host] = holder.public
        self.size += size

    def frame(self, number: int) -> Batch:
        """The batch as a message."""
        return Batch(number, packed(joined(self.records)), self.keys, self.urgent)


class Rack:
    """What waits, as the feed of the link to the server."""

    def __init__(self) -> None:
        self.more = asyncio.Event()
        self._ready: deque[Pending] = deque()
        self._way: dict[int, Pending] = {}
        self._open = Pending()
        self.held = 0
        self.room = asyncio.Event()

    async def put(self, holder: Holder, block: Block) -> None:
        """Send a block's rows on; returns when the server has them."""
        source, size = f"{holder.host}/{block.sensor}", len(block.data)
        record = ndjson.batch(block.data, source, block.first, time.time_ns() // 1000)[0].record
        if block.urgent:
            pending = Pending(urgent=True)
            pending.add(holder, record, size)
            self._ready.appendleft(pending)
            self.more.set()
        else:
            pending = self._open
            if pending.keys.get(holder.host, holder.public) != holder.public:  # the host rolled its key just now
                self.close()
                pending = self._open
            pending.add(holder, record, size)
            if pending.size >= FULL:
                self.close()
        self.held += size
        try:
            await pending.taken.wait()
        finally:
            self.held -= size
            self.room.set()

    def close(self) -> None:
        """What has company enough, or waited long enough, is ready."""
        if self._open.records:
            self._ready.append(self._open)
            self._open = Pending()
            self.more.set()

    def next(self, number: int) -> Batch | None:
        """The next batch."""
        if not self._ready:
            return None
        pending = self._way[number] = self._ready.popleft()
        return pending.frame(number)

    def took(self, number: int) -> None:
        """The server has it: so may the agents know."""
        pending = self._way.pop(number, None)
        if pending:
            pending.taken.set()

    def rewind(self) -> None:
        """The connection is gone: send again what was not taken, in the same order."""
        self._ready.extendleft(self._way[number] for number in sorted(self._way, reverse=True))
        self._way.clear()
        self.more.set()


class Relay:
    """The listening end. `rack` is its feed."""

    def __init__(self, home: NodeHome, rack: Rack) -> None:
        self._home, self._rack = home, rack
        self.agents: dict[str, TelemetryPeer] = {}

    async def serve(self, peer: TelemetryPeer, known: Callable[[], None]) -> None:
        """One agent, until it goes."""
        holder = peer.holder()
        hello = expect(await peer.receive(tls.HANDSHAKE, telemetry.LONGEST_OF_AGENT), Agent)
        if holder is None or holder.role != "agent" or (hello.host, hello.role) != (holder.host, holder.role):
            await peer.send(Refused("a relay takes agents with a certificate of their own"))
            return
        known()
        earlier = self.agents.get(holder.host)
        if earlier:
            earlier.close()
        self.agents[holder.host] = peer
        window, tasks = asyncio.Semaphore(WINDOW), set[asyncio.Task[None]]()
        try:
            await peer.send(Ready(self._home.host, HEARTBEAT, WINDOW))
            while True:
                await window.acquire()
                while self._rack.held > ROOM:
                    self._rack.room.clear()
                    await self._rack.room.wait()
                message = expect(await peer.receive(MISSED * HEARTBEAT, telemetry.LONGEST_OF_AGENT), Block, Beat, Join)
                if isinstance(message, Block):
                    task = asyncio.create_task(self._pass(holder, peer, message, window))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    continue
                window.release()
                if isinstance(message, Beat) and message.answer:
                    await peer.send(Beat())
        finally:
            for task in tasks:
                task.cancel()
            if self.agents.get(holder.host) is peer:
                del self.agents[holder.host]

    async def _pass(self, holder: Holder, peer: TelemetryPeer, block: Block, window: asyncio.Semaphore) -> None:
        try:
            await self._rack.put(holder, block)
            await peer.send(Took(block.number))
        except ConnectionEnded:
            peer.close()
        finally:
            window.release()


def start(folder: Path, address: tuple[str, int], server: tuple[str, int] | None, ready: Callable[[int], None]) -> None:
    """Relay until SIGTERM or SIGINT. Raises `UsageError`."""
    home = NodeHome(folder)
    if home.role != RELAY:
        raise UsageError(f"{folder} is enrolled as {home.role}", "`ringfence enrol token --role relay` on the server")
    home.lock()
    tls.for_many_connections()
    asyncio.run(_run(home, address, server, ready))


async def _run(
    home: NodeHome, address: tuple[str, int], server: tuple[str, int] | None, ready: Callable[[int], None]
) -> None:
    done, rack = asyncio.Event(), Rack()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    relay, link = Relay(home, rack), Link(home, rack, say, (), server)
    folder = home.folder
    context = tls.server_context(folder / CERTIFICATE, folder / KEY, folder / AUTHORITY)
    async with Listener(address, context, relay.serve, TelemetryPeer) as listener:
        ready(listener.port)
        tasks = [asyncio.create_task(one) for one in (link.run(), _company(rack), _wait(done))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _company(rack: Rack) -> None:
    while True:
        await asyncio.sleep(COMPANY)
        rack.close()


async def _wait(done: asyncio.Event) -> None:
    await done.wait()
