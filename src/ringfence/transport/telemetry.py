"""The sending end of a telemetry connection: frames out while the window is open, acknowledgements back.

feed ──next──▶ Block, Batch ─▶ ≤ window on their way ─▶ server
feed ◀──took── ◀───────────── Took ◀─────────────────────┘
feed ◀──rewind                     the connection ended: what was not acknowledged is sent again
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ringfence.errors import InputError
from ringfence.transport.peer import ConnectionEnded, End, expect
from ringfence.wire import telemetry
from ringfence.wire.channel import Beat, Join, Joined, Refused
from ringfence.wire.telemetry import Agent, Batch, Block, Message, Ready, Took

GREETING = 15.0
"""Seconds for the other side to answer a greeting."""
MISSED = 3
"""Heartbeats without a sign of life after which a connection counts as dead."""


class TelemetryPeer(End[Message]):
    """The other side of a telemetry channel."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer, telemetry.CODEC)


class Feed(Protocol):
    """What is to be sent. `more` is set whenever `next` may have something again."""

    more: asyncio.Event

    def next(self, number: int) -> Block | Batch | None:
        """The next frame, under this number; None where there is none now."""

    def took(self, number: int) -> None:
        """The frame of this number is at the server for good."""

    def rewind(self) -> None:
        """The connection is gone: what was not taken is to be sent again, under new numbers."""


class Renewal(Protocol):
    """Certificates that run out: what to ask for, and what to do with the answer."""

    def renewal_due(self) -> bool:
        """Whether to ask."""

    def renewal(self) -> Join:
        """The request."""

    def renew(self, answer: Joined) -> None:
        """Take the answer."""


async def talk(
    peer: TelemetryPeer, greeting: Agent, feed: Feed, renewal: Renewal, ready: Callable[[Ready], None]
) -> None:
    """Greet and send until the connection ends, which it tells by `ConnectionEnded` or `InputError`.

    `ready` is told once the other side has taken the connection.
    """
    await peer.send(greeting)
    answer = expect(await peer.receive(GREETING, telemetry.LONGEST_OF_AGENT), Ready, Refused)
    if isinstance(answer, Refused):
        raise ConnectionEnded(f"refused: {answer.why}")
    assert isinstance(answer, Ready)
    ready(answer)
    feed.rewind()
    window = asyncio.Semaphore(answer.window)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_listen(peer, feed, renewal, window, MISSED * answer.heartbeat))
            tasks.create_task(_send(peer, feed, window))
            tasks.create_task(_beat(peer, answer.heartbeat))
    except* (ConnectionEnded, InputError) as group:
        raise ConnectionEnded(str(group.exceptions[0])) from None


async def _send(peer: TelemetryPeer, feed: Feed, window: asyncio.Semaphore) -> None:
    number = 0
    while True:
        await window.acquire()
        while True:
            feed.more.clear()
            frame = feed.next(number + 1)
            if frame is not None:
                break
            await feed.more.wait()
        number += 1
        await peer.send(frame)


async def _listen(peer: TelemetryPeer, feed: Feed, renewal: Renewal, window: asyncio.Semaphore, silence: float) -> None:
    if renewal.renewal_due():
        await peer.send(renewal.renewal())
    while True:
        message = expect(await peer.receive(silence, telemetry.LONGEST_OF_AGENT), Took, Beat, Joined, Refused)
        if isinstance(message, Took):
            feed.took(message.number)
            window.release()
        elif isinstance(message, Joined):
            renewal.renew(message)
        elif isinstance(message, Refused):
            raise ConnectionEnded(f"refused: {message.why}")
        elif isinstance(message, Beat) and message.answer:
            await peer.send(Beat())


async def _beat(peer: TelemetryPeer, heartbeat: float) -> None:
    while True:
        await asyncio.sleep(heartbeat)
        await peer.send(Beat(answer=True))
