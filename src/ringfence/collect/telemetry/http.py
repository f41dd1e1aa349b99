"""One small HTTP/1.1 door for tools that post their logs: OTLP, Falco and Falcosidekick, an API server's audit.

    POST /v1/logs            OTLP as JSON                 → {"partialSuccess": {}}
    POST /falco              an alert of Falco's, or several, one a line
    POST /kubernetes-audit   an API server's EventList
    POST /logs               NDJSON of any form that is recognised

Only JSON is taken: a web page cannot post that to another origin without being asked first, and nobody answers here.
On loopback the Host that was asked for has to be an address or `localhost`, so that no name can be bent to it.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address

import msgspec

from ringfence.collect.telemetry.heard import Heard
from ringfence.wire.logs import recognise
from ringfence.wire.logs.form import LONGEST_LINE

ROUTES: Mapping[str, str] = {
    "/v1/logs": "otlp",
    "/falco": "falco",
    "/kubernetes-audit": "kubernetes-audit",
    "/logs": "",
}
"""Path → form; "" where it is recognised. OTLP and audit come as one document, the others one a line."""
_WHOLE = ("otlp", "kubernetes-audit")
LONGEST_HEAD = 16 << 10
LONGEST_BODY = LONGEST_LINE
PATIENCE = 30.0
"""Seconds for a request to arrive whole, and for room to become free for it."""
AT_ONCE = 32
"""Bodies in memory; more wait their turn."""
_REQUESTS = 1000
"""Requests on one connection, after which it is closed."""
_SAYS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
_SAYS |= {411: "Length Required", 413: "Content Too Large", 415: "Unsupported Media Type"}
_SAYS |= {431: "Request Header Fields Too Large", 503: "Service Unavailable"}

Put = Callable[[Heard], Awaitable[None]]
Drop = Callable[[str, str], None]


class Refused(Exception):
    """An answer other than 200; after it the connection is closed."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Head(msgspec.Struct, frozen=True):
    """A request without its body. Names of headers in lower case; a header that comes twice is refused."""

    method: str
    path: str
    headers: Mapping[str, str]


class Door:
    """What every connection of one listener shares."""

    def __init__(self, loopback: bool, put: Put, drop: Drop) -> None:
        self._loopback, self._put, self._drop = loopback, put, drop
        self._bodies = asyncio.Semaphore(AT_ONCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        """One connection until it ends. `peer` is its address."""
        for _ in range(_REQUESTS):
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await _head(reader)
                if found is None:
                    return
                said = await self._served(reader, writer, found, peer)
                await _answer(writer, 200, said)
            except Refused as error:
                self._drop(f"http/{peer}", f"refused with {error.status}")
                await _answer(writer, error.status, {"error": error.why}, close=True)
                return

    async def _served(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, found: Head, peer: str
    ) -> dict[str, object]:
        form = self._checked(found)
        try:
            async with asyncio.timeout(PATIENCE), self._bodies:
                await self._take(reader, writer, found, form, peer)
        except TimeoutError:
            raise Refused(503, "not taken in time, send it again") from None
        return {"partialSuccess": {}} if form == "otlp" else {}

    def _checked(self, found: Head) -> str:
        form = ROUTES.get(found.path)
        if form is None:
            raise Refused(404, "one of " + ", ".join(ROUTES))
        if found.method != "POST":
            raise Refused(405, "POST")
        kind = found.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/json", "application/x-ndjson"):
            raise Refused(415, "only application/json and application/x-ndjson; for OTLP, encoding: json")
        if self._loopback and not _plain(found.headers.get("host", "")):
            raise Refused(403, "the Host is no address of this machine")
        return form

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, found: Head, form: str, peer: str
    ) -> None:
        if found.headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(reader, found)
        known = form
        if not form:
            recognised = recognise(body)
            if recognised is None or not recognised.json:
                raise Refused(400, "no form of log that is known")
            known = recognised.name
        source = f"{known}/{peer}"
        for line in (body,) if form in _WHOLE else body.split(b"\n"):
            if line.strip():
                await self._put(Heard(source, known, line))


async def _head(reader: asyncio.StreamReader) -> Head | None:
    """The next request's head; None where the other side has ended."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise Refused(400, "cut short") from None
        return None
    except asyncio.LimitOverrunError:
        raise Refused(431, "the headers are too long") from None
    if len(raw) > LONGEST_HEAD:
        raise Refused(431, "the headers are too long")
    first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refused(400, "no request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or name in headers:
            raise Refused(400, "a header that is none, or comes twice")
        headers[name] = value.strip()
    return Head(words[0], words[1].partition("?")[0], headers)


async def _body(reader: asyncio.StreamReader, found: Head) -> bytes:
    if "transfer-encoding" in found.headers:
        raise Refused(411, "a body comes with its Content-Length")
    said = found.headers.get("content-length", "")
    if not (said.isascii() and said.isdigit()):
        raise Refused(411, "a body comes with its Content-Length")
    if len(said) > 9 or int(said) > LONGEST_BODY:
        raise Refused(413, f"at most {LONGEST_BODY:,} bytes")
    try:
        body = await reader.readexactly(int(said))
    except asyncio.IncompleteReadError:
        raise Refused(400, "cut short") from None
    encoding = found.headers.get("content-encoding", "identity").lower()
    if encoding == "gzip":
        return _unpacked(body)
    if encoding != "identity":
        raise Refused(415, "gzip, or not packed at all")
    return body


def _unpacked(body: bytes) -> bytes:
    """A gzip body of at most `LONGEST_BODY` bytes, whatever it would grow to."""
    unpacker = zlib.decompressobj(31)
    try:
        found = unpacker.decompress(body, LONGEST_BODY + 1)
    except zlib.error as error:
        raise Refused(400, f"not gzip: {error}") from None
    if len(found) > LONGEST_BODY:
        raise Refused(413, f"at most {LONGEST_BODY:,} bytes")
    if not unpacker.eof:
        raise Refused(400, "not gzip: cut short")
    return found


def _plain(host: str) -> bool:
    """Whether a Host header names an address or `localhost`."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def _answer(writer: asyncio.StreamWriter, status: int, said: Mapping[str, object], close: bool = False) -> None:
    body = msgspec.json.encode(said)
    lines = [f"HTTP/1.1 {status} {_SAYS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    if close:
        lines.append("Connection: close")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    async with asyncio.timeout(PATIENCE):
        await writer.drain()
