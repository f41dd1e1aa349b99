"""The server's Unix socket for commands on its own machine, and the commands' end of it."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ringfence.app.orders.home import CONTROL
from ringfence.app.orders.issuer import desired
from ringfence.app.orders.server import OrderServer
from ringfence.errors import EnforceError, InputError, RingfenceError, UsageError
from ringfence.store.ledger import Desired
from ringfence.wire import control
from ringfence.wire.channel import Slot
from ringfence.wire.control import Ask, Connected, End, Message, Node, Result, Send
from ringfence.wire.orders import MENDED


class Control:
    """Serves the socket while the context is open. Its mode, 0600, is the whole of its access control."""

    def __init__(self, server: OrderServer, path: Path) -> None:
        self._server, self._path = server, path

    async def __aenter__(self) -> "Control":
        if self._path.is_socket():
            self._path.unlink()  # the lock on the folder says that nobody serves it
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(os.fspath(self._path))
                self._path.chmod(0o600)
                made.setblocking(False)
                self._listening = await asyncio.start_unix_server(self._serve, sock=made.dup())
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror or error}", "a shorter path, a folder of ours") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(4), "big")
            if size > control.LONGEST:
                raise InputError("a request that is too long")
            async for answer in self._answers(control.decode(await reader.readexactly(size))):
                writer.write(control.encode(answer))
                await writer.drain()
        except InputError as error:
            writer.write(control.encode(End(error.what)))
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone; what was ordered goes on
        finally:
            writer.close()

    async def _answers(self, asked: Message) -> AsyncIterator[Message]:
        if isinstance(asked, Ask):
            yield Connected(self._nodes())
        elif isinstance(asked, Send):
            made = partial(desired, target=asked.target, action=asked.action, text=asked.text, name=asked.name)
            wanted = [made(host, job=asked.job, covers=asked.covers) for host in dict.fromkeys(asked.hosts)]
            try:
                self._server.desire(wanted)
            except EnforceError as error:
                raise InputError(error.what) from None
            for answer in asyncio.as_completed([self._order(one, asked.timeout) for one in wanted]):
                yield await answer
        else:
            raise InputError("this is not for the server")
        yield End()

    def _nodes(self) -> tuple[Node, ...]:
        sessions, counted = self._server.connected, self._server.counted()
        made = []
        for host in sorted(sessions.keys() | {host for host, _ in counted}):
            foreign, mended = counted.get((host, "foreign"), 0), counted.get((host, MENDED), 0)
            one = sessions.get(host)
            told = (one.since, tuple(map(_slot, one.strays)), one.lacking) if one else (0, (), ())
            made.append(Node(host, *told, foreign, mended))
        return tuple(made)

    async def _order(self, wanted: Desired, timeout: float) -> Result:
        try:
            return Result(wanted.host, *await self._server.order(wanted, timeout))
        except EnforceError as error:
            return Result(wanted.host, None, "", error.what, error.remedy, error.left)
        except RingfenceError as error:
            return Result(wanted.host, None, "", error.what, error.remedy)


class ControlClient:
    """The other end, for programs on the server's machine: `folder` is the server's. One connection a call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONTROL

    def send(self, hosts: Sequence[str], target: str, action: str, text: str = "", **more: Any) -> Iterator[Result]:
        """Order every host and yield what became of each, as it comes. `more`: name, job, covers, timeout."""
        for answer in self._ask(Send(tuple(hosts), target, action, text, **more)):
            if isinstance(answer, Result):
                yield answer

    def connected(self) -> tuple[Node, ...]:
        """Who is connected."""
        return tuple(node for node in self.nodes() if node.since)

    def nodes(self) -> tuple[Node, ...]:
        """Who is connected, and who is not but was counted."""
        return next(one.nodes for one in self._ask(Ask()) if isinstance(one, Connected))

    def _ask(self, asked: Message) -> Iterator[Message]:
        """Raises `UsageError` where no server answers, `EnforceError` where it does not take the request."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(os.fspath(self._path))
                connection.sendall(control.encode(asked))
                with connection.makefile("rb") as file:
                    while not isinstance(answer := _read(file), End):
                        yield answer
        except OSError as error:
            raise UsageError(
                f"no server answers at {self._path}: {error}", "is `ringfence fence serve` running?"
            ) from None
        if answer.error:
            raise EnforceError(f"the server did not take the request: {answer.error}")


def _read(file: BinaryIO) -> Message:
    header = file.read(4)
    body = file.read(int.from_bytes(header, "big")) if len(header) == 4 else b""
    if not body:
        raise ConnectionResetError("the server closed the connection")
    return control.decode(body)


def _slot(slot: Slot) -> str:
    return f"{slot.target}/{slot.job}" if slot.job else slot.target
