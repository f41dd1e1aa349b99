"""Listeners for what tools send: syslog, NDJSON, and one small HTTP port for OTLP and Falco.

        syslog/UDP ──┐
        syslog/TCP ──┤  bounded in size, time, connections       ┌▶ Heard(source, form, line)
        NDJSON ──────┼────────────────────────────▶ a queue ─────┤
        HTTP POST ───┘  full: TCP and HTTP senders wait          └▶ Lost(source, count): datagrams dropped

Nobody proves here who he is: a source is the listener and the address that a line came from, and whoever may send from
that address may say anything. Hence loopback unless an address is named. Agents have another door, with certificates.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

import msgspec

from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.http import LONGEST_HEAD, Door
from ringfence.errors import UsageError
from ringfence.wire.logs import recognise
from ringfence.wire.logs.feed import Lines
from ringfence.wire.logs.frames import Frames

KINDS = ("syslog-udp", "syslog-tcp", "ndjson", "ndjson-unix", "http")
WAITING = 8192
"""Lines that may wait for whoever reads; a datagram more is dropped and counted."""
CONNECTIONS = 256
OF_ONE = 32
"""Connections in all, and from one address; one more is closed at once."""
LONGEST = 256 << 10
"""Bytes of a line or message over TCP."""
QUIET = 3600.0
"""Seconds without a byte after which a connection is closed; senders of logs come again."""
_PIECE = 64 << 10
_DATAGRAM = 64 << 10
_OVERFLOW = 40
"""SO_RXQ_OVFL of Linux: each datagram tells how many before it the kernel had to drop."""
_BURST = 256
_BUFFER = 4 << 20
_ELSEWHERE = "name another address or port, or end what listens there"


class At(msgspec.Struct, frozen=True):
    """Where one listener listens: its kind, and `host` and `port`, or the `path` of a Unix socket."""

    kind: str
    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""


class Lost(msgspec.Struct, frozen=True):
    """`count` messages of a source that were dropped since the last such word; `why` in a few."""

    source: str
    count: int
    why: str


def parse(text: str) -> At:
    """`syslog-udp:5514`, `http:10.0.0.1:4318`, `ndjson:[::1]:7000`, `ndjson-unix:/run/x.sock`. Raises `UsageError`.

    Without an address it is loopback.
    """
    kind, _, rest = text.partition(":")
    remedy = "for example syslog-udp:5514, http:127.0.0.1:4318 or ndjson-unix:/run/ringfence/logs.sock"
    if kind not in KINDS or not rest:
        raise UsageError(f"{text!r} names no listener", remedy)
    if kind == "ndjson-unix":
        return At(kind, path=rest)
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    try:
        ip_address(host)
    except ValueError:
        raise UsageError(f"{host!r} is no address of this machine", remedy) from None
    if not (port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise UsageError(f"{port!r} is no port", remedy)
    return At(kind, host, int(port))


class Listeners:
    """`async with Listeners(places) as heard: async for one in heard: …`; `ports` are the real ones, in order."""

    def __init__(self, places: Iterable[At], waiting: int = WAITING) -> None:
        self._places, self._most = tuple(places), waiting
        self._waiting: deque[Heard] = deque()
        self._told, self._room = asyncio.Event(), asyncio.Event()
        self._lost: Counter[tuple[str, str]] = Counter()
        self._dropped: dict[int, int] = {}
        self._from: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        self._paths: list[Path] = []
        self.ports: list[int] = []

    async def __aenter__(self) -> "Listeners":
        for place in self._places:
            try:
                await self._begin(place)
            except OSError as error:
                await self._end()
                where = place.path or f"{place.host}:{place.port}"
                why = os.strerror(error.errno) if error.errno else error
                raise UsageError(f"cannot listen on {where} for {place.kind}: {why}", _ELSEWHERE) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def __aiter__(self) -> AsyncIterator[Heard | Lost]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
                self._room.set()
            taken, self._lost = self._lost, Counter()
            for (source, why), count in sorted(taken.items()):
                yield Lost(source, count, why)
            if not self._waiting and not self._lost:
                self._told.clear()
                await self._told.wait()

    async def _begin(self, place: At) -> None:
        loop = asyncio.get_running_loop()
        if place.kind == "ndjson-unix":
            path = Path(place.path)
            with contextlib.suppress(FileNotFoundError):
                if path.is_socket():
                    path.unlink()
            heard = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            heard.bind(place.path)
            path.chmod(0o600)  # before it listens, so that nobody else is let in for a moment
            self._paths.append(path)
            self._servers.append(await asyncio.start_unix_server(self._server(place), sock=heard))
            self.ports.append(0)
            return
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        if place.kind == "syslog-udp":
            heard = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._sockets.append(heard)
            heard.setsockopt(socket.SOL_SOCKET, _OVERFLOW, 1)
            heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            heard.bind((place.host, place.port))
            loop.add_reader(heard, self._datagrams, heard)
            self.ports.append(heard.getsockname()[1])
            return
        server = await asyncio.start_server(
            self._server(place), place.host, place.port, family=family, limit=LONGEST_HEAD
        )
        self._servers.append(server)
        self.ports.append(server.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        for heard in self._sockets:
            loop.remove_reader(heard)
            heard.close()
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink()

    async def _put(self, one: Heard) -> None:
        """Into the queue; waits while it is full, and its sender with it."""
        while len(self._waiting) >= self._most:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(one)
        self._told.set()

    def _drop(self, source: str, why: str, count: int = 1) -> None:
        self._lost[source, why] += count
        self._told.set()

    def _datagrams(self, heard: socket.socket) -> None:
        """Up to `_BURST` datagrams, so that a flood leaves the others their turn."""
        for _ in range(_BURST):
            try:
                data, extra, _, peer = heard.recvmsg(_DATAGRAM, socket.CMSG_SPACE(4))
            except OSError:  # nothing there, or an error of an earlier answer: the next look tells
                return
            for level, kind, value in extra:
                if level == socket.SOL_SOCKET and kind == _OVERFLOW:
                    self._overflowed(heard.fileno(), struct.unpack("@I", value[:4])[0])
            source = f"syslog/{_bare(peer[0])}"
            if len(self._waiting) < self._most:
                self._waiting.append(Heard(source, "syslog", data.rstrip(b"\r\n\0")))
                self._told.set()
            else:
                self._drop(source, "too many waited")

    def _overflowed(self, number: int, total: int) -> None:
        """The kernel counts since the socket began, all senders together, so none is blamed."""
        before = self._dropped.get(number, 0)
        if total > before:
            self._dropped[number] = total
            self._drop("syslog", "the socket's buffer was full", total - before)

    def _server(self, place: At) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        door = (
            Door(place.host.startswith("127.") or place.host == "::1", self._put, self._drop)
            if place.kind == "http"
            else None
        )

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            peer = _peer(writer)
            if len(self._tasks) >= CONNECTIONS or self._from[peer] >= OF_ONE:
                self._drop(f"{place.kind}/{peer}", "a connection too many")
                writer.close()
                return
            self._tasks.add(task)
            self._from[peer] += 1
            try:
                if door:
                    await door.serve(reader, writer, peer)
                else:
                    await self._stream(place, reader, peer)
            except (OSError, asyncio.CancelledError):  # broken, silent for too long, or the listener has ended
                pass
            finally:
                self._tasks.discard(task)
                self._from[peer] -= 1
                if not self._from[peer]:
                    del self._from[peer]
                writer.close()

        return served

    async def _stream(self, place: At, reader: asyncio.StreamReader, peer: str) -> None:
        cut: Frames | Lines = Frames(LONGEST) if place.kind == "syslog-tcp" else Lines(LONGEST)
        form = "syslog" if place.kind == "syslog-tcp" else ""
        source = f"{place.kind.partition('-')[0]}/{peer}"
        while True:
            async with asyncio.timeout(QUIET):
                data = await reader.read(_PIECE)
            for line in cut.feed(data) if data else cut.end():
                if not form and (found := recognise(line)) and found.json:
                    form = found.name
                if len(line) > LONGEST:
                    self._drop(source, "a line too long")
                elif line and not form:
                    self._drop(source, "no form of log that is known")
                elif line:
                    await self._put(Heard(source, form, line))
            if not data:
                return


def _bare(address: str) -> str:
    """An address without its interface; IPv4 within IPv6 as IPv4."""
    found = ip_address(address.partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)


def _peer(writer: asyncio.StreamWriter) -> str:
    """The peer's address; over a Unix socket its user's number, as the kernel has it."""
    connection = writer.get_extra_info("socket")
    if connection.family == socket.AF_UNIX:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return f"uid{struct.unpack('3i', raw)[1]}"
    name = writer.get_extra_info("peername")
    return _bare(name[0]) if name else "gone"
