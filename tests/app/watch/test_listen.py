"""The server's end of the telemetry channel on loopback: real TLS, agents that behave and agents that do not."""

import asyncio
from contextlib import closing

import pytest

from ringfence.app import enrol
from ringfence.app.enforcer.home import CERTIFICATE, KEY
from ringfence.app.orders.joining import token_digest
from ringfence.app.watch.listen import Listening
from ringfence.app.watch.sink import Decoded
from ringfence.store.state import enrolments
from ringfence.transport import signing, tls
from ringfence.transport.arrow import joined, packed
from ringfence.transport.authority import RELAY_NAME, SERVER_NAME
from ringfence.transport.dial import connect
from ringfence.transport.listen import Listener
from ringfence.transport.peer import ConnectionEnded
from ringfence.transport.telemetry import TelemetryPeer
from ringfence.watch import ndjson
from ringfence.wire.channel import Beat, Join, Joined, Refused
from ringfence.wire.telemetry import Agent, Batch, Ready, Took
from tests.app.agent.keeping import kept, served
from tests.app.agent.talking import block, hello, line
from tests.transport.parts import a_node, a_server

A, B, R = "host:gpu0001", "host:gpu0002", "host:rack07"


@pytest.fixture
def home(tmp_path):
    """A server's folder, with a relay for one host."""
    made = a_server(tmp_path / "server")
    (made.folder / "relays.toml").write_text('[relays]\nrack07 = "gpu[0001-0001]"\n')
    return made


def played(home, tmp_path, play, **more):
    """Play it against a listener of its own; what its sink kept."""

    async def run():
        async with served(home, tmp_path / "kept", **more) as (listening, sink), asyncio.timeout(20):
            await play(listening, sink)

    asyncio.run(run())
    return kept(tmp_path / "kept")


async def dialled(listening, node):
    """A connection with a node's certificate."""
    return await connect(("127.0.0.1", listening.port), node.context(), SERVER_NAME, TelemetryPeer)


async def greeted(listening, node, greeting=None):
    """(peer, the answer) to a greeting."""
    peer = await dialled(listening, node)
    await peer.send(greeting or hello(node.host, node.role))
    return peer, await peer.receive(5)


def test_what_is_acknowledged_is_kept_under_the_name_of_the_certificate(home, tmp_path):
    """Source and number are stamped; what a line says of them does not count."""
    node = a_node(home, tmp_path / "node", A, role="agent")

    async def play(listening, sink):
        peer, answer = await greeted(listening, node)
        assert isinstance(answer, Ready)
        await peer.send(block(1, 7, line(1, source="host:gpu0666/x", seq=99), line(2)))
        await peer.send(block(2, 1, line(3), sensor="files.urgent", urgent=True))
        assert {(await peer.receive(5)).number for _ in range(2)} == {1, 2}
        assert listening.connected.keys() == {f"{A}/agent"}

    found = played(home, tmp_path, play)
    assert sorted((row["source"], row["seq"], row["process.pid"], row["urgent"]) for row in found) == [
        (f"{A}/files.urgent", 1, 3, True),
        (f"{A}/processes", 7, 1, False),
        (f"{A}/processes", 8, 2, False),
    ]


def test_a_source_cannot_speak_for_another(home, tmp_path):
    """Nor an enforcer as an agent, nor anybody without a certificate; it is counted and told."""
    node, other = a_node(home, tmp_path / "node", A, role="agent"), a_node(home, tmp_path / "other", B)

    async def play(listening, sink):
        for who, greeting in (
            (node, hello(B)),
            (node, Agent(A, "relay")),
            (other, hello(B, "enforcer")),
            (other, hello(B, "agent")),
        ):
            _, answer = await greeted(listening, who, greeting)
            assert isinstance(answer, Refused)
        stranger = tls.client_context(node.authority)
        peer = await connect(("127.0.0.1", listening.port), stranger, SERVER_NAME, TelemetryPeer)
        await peer.send(hello(A))
        assert (await peer.receive(5)).why == "no certificate: join first"
        assert (listening.counted.foreign, listening.counted.refused) == (4, 5)
        assert sink.noticed[0].fields["telemetry.of"] == f"{A}/agent"
        assert B in sink.noticed[0].fields["telemetry.why"]

    assert played(home, tmp_path, play) == []


def test_a_sink_that_cannot_keep_it_acknowledges_nothing(home, tmp_path):
    """The connection ends, and the sender comes again."""
    node = a_node(home, tmp_path / "node", A, role="agent")

    async def play(listening, sink):
        sink.full = True
        peer, _ = await greeted(listening, node)
        await peer.send(block(1, 1, line(1)))
        with pytest.raises(ConnectionEnded):
            await peer.receive(5)
        sink.full = False
        peer, _ = await greeted(listening, node)
        await peer.send(block(1, 1, line(1)))
        assert await peer.receive(5) == Took(1)

    assert len(played(home, tmp_path, play)) == 1


def test_a_revoked_key_ends_its_connection(home, tmp_path):
    """At its next sign of life."""
    node = a_node(home, tmp_path / "node", A, role="agent")

    async def play(listening, sink):
        listening.known = 0.0
        peer, _ = await greeted(listening, node)
        with closing(home.state()) as state:
            enrolments.revoke(state, node.key.public_key().public_bytes_raw(), 1.0)
        await peer.send(Beat(answer=True))
        answers = [await peer.receive(5), await peer.receive(5)]
        assert isinstance(answers[-1], Refused)

    played(home, tmp_path, play)


def test_an_agent_joins_at_the_same_port(home, tmp_path):
    """With a one-time token of the role, as an enforcer does at the orders' port."""
    token = enrol.token(home.folder, "gpu0003", "agent", 10, tmp_path / "token")
    assert token_digest(token.secret)

    async def play(listening, sink):
        made = await asyncio.to_thread(
            enrol.join, f"127.0.0.1:{listening.port}", tmp_path / "token", tmp_path / "joined"
        )
        assert (made.host, made.role) == ("host:gpu0003", "agent")
        peer, answer = await greeted(listening, made)
        assert isinstance(answer, Ready)
        await peer.send(made.renewal())
        renewed = await peer.receive(5)
        assert isinstance(renewed, Joined)
        await peer.send(Join("", "nonsense"))
        assert isinstance(await peer.receive(5), Refused)

    played(home, tmp_path, play)


def test_the_newer_connection_of_a_key_takes_the_older_ones_place(home, tmp_path):
    """One that is half open would keep the agent out otherwise."""
    node = a_node(home, tmp_path / "node", A, role="agent")

    async def play(listening, sink):
        old, _ = await greeted(listening, node)
        new, _ = await greeted(listening, node)
        with pytest.raises(ConnectionEnded):
            await old.receive(5)
        await new.send(Beat(answer=True))
        assert await new.receive(5) == Beat()

    played(home, tmp_path, play)


def test_lines_are_handed_on_as_batches_and_bad_ones_with_them(home, tmp_path):
    """Agents' and relays' alike, with when they came."""
    node, relay = a_node(home, tmp_path / "a", A, role="agent"), a_node(home, tmp_path / "r", R, role="relay")
    put, keys = [], {A: signing.public_hex(node.key)}

    async def keep(record, urgent):
        put.append((record, urgent))

    async def run():
        sink = Decoded(keep, lambda event: None)
        table = {R: (A,)}
        async with Listening.serving(home, ("127.0.0.1", 0), sink, table) as listening, asyncio.timeout(20):
            peer, _ = await greeted(listening, node)
            await peer.send(block(1, 7, line(1), b"no json\n"))
            assert await peer.receive(5) == Took(1)
            peer, _ = await greeted(listening, relay)
            await peer.send(Batch(1, packed(rows(A, 9)), keys, urgent=True))
            assert await peer.receive(5) == Took(1)
        assert sink.bad == 1

    asyncio.run(run())
    assert [(record.column("seq").to_pylist(), urgent) for record, urgent in put] == [([7, 8], False), ([9], True)]
    assert all(when > 5 for record, _ in put for when in record.column("received").to_pylist())


def rows(host, *numbers):
    """What a relay makes of a host's lines."""
    return ndjson.batch(b"".join(map(line, numbers)), f"{host}/processes", numbers[0], 5)[0].record


def test_a_relay_speaks_for_its_own_hosts_with_their_keys_and_for_no_other(home, tmp_path):
    """Rows of another host, and of a host whose key is not enrolled, are left out, counted and told."""
    a, b = a_node(home, tmp_path / "a", A, role="agent"), a_node(home, tmp_path / "b", B, role="agent")
    stray = a_node(home, tmp_path / "stray", A, role="agent", enrolled=False)
    relay = a_node(home, tmp_path / "relay", R, role="relay")
    keys = {A: signing.public_hex(a.key), B: signing.public_hex(b.key)}

    async def play(listening, sink):
        peer, answer = await greeted(listening, relay)
        assert isinstance(answer, Ready)
        await peer.send(Batch(1, packed(joined([rows(A, 1, 2), rows(B, 5)])), keys))
        assert await peer.receive(5) == Took(1)
        await peer.send(Batch(2, packed(rows(A, 3)), {A: signing.public_hex(stray.key)}))
        assert await peer.receive(5) == Took(2)
        assert listening.counted.foreign == 2
        assert [one.fields["telemetry.count"] for one in sink.noticed] == [1, 1]
        await peer.send(Batch(3, b"no arrow", keys))
        with pytest.raises(ConnectionEnded):
            await peer.receive(5)
        peer, _ = await greeted(listening, relay)
        await peer.send(block(1, 1, line(1)))  # a relay sends batches
        with pytest.raises(ConnectionEnded):
            await peer.receive(5)

    found = played(home, tmp_path, play)
    assert [(row["source"], row["seq"]) for row in found] == [(f"{A}/processes", 1), (f"{A}/processes", 2)]


def test_a_relay_cannot_play_the_server_nor_an_agent_a_relay(home, tmp_path):
    """The names in their certificates are not for that."""
    agent, relay = a_node(home, tmp_path / "a", A, role="agent"), a_node(home, tmp_path / "r", R, role="relay")

    async def reached(posing, name):
        async def serve(peer, known):
            await peer.receive(5)

        folder = posing.folder
        context = tls.server_context(folder / CERTIFICATE, folder / KEY, folder / "authority.pem")
        async with Listener(("127.0.0.1", 0), context, serve, TelemetryPeer) as listener:
            try:
                peer = await connect(("127.0.0.1", listener.port), agent.context(), name, TelemetryPeer)
            except ConnectionEnded:
                return False
            peer.close()
            return True

    assert asyncio.run(reached(relay, RELAY_NAME))
    assert not asyncio.run(reached(relay, SERVER_NAME))
    assert not asyncio.run(reached(agent, RELAY_NAME))
