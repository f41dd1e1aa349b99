"""The Unix socket of the enforcer: one line asked, one line answered, whoever asks is named by the kernel.

        accept ─▶ SO_PEERCRED ─▶ may this user ask this? ─▶ the verb ─▶ answer

Anybody on the host can connect, since `confine` is for ordinary users. So nobody is trusted to be quick, short or
alone: each line has a length and a time, each user a number of connections.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from ringfence.errors import InputError, RingfenceError, UsageError
from ringfence.wire import hooks
from ringfence.wire.hooks import Answer, Request

LINE_TIME = 10.0
"""Seconds for a line to arrive."""
AT_ONCE = 32
"""Connections that one ordinary user can have open."""
_CREDENTIALS = struct.Struct("=iII")


class Caller(msgspec.Struct, frozen=True):
    """Who connected (SO_PEERCRED of unix(7)): as the kernel saw them at `connect`."""

    pid: int
    uid: int
    gid: int


Verb = Callable[[Caller, Request], Awaitable[Answer]]


class Hooks:
    """The socket at `path`, served while the context is open. `masters` are the uids that may ask everything."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], masters: frozenset[int]) -> None:
        self._path, self._verbs, self._masters = path, verbs, masters
        self._open: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        """Refusals by reason; an ordinary user can make them grow, so they cost no disk."""

    async def __aenter__(self) -> "Hooks":
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if self._path.is_socket():
                self._path.unlink()  # the lock on the enforcer's folder says that nobody serves it
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=hooks.LONGEST_REQUEST)
            self._path.chmod(0o666)
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror}", "is another enforcer running?") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = caller_of(writer.get_extra_info("socket"))
        self._open[caller.uid] += 1
        try:
            writer.write(hooks.encode(await self._answer(caller, reader)))
            async with asyncio.timeout(LINE_TIME):
                await writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            self._open[caller.uid] -= 1
            writer.close()

    async def _answer(self, caller: Caller, reader: asyncio.StreamReader) -> Answer:
        if self._open[caller.uid] > AT_ONCE and caller.uid not in self._masters:
            return self._refuse("too many connections of one user")
        try:
            async with asyncio.timeout(LINE_TIME):
                line = await reader.readuntil(b"\n")
        except TimeoutError:
            return self._refuse("no line came in time")
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return self._refuse(f"no line of at most {hooks.LONGEST_REQUEST} bytes came")
        try:
            asked = hooks.request(line)
        except InputError as error:
            return self._refuse("not a request", error.what)
        if caller.uid not in self._masters and asked.verb not in hooks.OPEN_TO_ALL:
            return self._refuse(f"{asked.verb} is for root and the Slurm user")
        try:
            return await self._verbs[asked.verb](caller, asked)
        except RingfenceError as error:
            return self._refuse(f"{asked.verb} failed", error.what)

    def _refuse(self, why: str, detail: str = "") -> Answer:
        self.refused[why] += 1
        return Answer("refused", detail or why)


def caller_of(connection: socket.socket) -> Caller:
    """Who is at the other end of a Unix socket."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Caller(*_CREDENTIALS.unpack(data))


def ask(path: Path, request: Request, patience: float = 60.0) -> Answer:
    """One question to the enforcer at `path`, from a program on the node. Raises `UsageError` or `InputError`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            connection.connect(os.fspath(path))
            connection.sendall(hooks.encode(request))
            with connection.makefile("rb") as file:
                line = file.readline(hooks.LONGEST_ANSWER)
    except OSError as error:
        raise UsageError(f"no enforcer answers at {path}: {error}", "is `ringfence enforcer` running?") from None
    return hooks.answer(line)
