"""One end of an established connection: whole messages in and out, bounded in size and in time.

A peer that sends too much, too slowly or nonsense, or that does not read, costs its own connection and no more:
every wait has an end, and `close` never waits for the other side.
"""

import asyncio
import ssl
from typing import Any, Generic, TypeVar

from ringfence.errors import InputError
from ringfence.transport import tls
from ringfence.transport.authority import Holder
from ringfence.wire import channel
from ringfence.wire.frames import HEADER, Codec

FRAME_TIME = 60.0
"""Seconds for the body of a frame to arrive, and for one to leave."""


class ConnectionEnded(Exception):
    """The connection is gone; `str()` says how. Expected, and never shown to people as an error of ours."""


M = TypeVar("M")
S = TypeVar("S")


class End(Generic[M]):
    """The other side of a connection on which the messages of `codec` are spoken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, codec: Codec[M]) -> None:
        self._reader, self._writer, self._codec = reader, writer, codec
        self._sending = asyncio.Lock()
        self.received = asyncio.get_running_loop().time()
        """When the last whole message came, on the loop's clock."""

    def holder(self) -> Holder | None:
        """Whom the peer's certificate names; None without one. Raises `InputError`."""
        found: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return tls.peer_of(found) if found else None

    async def send(self, message: M) -> None:
        """One message, on its way when this returns. Raises `ConnectionEnded`; the connection is then closed."""
        frame = self._codec.encode(message)
        try:
            async with asyncio.timeout(FRAME_TIME), self._sending:
                self._writer.write(frame)
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            self.close()
            raise ConnectionEnded(f"cannot send: {error or 'the peer does not read'}") from None

    async def receive(self, silence: float, most: int = 0) -> M:
        """The next message, waited for `silence` seconds at most. Raises `ConnectionEnded` or `InputError`."""
        try:
            async with asyncio.timeout(silence):
                header = await self._reader.readexactly(HEADER)
            async with asyncio.timeout(FRAME_TIME):
                body = await self._reader.readexactly(self._codec.length(header, most))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ConnectionEnded(
                "the peer closed the connection" if isinstance(error, EOFError) else str(error)
            ) from None
        except TimeoutError:
            raise ConnectionEnded(f"nothing heard for {silence:g} s") from None
        message = self._codec.decode(body)
        self.received = asyncio.get_running_loop().time()
        return message

    def close(self) -> None:
        """End the connection now; what was not sent is dropped."""
        self._writer.transport.abort()


class Peer(End[channel.Message]):
    """The other side of an order channel. Made by `listen.Listener` and `dial.dial`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer, channel.CODEC)


def expect(message: Any, *shapes: type[S]) -> S:
    """The message, if it is of one of these shapes. Raises `InputError`."""
    if not isinstance(message, shapes):
        raise InputError(f"a message of kind {type(message).__name__.lower()} out of turn")
    return message
