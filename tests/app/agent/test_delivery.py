"""Kills in the middle of the stream: what was acknowledged is there, what was said is there once."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

from ringfence.app.agent.feed import Spooled
from ringfence.app.agent.link import Link
from ringfence.app.relay import Rack, Relay, _company
from ringfence.app.watch.listen import Listening
from ringfence.transport import tls
from ringfence.transport.authority import RELAY_NAME
from ringfence.transport.listen import Listener
from ringfence.transport.telemetry import TelemetryPeer
from ringfence.watch.batch import of_events
from ringfence.watch.loss import Loss, take
from ringfence.wire.ocsf.event import Event
from tests.app.agent.keeping import Keeping, kept, served
from tests.app.agent.talking import line
from tests.transport.parts import a_node, a_server, process, until

A, B = "host:gpu0001", "host:gpu0002"
TALKING, KEEPING = ("-m", "tests.app.agent.talking"), ("-m", "tests.app.agent.keeping")


def free_port():
    """A port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def once(rows):
    """The rows that are left when those told twice are dropped, as the server drops them."""
    state, left, told = Loss(), [], Counter()
    for row in rows:
        event = Event(
            1007, 1, row["time"], "gpu0001", "x", {"process.pid": row["process.pid"]}, row["source"], row["seq"]
        )
        batch = of_events([event])
        keep, found = take(state, batch)
        told.update(one.activity_id for one in found)
        if keep is None or keep.to_pylist()[0]:
            left.append(row["process.pid"])
    return left, told


def test_kill_9_of_server_and_agent_loses_and_doubles_nothing(tmp_path):
    """Each is killed twice while the agent talks; the rest is a matter of numbers."""
    home, port, out, log = a_server(tmp_path / "server"), free_port(), tmp_path / "kept", tmp_path / "log"
    node = a_node(home, tmp_path / "node", A, port, role="agent")
    count, server = 600, (*KEEPING, str(home.folder), str(port), str(out))
    agent = (*TALKING, str(node.folder), str(count))
    with process(*server, log=log) as first, process(*agent, log=log) as talking:
        running, speaking = [first], [talking]

        def again(which, argv):
            which[-1].send_signal(signal.SIGKILL)
            which[-1].wait()
            with log.open("ab") as err:
                which.append(subprocess.Popen([sys.executable, *argv], stdout=err, stderr=err))

        try:
            for part in range(1, 3):
                until(lambda at=part: len(kept(out)) > at * count // 5, f"part {part}", log)
                again(running, server)
                time.sleep(0.2)
                again(speaking, agent)
            until(lambda: len({row["process.pid"] for row in kept(out)}) >= count - 2, "the end", log)
            time.sleep(0.3)
        finally:
            for one in (*running, *speaking):
                one.kill()
                one.wait()
    rows = kept(out)
    left, told = once(rows)
    assert len(left) == len(set(left))
    # a kill between "said" and the spool costs that one event, which never had a number: no gap
    assert len(set(left)) >= count - 2
    assert told[1] == 0
    pairs = Counter((row["source"], row["seq"], row["process.pid"]) for row in rows)
    assert len({(source, seq) for source, seq, _ in pairs}) == len(pairs), "a number stood for two events"


def test_while_the_server_is_away_the_spool_fills_and_drains_when_it_is_back(tmp_path):
    """In order, urgent ones first."""
    home, port = a_server(tmp_path / "server"), free_port()
    node = a_node(home, tmp_path / "node", A, port, role="agent")

    async def run():
        spool = Spooled(tmp_path / "spool")
        for number in range(50):
            spool.put("processes", line(number), 1)
        spool.put("processes.urgent", line(99), 1)
        link = Link(node, spool, lambda _: None, ("processes",))
        sending = asyncio.create_task(link.run())
        await asyncio.sleep(0.2)
        assert not link.connected
        assert spool.waiting > 50 * 60

        sink = Keeping(tmp_path / "kept")
        async with Listening.serving(home, ("127.0.0.1", port), sink), asyncio.timeout(20):
            while len(sink.blocks) < 51 or spool.rest._way:
                await asyncio.sleep(0.02)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        assert sink.blocks[0] == (f"{A}/processes.urgent", 1, True)
        assert [first for source, first, _ in sink.blocks[1:]] == [*range(1, 51)]
        assert spool.waiting < 200

    asyncio.run(run())


def test_a_relay_passes_on_whose_rows_they_are_and_promises_nothing_of_its_own(tmp_path):
    """Two agents behind it; what the server has not taken is not acknowledged to them."""
    home = a_server(tmp_path / "server")
    (home.folder / "relays.toml").write_text('[relays]\nrack07 = "gpu[0001-0002]"\n')

    async def run():
        async with served(home, tmp_path / "kept") as (listening, sink), asyncio.timeout(30):
            sink.full = True
            relay_home = a_node(home, tmp_path / "relay", "host:rack07", listening.port, role="relay")
            rack, folder = Rack(), tmp_path / "relay"
            context = tls.server_context(folder / "node.pem", folder / "node.key", folder / "authority.pem")
            relay = Relay(relay_home, rack)
            tasks = [asyncio.create_task(Link(relay_home, rack, lambda _: None).run())]
            tasks.append(asyncio.create_task(_company(rack)))
            async with Listener(("127.0.0.1", 0), context, relay.serve, TelemetryPeer) as listener:
                spools = []
                for host in (A, B):
                    node = a_node(home, tmp_path / host[5:], host, role="agent")
                    spool = Spooled(tmp_path / f"spool-{host[5:]}")
                    bare = host[5:]
                    for number in range(20):
                        spool.put("processes", line(number, bare), 1)
                    spool.put("files.urgent", line(77, bare), 1)
                    spools.append(spool)
                    link = Link(node, spool, lambda _: None, (), ("127.0.0.1", listener.port), RELAY_NAME)
                    tasks.append(asyncio.create_task(link.run()))
                await asyncio.sleep(1.0)
                assert all(spool.waiting > 1000 for spool in spools)
                sink.full = False
                while any(spool.rest.waiting > 200 for spool in spools):
                    await asyncio.sleep(0.05)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    rows = kept(tmp_path / "kept")
    seen = {(row["source"], row["seq"]) for row in rows}
    wanted = {(f"{host}/processes", number) for host in (A, B) for number in range(1, 21)}
    assert seen == wanted | {(f"{A}/files.urgent", 1), (f"{B}/files.urgent", 1)}
    assert {row["urgent"] for row in rows if row["source"].endswith("files.urgent")} == {True}
    assert all(row["device.hostname"] == row["source"][5:12] for row in rows)
