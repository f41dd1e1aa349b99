"""The listeners, by real sockets on loopback: what is sent is heard, and nobody can send too much of it."""

import asyncio
import contextlib
import gzip
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterable

import msgspec
import pytest

from ringfence.collect.telemetry import http
from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.listen import LONGEST, OF_ONE, At, Listeners, Lost, parse
from ringfence.errors import UsageError
from ringfence.wire.logs import form_named
from ringfence.wire.logs.feed import Streams
from tests.wire.logs.samples import AGENT, AUDIT, FALCO, OTLP, SYSLOG, lines


async def heard(listeners: Listeners, count: int) -> list[Heard | Lost]:
    """The next things that came in."""
    found: list[Heard | Lost] = []
    async with asyncio.timeout(10):
        async for one in listeners:
            found.append(one)
            if len(found) == count:
                break
    return found


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(path: str, body: bytes, *headers: str, method: str = "POST", kind: str = "application/json") -> bytes:
    lines_ = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines_, *headers, "", ""]).encode() + body


async def asked(port: int, raw: bytes) -> int:
    """The status that a request gets."""
    async with connected(port) as (reader, writer):
        writer.write(raw)
        async with asyncio.timeout(10):
            first = await reader.readline()
    return int(first.split()[1])


def told(found: Iterable[Heard | Lost]) -> list[tuple[str, str, bytes]]:
    return [(one.source, one.form, one.line) for one in found if isinstance(one, Heard)]


def test_datagrams_are_messages_by_their_senders_address():
    """One each, with whatever line feeds are in them."""

    async def run() -> None:
        async with Listeners([At("syslog-udp")]) as listeners:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(SYSLOG.encode(), ("127.0.0.1", listeners.ports[0]))
                sender.sendto(b"<13>a\n<13>b\n", ("127.0.0.1", listeners.ports[0]))
            found = told(await heard(listeners, 2))
        assert found == [
            ("syslog/127.0.0.1", "syslog", SYSLOG.rstrip().encode()),
            ("syslog/127.0.0.1", "syslog", b"<13>a\n<13>b"),
        ]

    asyncio.run(run())


def test_a_line_of_util_linuxs_logger_is_heard_and_understood():
    """A real sender, both of its dresses, over both transports."""
    logger = shutil.which("logger")
    if logger is None:
        pytest.skip("missing-part: logger (bsdutils)")

    async def run() -> None:
        async with Listeners([At("syslog-udp"), At("syslog-tcp")]) as listeners:
            udp, tcp = listeners.ports
            for options in (
                ("--udp", "--rfc3164", "--port", str(udp)),
                ("--udp", "--rfc5424", "--port", str(udp)),
                ("--tcp", "--rfc5424", "--octet-count", "--port", str(tcp)),
                ("--tcp", "--rfc3164", "--port", str(tcp)),
            ):
                said = "Accepted publickey for alice from 10.0.0.9 port 5 ssh2"
                sender = await asyncio.create_subprocess_exec(
                    logger, "--server", "127.0.0.1", *options, "--tag", "sshd", "--priority", "auth.info", said
                )
                assert await sender.wait() == 0
            found = told(await heard(listeners, 4))
        streams = Streams()
        for source, form, line in found:
            assert source == "syslog/127.0.0.1"
            ((_, event),) = streams.take(source, form_named(form), line)
            assert event.fields["user.name"] == "alice", line
            assert event.host
            assert event.time > 0

    asyncio.run(run())


def test_lines_over_tcp_are_recognised_by_connection():
    """NDJSON of two forms from two connections; a line that nobody knows is counted."""

    async def run() -> None:
        async with Listeners([At("ndjson")]) as listeners:
            for data in (lines(AGENT) * 2, lines(FALCO), b'{"a": 1}\n'):
                async with connected(listeners.ports[0]) as (_, writer):
                    writer.write(data)
                    await writer.drain()
            found = await heard(listeners, 4)
        assert sorted(form for _, form, _ in told(found)) == ["agent", "agent", "falco"]
        (lost,) = (one for one in found if isinstance(one, Lost))
        assert (lost.source, lost.count) == ("ndjson/127.0.0.1", 1)

    asyncio.run(run())


def test_a_unix_socket_is_its_owners_and_names_the_sender_by_user(tmp_path):
    """The kernel says who connects; one that was left behind is replaced."""

    async def run() -> None:
        path = tmp_path / "logs.sock"
        for _ in range(2):
            async with Listeners([At("ndjson-unix", path=str(path))]) as listeners:
                assert path.stat().st_mode & 0o777 == 0o600
                _, writer = await asyncio.open_unix_connection(path)
                writer.write(lines(AGENT))
                writer.close()
                ((source, form, _),) = told(await heard(listeners, 1))
                assert (source, form) == (f"ndjson/uid{os.getuid()}", "agent")
            assert not path.exists()
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(path))

    asyncio.run(run())


def test_a_line_over_tcp_that_is_too_long_is_counted_and_the_next_is_heard():
    """By framing and by line feeds."""

    async def run() -> None:
        async with Listeners([At("syslog-tcp")]) as listeners, connected(listeners.ports[0]) as (_, writer):
            writer.write(b"<13>" + b"x" * (LONGEST + 5) + b"\n" + b"400000 " + b"y" * 400000 + b"8 <13>next")
            await writer.drain()
            lost, found = 0, []
            async with asyncio.timeout(10):
                async for one in listeners:
                    if isinstance(one, Heard):
                        found.append(one)
                    else:
                        assert one.why == "a line too long"
                        lost += one.count
                    if found and lost == 2:
                        break
        assert found == [Heard("syslog/127.0.0.1", "syslog", b"<13>next")]

    asyncio.run(run())


def test_datagrams_for_which_there_is_no_room_are_counted():
    """Nothing is lost silently, and what was taken is still there."""

    async def run() -> None:
        async with Listeners([At("syslog-udp")], waiting=3) as listeners:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(10):
                    sender.sendto(b"<13>x", ("127.0.0.1", listeners.ports[0]))
            await asyncio.sleep(0.2)
            found = await heard(listeners, 4)
        assert len(told(found)) == 3
        assert found[3] == Lost("syslog/127.0.0.1", 7, "too many waited")

    asyncio.run(run())


def test_what_the_kernel_dropped_is_counted():
    """A burst while nobody reads; the next datagram tells how many are missing."""

    async def run() -> None:
        async with Listeners([At("syslog-udp")], waiting=100_000) as listeners:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                to = ("127.0.0.1", listeners.ports[0])
                for _ in range(6000):
                    sender.sendto(b"x" * 8000, to)
                await asyncio.sleep(0.3)
                sender.sendto(b"<13>last", to)
                await asyncio.sleep(0.2)
            count = lost = 0
            async with asyncio.timeout(10):
                async for one in listeners:
                    count += isinstance(one, Heard)
                    lost += one.count if isinstance(one, Lost) else 0
                    if count + lost >= 6001:
                        break
        assert count + lost == 6001
        assert lost > 0

    asyncio.run(run())


def test_senders_over_tcp_wait_while_there_is_no_room():
    """Every line comes, in order, through a queue of two."""

    async def run() -> None:
        records = [{**AGENT, "seq": number} for number in range(200)]
        async with Listeners([At("ndjson")], waiting=2) as listeners, connected(listeners.ports[0]) as (_, writer):
            writer.write(lines(*records))
            await writer.drain()
            found = told(await heard(listeners, 200))
        assert [msgspec.json.decode(line)["seq"] for _, _, line in found] == list(range(200))

    asyncio.run(run())


def test_one_address_has_no_more_than_its_share_of_connections():
    """One more is closed at once, and counted."""

    async def run() -> None:
        async with Listeners([At("ndjson")]) as listeners, contextlib.AsyncExitStack() as stack:
            for _ in range(OF_ONE):
                await stack.enter_async_context(connected(listeners.ports[0]))
            reader, _ = await stack.enter_async_context(connected(listeners.ports[0]))
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            (lost,) = await heard(listeners, 1)
            assert lost == Lost("ndjson/127.0.0.1", 1, "a connection too many")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "body", "form", "count"),
    [
        ("/v1/logs", lines(OTLP), "otlp", 1),
        ("/v1/logs", msgspec.json.format(lines(OTLP), indent=2), "otlp", 1),
        ("/falco", lines(FALCO), "falco", 1),
        ("/kubernetes-audit?x=1", lines({"kind": "EventList", "items": [AUDIT]}), "kubernetes-audit", 1),
        ("/logs", lines(AGENT, AGENT), "agent", 2),
    ],
)
def test_a_post_is_heard_by_its_path(path, body, form, count):
    """OTLP, Falco's HTTP output, an audit webhook, any NDJSON; packed or not, several on one connection."""

    async def run() -> None:
        async with Listeners([At("http")]) as listeners:
            async with connected(listeners.ports[0]) as (reader, writer):
                writer.write(request(path, body))
                writer.write(request(path, gzip.compress(body), "Content-Encoding: gzip"))
                writer.write_eof()
                async with asyncio.timeout(10):
                    answer = await reader.read()
            assert answer.count(b"HTTP/1.1 200 OK") == 2
            found = told(await heard(listeners, 2 * count))
        assert {(source, of) for source, of, _ in found} == {(f"{form}/127.0.0.1", form)}
        streams = Streams()
        assert all(list(streams.take(source, form_named(of), line)) for source, of, line in found)

    asyncio.run(run())


BODY = lines(AGENT)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /logs HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (request("/logs", BODY, "Content-Length: 5"), 400),
        (request("/logs", b"it is a fine day"), 400),
        (request("/logs", b"not packed", "Content-Encoding: gzip"), 400),
        (request("/elsewhere", BODY), 404),
        (request("/logs", BODY, method="GET"), 405),
        (request("/logs", BODY, kind="text/plain"), 415),
        (request("/v1/logs", b"\x0a\x02", kind="application/x-protobuf"), 415),
        (request("/logs", BODY, "Content-Encoding: br"), 415),
        (request("/logs", BODY, "Transfer-Encoding: chunked"), 411),
        (request("/logs", BODY).replace(b"Content-Length: ", b"Content-Length: +"), 411),
        (request("/logs", BODY).replace(b"Content-Length: ", b"Content-Length: 99999999999"), 413),
        (request("/logs", gzip.compress(b"0" * (http.LONGEST_BODY + 1)), "Content-Encoding: gzip"), 413),
        (request("/logs", BODY).replace(b"Host: 127.0.0.1", b"Host: evil.example"), 403),
        (request("/logs", BODY, "X: " + "x" * 20_000), 431),
    ],
)
def test_a_request_that_is_not_taken_is_answered_and_counted(raw, status):
    """With a status that says why, and the connection ends."""

    async def run() -> None:
        async with Listeners([At("http")]) as listeners:
            assert await asked(listeners.ports[0], raw) == status
            (lost,) = await heard(listeners, 1)
            assert lost == Lost("http/127.0.0.1", 1, f"refused with {status}")

    asyncio.run(run())


def test_a_sender_that_asks_first_is_told_to_go_on():
    """As libcurl does for larger bodies, which is what Falco sends with."""

    async def run() -> None:
        async with Listeners([At("http")]) as listeners, connected(listeners.ports[0]) as (reader, writer):
            head, body = request("/falco", lines(FALCO), "Expect: 100-continue").split(b"\r\n\r\n", 1)
            writer.write(head + b"\r\n\r\n")
            async with asyncio.timeout(10):
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                writer.write(body)
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")

    asyncio.run(run())


def test_a_listener_is_named_by_kind_and_port_and_is_on_loopback_unless_told():
    """What other machines can reach has to be asked for by its address."""
    assert parse("syslog-udp:5514") == At("syslog-udp", "127.0.0.1", 5514)
    assert parse("http:10.0.0.1:4318") == At("http", "10.0.0.1", 4318)
    assert parse("ndjson:[::1]:7000") == At("ndjson", "::1", 7000)
    assert parse("ndjson-unix:/run/x.sock") == At("ndjson-unix", path="/run/x.sock")
    for text in ("", "syslog", "http:", "http:x", "http:name.example:1", "http:99999", "smtp:25", "http:+5"):
        with pytest.raises(UsageError):
            parse(text)


def test_a_place_that_is_taken_is_told():
    """And nothing stays open."""

    async def run() -> None:
        async with Listeners([At("http")]) as listeners:
            with pytest.raises(UsageError, match="cannot listen"):
                async with Listeners([At("syslog-udp"), At("http", "127.0.0.1", listeners.ports[0])]):
                    pass

    asyncio.run(run())
