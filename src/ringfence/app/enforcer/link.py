"""The one connection out: dial, greet, take orders, return receipts; for ever, whatever the server does.

        dial ─▶ Hello ─▶ Welcome ─▶ orders in, receipts out, beats ─┐
          ▲                                                         │ lost, refused, silent
          └────────────── wait (doubling, up to a minute) ◀─────────┘

Orders are carried out one after the other by one worker thread, so that the connection stays alive meanwhile.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import msgspec

from ringfence.app.enforcer.gate import Gate
from ringfence.app.enforcer.home import NodeHome
from ringfence.app.enforcer.keeper import Keeper
from ringfence.errors import InputError
from ringfence.store.slots import IN_FORCE
from ringfence.transport.dial import dial, waits
from ringfence.transport.peer import ConnectionEnded, Peer, expect
from ringfence.wire import channel, orders
from ringfence.wire.channel import Beat, Give, Hello, Joined, Noted, Refused, Report, Took, Welcome
from ringfence.wire.orders import Envelope

GREETING = 15.0
"""Seconds for the server to answer `Hello`: it may first ask another connection of ours whether it still lives."""
MISSED = 3
"""Heartbeats without a sign of life after which a connection counts as dead."""
AHEAD = 16
"""Orders that wait here; the server's next one waits on the wire."""

_ENVELOPE = msgspec.json.Decoder(Envelope)


class Link:
    """The enforcer's end of the order channel. `said` is told what happens, for the log."""

    def __init__(
        self, home: NodeHome, keeper: Keeper, gate: Gate, worker: Executor, said: Callable[[str], None]
    ) -> None:
        self._home, self._keeper, self._gate, self._worker, self._said = home, keeper, gate, worker, said
        self._peer: Peer | None = None
        self._given: asyncio.Queue[Give | None] = asyncio.Queue(AHEAD)

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        pause = waits()
        while True:
            try:
                await self._once()
            except (ConnectionEnded, InputError) as error:
                self._said(str(error))
                if self._gate.connected:
                    pause = waits()
            finally:
                self._gate.connected, self._peer = False, None
            await asyncio.sleep(next(pause))

    async def note(self, what: str, job: str) -> None:
        """Tell the server of a job, if it is there: a hint for it, nothing here depends on it."""
        if self._peer and self._gate.connected:
            try:
                await self._peer.send(Noted(what, job))
            except ConnectionEnded:
                return

    def wake(self) -> None:
        """There may be receipts that no order led to: send them, if the server is there."""
        if not self._given.full():
            self._given.put_nowait(None)

    async def _once(self) -> None:
        peer = await dial(self._home.server, self._home.context())
        try:
            await peer.send(self._hello())
            answer = expect(await peer.receive(GREETING, channel.LONGEST_GREETING), Welcome, Refused)
            if isinstance(answer, Refused):
                raise ConnectionEnded(f"the server refuses this node: {answer.why}")
            assert isinstance(answer, Welcome)
            self._peer, self._gate.connected = peer, True
            self._said(f"connected to {answer.server}")
            await self._talk(peer, answer.heartbeat)
        finally:
            peer.close()

    async def _talk(self, peer: Peer, heartbeat: float) -> None:
        given = self._given = asyncio.Queue(AHEAD)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(peer, given, MISSED * heartbeat))
                tasks.create_task(self._work(peer, given))
                tasks.create_task(self._beat(peer, heartbeat))
        except* (ConnectionEnded, InputError) as group:
            raise ConnectionEnded(str(group.exceptions[0])) from None

    async def _listen(self, peer: Peer, given: asyncio.Queue[Give | None], silence: float) -> None:
        if self._home.renewal_due():
            await peer.send(self._home.renewal())
        while True:
            message = expect(await peer.receive(silence), Give, Took, Beat, Joined)
            if isinstance(message, Give):
                await given.put(message)
            elif isinstance(message, Took):
                self._keeper.slots.took(message.order)
            elif isinstance(message, Joined):
                self._home.renew(message)
            elif isinstance(message, Beat) and message.answer:
                await peer.send(Beat())

    async def _work(self, peer: Peer, given: asyncio.Queue[Give | None]) -> None:
        reported: set[str] = set()
        while True:
            for order, data, text in self._keeper.slots.unsent(reported):
                await peer.send(Report(_ENVELOPE.decode(data), text))
                reported.add(order)
            message = await given.get()
            if message:
                await self._do(self._keeper.take, message.envelope, message.text)

    async def _beat(self, peer: Peer, heartbeat: float) -> None:
        while True:
            await asyncio.sleep(heartbeat)
            await peer.send(Beat(answer=True))

    async def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        # shielded: a lost connection must not leave an order half accounted for
        future = asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)
        future.add_done_callback(lambda _: self._gate.changed())
        return await asyncio.shield(future)

    def _hello(self) -> Hello:
        slots = tuple(
            channel.Slot(one.target, one.job, orders.digest(one.desired) if one.state == IN_FORCE else "")
            for one in self._keeper.slots.all()
        )
        return Hello(self._home.host, self._keeper.slots.counter("sequence"), slots, targets=self._keeper.targets)
