"""The follower's Unix socket: the controller's hooks ask, one line each way; root and the Slurm user, nobody else."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from ringfence.app.enforcer.hooks import caller_of
from ringfence.errors import InputError, UsageError
from ringfence.wire import hooks, jobs
from ringfence.wire.hooks import Answer
from ringfence.wire.jobs import Request

LINE_TIME = 10.0
"""Seconds for a line to arrive."""
LONGEST = 1 << 17
"""Bytes of a line: a hostlist of 10,000 names that share nothing."""


class JobSocket:
    """The socket at `path`, served while the context is open. `masters` are uids; `do` carries one request out."""

    def __init__(self, path: Path, do: Callable[[Request], Answer], masters: frozenset[int]) -> None:
        self._path, self._do, self._masters = path, do, masters

    async def __aenter__(self) -> "JobSocket":
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if self._path.is_socket():
                self._path.unlink()  # the lock on the server's folder says that nobody serves it
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST)
            self._path.chmod(0o666)  # the Slurm user has to reach it; the kernel tells who asks
        except OSError as error:
            raise UsageError(f"{self._path}: {error.strerror}", "a shorter path, a folder of ours") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(hooks.encode(await self._answer(writer.get_extra_info("socket"), reader)))
            async with asyncio.timeout(LINE_TIME):
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked has gone; what was begun is finished
        finally:
            writer.close()

    async def _answer(self, connection: socket.socket, reader: asyncio.StreamReader) -> Answer:
        if caller_of(connection).uid not in self._masters:
            return Answer("refused", "jobs are told by root and the Slurm user")
        try:
            async with asyncio.timeout(LINE_TIME):
                asked = jobs.request(await reader.readuntil(b"\n"))
        except (TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return Answer("refused", f"no line of at most {LONGEST} bytes came in time")
        except InputError as error:
            return Answer("refused", error.what)
        return await asyncio.to_thread(self._do, asked)
