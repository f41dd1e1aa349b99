"""The listening end: accepts, bounds how many strangers are heard at once, and hands each peer to its handler."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from ringfence.errors import InputError, UsageError
from ringfence.transport.peer import ConnectionEnded, End
from ringfence.transport.tls import HANDSHAKE

STRANGERS = 1024
"""Connections that have not said who they are; one more is closed at once."""
OF_ONE = 128
"""Of these, from one address: a single machine cannot keep the others out."""

E = TypeVar("E", bound=End[Any])
Handler = Callable[[E, Callable[[], None]], Awaitable[None]]
"""Serves one peer until it returns; calls its second argument when the peer is no stranger any more."""


class Listener(Generic[E]):
    """`async with Listener(address, context, handler, Peer) as listener:`; `listener.port` is the real port.

    `end` makes a peer of a connection's reader and writer: it says which messages are spoken.
    `turned_away` counts connections over the limit, `failed` handshakes and peers that spoke nonsense.
    """

    def __init__(
        self,
        address: tuple[str, int],
        context: ssl.SSLContext,
        handler: Handler[E],
        end: Callable[[asyncio.StreamReader, asyncio.StreamWriter], E],
    ) -> None:
        self._context, self._handler, self._end = context, handler, end
        self._strangers: dict[asyncio.Task[None], str] = {}
        self._from: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.turned_away = self.failed = 0
        try:
            self._socket = socket.create_server(address, backlog=1024, reuse_port=False)
        except OSError as error:
            where, why = f"{address[0]}:{address[1]}", error.strerror
            remedy = "name another address or port, or end what listens there"
            raise UsageError(f"cannot listen on {where}: {why}", remedy) from None
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    async def __aenter__(self) -> "Listener[E]":
        self._acceptor = asyncio.create_task(self._accept())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._acceptor, *self._tasks):
            task.cancel()
        await asyncio.gather(self._acceptor, *self._tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._socket)
            except OSError:  # out of descriptors, or the peer is gone already: others are still served
                await asyncio.sleep(0.1)
                continue
            if len(self._strangers) >= STRANGERS or self._from[address[0]] >= OF_ONE:
                self.turned_away += 1
                connection.close()
                continue
            task = asyncio.create_task(self._serve(connection))
            self._strangers[task] = address[0]
            self._from[address[0]] += 1
            self._tasks.add(task)
            task.add_done_callback(self._known)
            task.add_done_callback(self._tasks.discard)

    def _known(self, task: "asyncio.Task[None]") -> None:
        """This one is no stranger any more."""
        address = self._strangers.pop(task, None)
        if address is not None:
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]

    async def _serve(self, connection: socket.socket) -> None:
        peer: E | None = None
        task = asyncio.current_task()
        assert task is not None
        try:
            peer = await self._greet(connection)
            await self._handler(peer, lambda: self._known(task))
        except (OSError, ConnectionEnded):
            pass
        except InputError:
            self.failed += 1
        finally:
            if peer:
                peer.close()

    async def _greet(self, connection: socket.socket) -> E:
        loop = asyncio.get_running_loop()
        # asyncio does so itself only for sockets that name their protocol; without it an order waits 40 ms for an ACK
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE
            )
        except (OSError, ssl.SSLError):
            self.failed += 1
            with contextlib.suppress(OSError):
                connection.close()
            raise
        return self._end(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
