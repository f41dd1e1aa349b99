"""The order channel on loopback: real TLS, the real server, and peers that behave and peers that do not."""

import asyncio
import secrets
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringfence.app import enrol
from ringfence.app.enforcer.home import NodeHome
from ringfence.app.orders import recorder
from ringfence.app.orders.control import Control, ControlClient
from ringfence.app.orders.home import CONTROL, ServerHome
from ringfence.app.orders.issuer import desired
from ringfence.app.orders.joining import token_digest
from ringfence.app.orders.server import OrderServer
from ringfence.errors import EnforceError, UsageError
from ringfence.store.journal import Line
from ringfence.store.journal.lines import decode
from ringfence.store.ledger import Desired
from ringfence.store.state import enrolments
from ringfence.transport import authority, listen, signing, tls
from ringfence.transport.dial import dial, waits
from ringfence.transport.peer import ConnectionEnded, Peer
from ringfence.wire import channel, orders
from ringfence.wire.channel import Beat, Give, Hello, Join, Joined, Noted, Refused, Report, Took, Welcome
from ringfence.wire.control import Node
from ringfence.wire.orders import Order, Receipt
from tests.transport.parts import TARGET, a_node, a_server

A, B = "host:gpu0001", "host:gpu0002"
RULES = desired(A, TARGET, "apply", "the rules", "rules")


def changed(**more: Any) -> Desired:
    """The same with something else in it."""
    text = {"digest": orders.digest(more["text"])} if "text" in more else {}
    return msgspec.structs.replace(RULES, **more, **text)


class Scene:
    """A running server, its folder, and nodes that this test plays by hand."""

    def __init__(self, home: ServerHome, server: OrderServer, folder: Path) -> None:
        self.home, self.server, self.folder = home, server, folder
        self.peers: list[Peer] = []

    def node(self, host: str = A, **more: Any) -> NodeHome:
        """An enrolled node."""
        return a_node(self.home, self.folder / secrets.token_hex(4), host, self.server.port, **more)

    async def dial(self, context: ssl.SSLContext) -> Peer:
        """A connection to the server."""
        self.peers.append(await dial(("127.0.0.1", self.server.port), context))
        return self.peers[-1]

    async def hello(self, node: NodeHome, host: str = "", sequence: int = 0, *slots: channel.Slot) -> tuple[Peer, Any]:
        """(peer, the server's answer) to a node's greeting."""
        peer = await self.dial(node.context())
        await peer.send(Hello(host or node.host, sequence, slots))
        return peer, await peer.receive(10)

    async def connected(self, node: NodeHome, *slots: channel.Slot) -> Peer:
        """A node that the server has welcomed."""
        peer, answer = await self.hello(node, "", 0, *slots)
        assert isinstance(answer, Welcome), answer
        return peer


def scene(tmp_path: Path, play: Callable[[Scene], Awaitable[None]], noted: Any = None) -> None:
    """Play it against a server of its own."""

    async def run() -> None:
        home = a_server(tmp_path / "server")
        async with OrderServer.serving(home, ("127.0.0.1", 0), noted) as server, asyncio.timeout(30):
            made = Scene(home, server, tmp_path)
            try:
                await play(made)
            finally:
                for peer in made.peers:
                    peer.close()

    asyncio.run(run())


def journalled(at: Scene) -> list[Line]:
    """The lines of the server's journal."""
    return [decode(entry) for entry in at.server._journal.entries()]


async def nodes(at: Scene) -> list[Node]:
    """What `fence nodes` is told."""
    async with Control(at.server, at.folder / CONTROL):
        return list(await asyncio.to_thread(ControlClient(at.folder).nodes))


async def given(peer: Peer) -> Order:
    """The next order that comes."""
    message = await peer.receive(10)
    assert isinstance(message, Give), message
    order = orders.decode(message.envelope.payload, Order)
    assert orders.digest(message.text) == order.digest
    return order


def receipt(order: Order, **more: Any) -> Receipt:
    """What a node would answer that did it."""
    values = {"host": order.host, "outcome": "applied", "when": 1, "digest": order.digest}
    return Receipt(order=order.id, target=order.target, sequence=order.sequence, **values | more)


async def answer(peer: Peer, node: NodeHome, order: Order, **more: Any) -> None:
    """Send the receipt, and wait until the server has it."""
    await peer.send(Report(signing.seal(node.key, receipt(order, **more)), "the rules"))
    assert await peer.receive(10) == Took(order.id)


async def ended(peer: Peer) -> str:
    """How the server ended the connection."""
    try:
        while True:
            await peer.receive(10)
    except ConnectionEnded as how:
        return str(how)


def test_an_order_goes_out_signed_and_its_receipt_comes_back(tmp_path):
    """And stands in the journal and in the ledger."""

    async def play(at: Scene) -> None:
        node = at.node()
        peer = await at.connected(node)
        sending = asyncio.create_task(at.server.send(RULES))
        message = await peer.receive(10)
        order = signing.opened(message.envelope, Order, signing.keyring(node.orders))
        assert (order.host, message.text, order.action, order.sequence) == (A, "the rules", "apply", 1)
        assert order.expires - order.not_before <= orders.LONGEST_LIFE
        await answer(peer, node, order)
        answered = await sending
        assert (answered.receipt.outcome, answered.text) == ("applied", "the rules")
        assert [bool(answered) for _, answered in at.server._ledger.history(A)] == [True]
        assert at.server._journal.size == 1

    scene(tmp_path, play)


def test_an_order_does_not_wait_for_an_acknowledgement(tmp_path):
    """Neither end collects small segments (TCP_NODELAY)."""

    async def play(at: Scene) -> None:
        peer = await at.connected(at.node())
        for one in (peer, at.server.connected[A].peer):
            connection = one._writer.get_extra_info("socket")
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    scene(tmp_path, play)


def test_a_host_that_is_not_connected_is_an_error_and_gets_its_state_when_it_comes(tmp_path):
    """Whatever was in between; and nothing is sent where it holds that state already."""

    async def play(at: Scene) -> None:
        node = at.node()
        with pytest.raises(EnforceError, match="not connected"):
            await at.server.send(RULES)
        with pytest.raises(EnforceError, match="not connected"):
            await at.server.send(changed(text="newer"))
        peer = await at.connected(node)
        assert (await given(peer)).digest == orders.digest("newer")
        peer.close()
        held = channel.Slot(TARGET, "", orders.digest("newer"))
        peer = await at.connected(node, held)
        await peer.send(Beat(answer=True))
        assert await peer.receive(10) == Beat()

    scene(tmp_path, play)


def test_a_removal_is_repeated_until_it_is_done(tmp_path):
    """And a slot that nobody here ordered is told, and left alone."""

    async def play(at: Scene) -> None:
        node = at.node()
        with pytest.raises(EnforceError):
            await at.server.send(changed(action="remove", text=""))
        stray = channel.Slot("other", "4711", "ab" * 32)
        peer = await at.connected(node, channel.Slot(TARGET, "", "cd" * 32), stray)
        order = await given(peer)
        assert order.action == "remove"
        assert at.server.connected[A].strays == (stray,)
        await answer(peer, node, order)
        peer.close()
        peer = await at.connected(node, stray)
        await peer.send(Beat(answer=True))
        assert await peer.receive(10) == Beat()
        assert at.server._ledger.desired(A) == []

    scene(tmp_path, play)


def test_what_is_ordered_while_a_host_is_brought_up_to_date_is_not_followed_by_what_was_before(tmp_path):
    """Three slots wait; the last one changes while the first is not answered yet."""

    async def play(at: Scene) -> None:
        at.server._width = asyncio.Semaphore(0)
        at.server.desire([changed(job=str(number), text="old") for number in range(3)])
        peer = await at.connected(at.node())
        while not at.server.connected[A].sending.locked():
            await asyncio.sleep(0.01)
        sending = asyncio.create_task(at.server.send(changed(job="2", text="new")))
        await asyncio.sleep(0)
        for _ in range(10):
            at.server._width.release()
        found = [await given(peer) for _ in range(4)]
        assert [order.job for order in found] == ["0", "2", "1", "2"]
        assert {order.digest for order in found if order.job == "2"} == {orders.digest("new")}
        sending.cancel()

    scene(tmp_path, play)


def test_a_host_that_does_not_answer_in_time_is_told_as_such(tmp_path):
    """The desired state stays."""

    async def play(at: Scene) -> None:
        await at.connected(at.node())
        with pytest.raises(EnforceError, match="no receipt"):
            await at.server.send(RULES, timeout=0.1)
        assert [one.text for one in at.server._ledger.desired(A)] == ["the rules"]

    scene(tmp_path, play)


@pytest.mark.parametrize(
    "change", [{"target": "../x"}, {"action": "reboot"}, {"job": "x"}, {"host": "gpu0001"}, {"text": "x" * 9_000_000}]
)
def test_an_order_that_no_enforcer_would_take_is_not_given(tmp_path, change):
    """It is an error here, and not desired from then on."""

    async def play(at: Scene) -> None:
        with pytest.raises(EnforceError, match=r"no such order|no action"):
            await at.server.send(changed(**change))
        assert at.server._ledger.desired(change.get("host", A)) == []

    scene(tmp_path, play)


def test_orders_to_one_host_come_in_the_order_of_their_sequence(tmp_path):
    """Twenty at once; and above what the host says it has seen."""

    async def play(at: Scene) -> None:
        node = at.node()
        peer, _ = await at.hello(node, A, 1000)
        wanted = [changed(job=str(number)) for number in range(20)]
        sending = [asyncio.create_task(at.server.send(one)) for one in wanted]
        found = [await given(peer) for _ in wanted]
        assert [order.sequence for order in found] == list(range(1001, 1021))
        for order in found:
            await answer(peer, node, order)
        assert {one.receipt.outcome for one in await asyncio.gather(*sending)} == {"applied"}

    scene(tmp_path, play)


def test_nobody_speaks_for_another_host(tmp_path):
    """No certificate, another's name, a key that was never enrolled, one that was revoked."""

    async def play(at: Scene) -> None:
        first, stranger = at.node(), at.node("host:gpu0009", enrolled=False)
        assert "certificate is that of" in (await at.hello(first, B))[1].why
        assert "not enrolled" in (await at.hello(stranger))[1].why
        peer = await at.dial(tls.client_context(first.authority))
        await peer.send(Hello(A, 0))
        assert (await peer.receive(10)).why == "no certificate: join first"
        enrol.revoke(at.home.folder, "gpu0001")
        assert "revoked" in (await at.hello(first))[1].why
        assert at.server.connected == {}
        (line,) = journalled(at)
        assert (line.what, line.subject, line.actor) == ("node.foreign", A, at.home.about.service)
        about = {"certificate": signing.public_hex(first.key), "said": f"hello of {B}", "count": 1}
        assert line.detail == about
        assert await nodes(at) == [Node(A, 0, foreign=1)]

    scene(tmp_path, play)


def test_a_certificate_of_another_authority_is_not_let_in(tmp_path):
    """Nor is a server of another authority believed."""

    async def play(at: Scene) -> None:
        other = a_server(tmp_path / "other")
        foreign = a_node(other, tmp_path / "foreign", A, at.server.port)
        with pytest.raises(ConnectionEnded):
            await at.dial(foreign.context())
        mixed = tls.client_context(at.node().authority, foreign.folder / "node.pem", foreign.folder / "node.key")
        peer = await at.dial(mixed)
        assert await ended(peer)
        assert at.server.connected == {}

    scene(tmp_path, play)


def test_a_nodes_certificate_does_not_make_a_server(tmp_path):
    """One node cannot play the server for another: its certificate is for clients, and has another name."""

    async def play(at: Scene) -> None:
        thief, victim = at.node(B), at.node(A)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(thief.folder / "node.pem", thief.folder / "node.key")
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
        async with server:
            with pytest.raises(ConnectionEnded, match=r"certificate|CERTIFICATE"):
                await dial(("127.0.0.1", server.sockets[0].getsockname()[1]), victim.context())

    scene(tmp_path, play)


def test_a_revoked_hosts_connection_ends_at_its_next_sign_of_life(tmp_path):
    """And orders to it are errors."""

    async def play(at: Scene) -> None:
        peer = await at.connected(at.node())
        enrol.revoke(at.home.folder, A)
        await peer.send(Beat(answer=True))
        await ended(peer)
        with pytest.raises(EnforceError, match="not connected"):
            await at.server.send(RULES)

    scene(tmp_path, play)


def test_two_enforcers_of_one_host_are_not_served(tmp_path):
    """The second is refused while the first answers, and takes over from one that is half open."""

    async def play(at: Scene) -> None:
        at.server.alive = 0.3
        node = at.node()
        first = await at.connected(node)

        async def living() -> None:
            while True:
                message = await first.receive(30)
                if isinstance(message, Beat) and message.answer:
                    await first.send(Beat())

        lives = asyncio.create_task(living())
        assert "connected already" in (await at.hello(node))[1].why
        lives.cancel()
        await asyncio.gather(lives, return_exceptions=True)
        second = await at.connected(node)
        await second.send(Beat(answer=True))
        assert await second.receive(10) == Beat()
        assert list(at.server.connected) == [A]

    scene(tmp_path, play)


def test_a_silent_connection_ends_after_three_heartbeats(tmp_path):
    """A host that lost its power does not stay connected for ever."""

    async def play(at: Scene) -> None:
        at.server.heartbeat = 0.05
        peer = await at.connected(at.node())
        await ended(peer)
        assert at.server.connected == {}

    scene(tmp_path, play)


@pytest.mark.parametrize("kind", ["another's key", "another host", "an order as a receipt"])
def test_a_forged_receipt_ends_the_connection_and_is_not_believed(tmp_path, kind):
    """The order stays unanswered."""

    async def play(at: Scene) -> None:
        node, other = at.node(), at.node(B)
        peer = await at.connected(node)
        sending = asyncio.create_task(at.server.send(RULES, timeout=0.5))
        order = await given(peer)
        forged = {
            "another's key": lambda: signing.seal(other.key, receipt(order)),
            "another host": lambda: signing.seal(node.key, receipt(order, host=B)),
            "an order as a receipt": lambda: signing.seal(node.key, order),
        }[kind]
        await peer.send(Report(forged()))
        await ended(peer)
        assert at.server.counted() == {(A, "foreign"): 1}
        assert [(line.what, line.subject) for line in journalled(at)] == [("node.foreign", A)]
        with pytest.raises(EnforceError):
            await sending
        assert [answered for _, answered in at.server._ledger.history(A)] == [None]

    scene(tmp_path, play)


def test_a_receipt_counts_once_and_one_that_nobody_asked_for_counts_nothing(tmp_path):
    """Each is taken all the same, so that the node can forget it."""

    async def play(at: Scene) -> None:
        node, other = at.node(), at.node(B)
        peer, second = await at.connected(node), await at.connected(other)
        sending = asyncio.create_task(at.server.send(RULES))
        order = await given(peer)
        stolen = msgspec.structs.replace(order, host=B)
        await answer(second, other, stolen, outcome="failed")
        await answer(peer, node, order)
        await answer(peer, node, order, outcome="failed")
        assert (await sending).receipt.outcome == "applied"
        assert at.server._journal.size == 1

    scene(tmp_path, play)


def test_one_who_tries_for_ever_does_not_fill_the_journal(tmp_path, monkeypatch):
    """All is counted; beyond the first of a kind only every so many are written."""
    monkeypatch.setattr(recorder, "EACH", 3)

    async def play(at: Scene) -> None:
        node = at.node()
        for _ in range(7):
            await at.hello(node, B)
        assert at.server.counted() == {(A, "foreign"): 7}
        assert [line.detail["count"] for line in journalled(at)] == [1, 2, 3, 6]

    scene(tmp_path, play)


def test_what_a_node_had_to_mend_is_journalled_and_counted(tmp_path):
    """It has no order; the node may forget it all the same once it is on disk."""

    async def play(at: Scene) -> None:
        node = at.node()
        peer = await at.connected(node)
        made = Receipt(
            order="ab" * 16, host=A, target=TARGET, sequence=1, outcome="mended", when=1, error="it was gone"
        )
        await peer.send(Report(signing.seal(node.key, made)))
        assert await peer.receive(10) == Took(made.order)
        (line,) = journalled(at)
        assert (line.what, line.subject, line.detail["error"]) == ("order.mended", A, "it was gone")
        (one,) = await nodes(at)
        assert (one.host, one.mended, one.foreign) == (A, 1, 0)

    scene(tmp_path, play)


def test_a_target_that_a_host_lacks_is_told_and_not_ordered_at_every_connection(tmp_path):
    """It stays desired: once the host has a driver for it, it is ordered."""

    async def play(at: Scene) -> None:
        node = at.node()
        at.server.desire([changed(target="exports"), changed(target="other", action="remove", text="")])
        for _ in range(2):
            peer = await at.dial(node.context())
            await peer.send(Hello(A, 0, (), targets=(TARGET,)))
            assert isinstance(await peer.receive(10), Welcome)
            await peer.send(Beat(answer=True))
            assert await peer.receive(10) == Beat()
            assert [one.lacking for one in await nodes(at)] == [("exports", "other")]
            peer.close()
            while at.server.connected:
                await asyncio.sleep(0.01)
        peer = await at.dial(node.context())
        await peer.send(Hello(A, 0, (), targets=(TARGET, "exports")))
        assert isinstance(await peer.receive(10), Welcome)
        assert (await given(peer)).target == "exports"

    scene(tmp_path, play)


def test_a_hint_of_a_hook_concerns_the_senders_host_alone(tmp_path):
    """A job that ended on one host is still desired on the other."""
    heard: list[tuple[str, str, str]] = []

    async def play(at: Scene) -> None:
        peer = await at.connected(at.node())
        for host in (A, B):
            at.server._ledger.desire([changed(host=host, job="4711")])
        await peer.send(Noted("ended", "4711"))
        await peer.send(Noted("wanted", "4712"))
        await peer.send(Beat(answer=True))
        await peer.receive(10)
        assert heard == [(A, "ended", "4711"), (A, "wanted", "4712")]
        assert [at.server._ledger.desired(host)[0].action for host in (A, B)] == ["remove", "apply"]

    scene(tmp_path, play, lambda *said: heard.append(said))


HOSTILE = {
    "nonsense": b"GET / HTTP/1.1\r\n\r\n",
    "a frame of four gigabytes": b"\xff\xff\xff\xff",
    "an empty frame": b"\0\0\0\0",
    "no JSON": struct.pack(">I", 4) + b"{{{{",
    "deep nesting": struct.pack(">I", 60_000) + b"[" * 60_000,
    "a message out of turn": channel.encode(Took("0" * 32)),
    "a frame that is too long for a stranger": struct.pack(">I", channel.LONGEST_GREETING + 1),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_peer_that_speaks_nonsense_costs_its_own_connection_only(tmp_path, kind):
    """With and without a certificate; others are served all the while."""

    async def play(at: Scene) -> None:
        good, bad = at.node(A), at.node(B)
        peer = await at.connected(good)
        for context in (bad.context(), tls.client_context(bad.authority)):
            hostile = await at.dial(context)
            hostile._writer.write(HOSTILE[kind])
            await ended(hostile)
        late = await at.connected(bad)
        late._writer.write(HOSTILE[kind])
        if kind != "a frame that is too long for a stranger":
            await ended(late)
        await peer.send(Beat(answer=True))
        assert await peer.receive(10) == Beat()

    scene(tmp_path, play)


@pytest.mark.parametrize("limit", ["STRANGERS", "OF_ONE"])
def test_strangers_that_say_nothing_do_not_keep_others_out(tmp_path, monkeypatch, limit):
    """Half a handshake, half a frame, and more of one machine than are heard at once: one too many is closed."""
    monkeypatch.setattr(listen, limit, 5)

    async def play(at: Scene) -> None:
        node = at.node()
        peer = await at.connected(node)
        mute = [socket.create_connection(("127.0.0.1", at.server.port)) for _ in range(4)]
        for one in mute:
            one.send(b"\x16\x03\x01")
        half = await at.dial(tls.client_context(node.authority))
        half._writer.write(b"\0\0")
        one_more = socket.create_connection(("127.0.0.1", at.server.port))
        one_more.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(one_more, 1) == b""
        await peer.send(Beat(answer=True))
        assert await peer.receive(10) == Beat()
        for one in mute:
            one.close()
        half.close()
        await asyncio.sleep(0.1)
        assert isinstance((await at.hello(at.node(B)))[1], Welcome)
        one_more.close()

    scene(tmp_path, play)


def test_only_tls_1_3_is_spoken(tmp_path):
    """And nothing in the clear."""

    async def play(at: Scene) -> None:
        old = tls.client_context(at.node().authority)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ConnectionEnded):
            await at.dial(old)
        reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        writer.write(channel.encode(Hello(A, 0)))
        with suppress(OSError):
            answer = await reader.read(100)
            assert answer[:1] in (b"", b"\x15")  # nothing, or a TLS alert
        writer.close()

    scene(tmp_path, play)


@asynccontextmanager
async def joining(at: Scene, minutes: float = 5) -> AsyncIterator[tuple[enrol.Token, Peer]]:
    """A token for host A, and a stranger's connection."""
    made = enrol.token(at.home.folder, "gpu0001", "enforcer", minutes, tmp(at))
    yield made, await at.dial(tls.client_context(made.authority))


def tmp(at: Scene) -> Path:
    """A new name."""
    return at.folder / secrets.token_hex(4)


def test_a_token_enrols_one_key_once_for_the_host_it_was_made_for(tmp_path):
    """Whatever name the request asks for; the key is the node's own."""

    async def play(at: Scene) -> None:
        key = signing.new_key()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, B)])
        built = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, None)
        request = built.public_bytes(serialization.Encoding.PEM).decode()
        async with joining(at) as (made, peer):
            await peer.send(Join(made.secret, request))
            joined = await peer.receive(10)
            assert isinstance(joined, Joined)
            assert (joined.host, joined.role) == (A, "enforcer")
            certificate = authority.certificate_of(joined.certificate.encode())
            found = authority.holder(certificate.public_bytes(serialization.Encoding.DER))
            assert (found.host, found.public) == (A, signing.public_hex(key))
            again = await at.dial(tls.client_context(made.authority))
            await again.send(Join(made.secret, authority.request_for(signing.new_key())))
            assert "used" in (await again.receive(10)).why

    scene(tmp_path, play)


@pytest.mark.parametrize(
    "kind", ["guessed", "over", "no request", "another kind of key", "a request that is not signed"]
)
def test_a_join_without_a_good_token_or_proof_of_a_key_is_refused(tmp_path, kind):
    """A refused join leaves a good token good."""

    async def play(at: Scene) -> None:
        async with joining(at) as (made, peer):
            good = authority.request_for(signing.new_key())
            other = authority.request_for(signing.new_key())
            rsa = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
            elliptic = rsa.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
            secret, request = {
                "guessed": (secrets.token_urlsafe(32), good),
                "over": (made.secret, good),
                "no request": (made.secret, "-----BEGIN"),
                "another kind of key": (made.secret, elliptic.public_bytes(serialization.Encoding.PEM).decode()),
                "a request that is not signed": (made.secret, good[:-60] + other[-60:]),
            }[kind]
            if kind == "over":
                at.server._ledger.offer(token_digest(made.secret), A, "enforcer", int(time.time()) - 1, 0)
            await peer.send(Join(secret, request))
            assert isinstance(await peer.receive(10), Refused)
            with closing(at.home.state()) as state:
                assert enrolments.everyone(state) == []
            again = await at.dial(tls.client_context(made.authority))
            await again.send(Join(made.secret, good))
            assert isinstance(await again.receive(10), Refused if kind == "over" else Joined)

    scene(tmp_path, play)


def test_a_host_that_is_enrolled_anew_loses_its_old_key(tmp_path):
    """A machine that was installed again; its old disk speaks for nobody."""

    async def play(at: Scene) -> None:
        old = at.node()
        async with joining(at) as (made, peer):
            await peer.send(Join(made.secret, authority.request_for(signing.new_key())))
            assert isinstance(await peer.receive(10), Joined)
        assert "revoked" in (await at.hello(old))[1].why

    scene(tmp_path, play)


def test_a_node_renews_its_certificate_over_its_own_connection_and_for_its_own_key(tmp_path):
    """Another key needs another token."""

    async def play(at: Scene) -> None:
        node = at.node()
        before = (node.folder / "node.pem").read_bytes()
        peer = await at.connected(node)
        await peer.send(Join("", authority.request_for(signing.new_key())))
        assert isinstance(await peer.receive(10), Refused)
        await peer.send(node.renewal())
        renewed = await peer.receive(10)
        assert isinstance(renewed, Joined)
        node.renew(renewed)
        assert (node.folder / "node.pem").read_bytes() != before
        peer.close()
        node.renew(Joined(A, "enforcer", (at.home.folder / "server.pem").read_text(), ()))
        await at.connected(node)

    scene(tmp_path, play)


def test_waits_grow_to_a_minute_and_are_spread():
    """Ten thousand nodes do not come back in the same second."""
    pause = waits()
    drawn = [next(pause) for _ in range(20)]
    assert 0.25 <= drawn[0] <= 0.5
    assert all(30 <= wait <= 60 for wait in drawn[10:])
    assert len(set(drawn[10:])) > 5


def test_keys_are_never_overwritten(tmp_path):
    """A second `init` on the same folder is an error."""
    a_server(tmp_path / "server")
    with pytest.raises(UsageError, match="already"):
        a_server(tmp_path / "server")
