"""`ringfence watch` as people run it: processes on loopback, agents with certificates, kills, a full disk, forgeries.

agent, script with an agent's key ─TLS─▶ ringfence watch ─▶ ringfence incidents --json
syslog, NDJSON, HTTP ──────────────────▶       └─▶ status.json, history
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from ringfence.app.agent.link import Link
from ringfence.estate import ids
from ringfence.wire.telemetry import Block
from tests.app.agent.test_delivery import free_port
from tests.live.nats import cluster
from tests.live.test_watch_nats import small_disk
from tests.live.watching import Watch, agent, now, of, ringfence, secret, told, usual, watching
from tests.transport.parts import a_node, a_server, process, until

pytestmark = pytest.mark.live
HERE = ids.host_name(socket.gethostname())


def an_estate(folder: Path, weights: Path) -> Path:
    """An estate in which alice may read the model whose weights lie there, and nobody else."""
    (folder / "capture" / "facts").mkdir(parents=True)
    storage = "storage:nfs01:/data"
    facts = [
        {"subject": "model:llama", "predicate": "stored_on", "object": storage, "attributes": {"path": str(weights)}},
        {"subject": "model:llama", "predicate": "readable_by", "object": "identity:alice"},
        {"subject": f"host:{HERE}", "predicate": "mounts", "object": storage, "attributes": {"path": str(weights)}},
    ]
    (folder / "capture" / "facts" / "site.ndjson").write_text("".join(json.dumps(one) + "\n" for one in facts))
    ringfence("collect", "--from", folder / "capture", "-o", folder / "site.estate")
    return folder / "site.estate"


@pytest.fixture
def weights():
    """A folder with weights that any account may walk into; pytest's own folders are for one account alone."""
    folder = Path(tempfile.mkdtemp(prefix="ringfence-weights-"))
    folder.chmod(0o755)
    (folder / "shard-0001.safetensors").write_bytes(b"x" * 4096)
    yield folder
    shutil.rmtree(folder)


def test_who_reads_weights_on_this_host_is_an_incident_that_says_what_is_at_stake(tmp_path, weights):
    """Enrolled over the very port that hears it, a real agent tells of a real read by an account that may not."""
    if os.geteuid():
        pytest.skip("missing-part: root, for fanotify and to read as another account")
    server, token, node = tmp_path / "server", tmp_path / "token", tmp_path / "node"
    ringfence("enrol", "init", server, "--host", "fence01")
    settings = tmp_path / "agent.toml"
    settings.write_text(f'[[watch]]\npath = "{weights}"\ndata = "model:llama"\n')
    known = ("--server", server, "--address", "127.0.0.1:0", "--estate", an_estate(tmp_path, weights))
    with watching(tmp_path, "home", *known, "--on", "syslog-udp:0") as watch:
        port = watch.ports["agents"]
        ringfence("enrol", "token", "--dir", server, "--host", HERE, "--role", "agent", "-o", token)
        ringfence("enrol", "join", "--server", f"127.0.0.1:{port}", "--token-file", token, "--dir", node)
        argv = ("-m", "ringfence", "agent", "--home", str(node), "--settings", str(settings))
        with process(*argv, log=tmp_path / "agent.log"):
            until(lambda: watch.status["agents"].get("connected"), "the agent", tmp_path / "agent.log")

            def found():
                reader = ["setpriv", "--reuid=65534", "--clear-groups", "cat", str(weights / "shard-0001.safetensors")]
                subprocess.run(reader, stdout=subprocess.DEVNULL, check=True)
                return watch.with_signal("RF.D10")

            until(found, "the incident", watch.log)
            (one,) = json.loads(ringfence("incidents", "--home", watch.home, "--json"))
    assert f"host:{HERE}" in one["entities"]
    assert "model:llama" in one["entities"]
    assert one["stake"]["known"]
    assert "model:llama" in one["stake"]["jewels"]
    assert one["sources"] == [f"host:{HERE}"]


@pytest.fixture(scope="module")
def open_watch(tmp_path_factory):
    """A watch with every door open and two enrolled agents."""
    folder = tmp_path_factory.mktemp("open")
    server = a_server(folder / "server")
    nodes = {host: a_node(server, folder / host, f"host:{host}", role="agent") for host in ("gpu0001", "gpu0002")}
    doors = [part for kind in ("syslog-udp", "ndjson", "http") for part in ("--on", f"{kind}:0")]
    with watching(folder, "home", "--server", server.folder, "--address", "127.0.0.1:0", *doors) as watch:
        yield watch, nodes


def test_lines_by_every_door_are_counted_and_a_malformed_flood_stops_nobody(open_watch):
    """Three thousand lines that are nothing are counted and told; what comes after them is heard."""
    watch, _ = open_watch
    at, before = watch.ports, watch.status["events"]["taken"]
    failed = "<38>1 2026-01-01T00:00:00Z gpu0003 sshd 1 - - Failed password for bob from 10.0.0.5 port 9 ssh2"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        for _ in range(10):
            syslog.sendto(failed.encode(), ("127.0.0.1", at["syslog-udp"]))
    bad = b'{"class_uid": 1, "time": \n' * 3000
    with socket.create_connection(("127.0.0.1", at["ndjson"])) as ndjson:
        ndjson.sendall(usual(now(), "gpu0003", 1) + bad + usual(now(), "gpu0003", 2))
    body = usual(now(), "gpu0003", 3)
    asked = urllib.request.Request(f"http://127.0.0.1:{at['http']}/logs", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status == 200
    until(lambda: watch.status["doors"]["not_events"] == 3000, "the count", watch.log)
    until(lambda: watch.status["events"]["taken"] >= before + 10 + 3, "the events", watch.log)
    assert "lines that are no events, lately of ndjson/127.0.0.1" in watch.log.read_text()
    assert not watch.with_signal("RF.D62")


def test_who_speaks_for_another_is_told_and_the_other_is_not_accused(open_watch):
    """An agent's line about another host is refused; a peer at an open port cannot take an agent's name."""
    watch, nodes = open_watch
    asyncio.run(told(nodes["gpu0001"], watch.ports["agents"], secret(now(), "gpu0002", "mallory")))
    forged = json.loads(secret(now(), "gpu0004", "mallory")) | {"source": "host:gpu0002/files"}
    with socket.create_connection(("127.0.0.1", watch.ports["ndjson"])) as ndjson:
        ndjson.sendall(json.dumps(forged).encode() + b"\n")
    (one,) = until(lambda: watch.with_signal("RF.D62"), "the incident", watch.log)
    assert one["entities"][0] == "host:gpu0001"
    assert "gpu0002" in one["why"]["signal"]
    (said,) = until(
        lambda: [one for one in _thefts(watch) if "host:gpu0004" in one["entities"]], "the other", watch.log
    )
    assert all(source.startswith("ndjson/127.0.0.1") for source in said["sources"])
    assert not any("host:gpu0002" in each["entities"] for each in watch.incidents(every=True).values())


class Twice:
    """A feed of one block, said twice under different frames."""

    def __init__(self, line: bytes) -> None:
        self._line, self.taken = line, 0
        self.more = asyncio.Event()

    def next(self, number: int) -> Block | None:
        """The block, the first two times."""
        return Block(number, "files.urgent", 7, 1, self._line, True) if number <= 2 else None

    def took(self, number: int) -> None:
        """The server has it."""
        self.taken += 1

    def rewind(self) -> None:
        """Nothing is lost here."""


def test_a_block_that_comes_twice_is_one_signal_and_a_clock_that_jumps_is_told(open_watch):
    """A replay is dropped by its number; a clock a day ahead is told of that host, and makes nobody silent."""
    watch, nodes = open_watch
    node, port = nodes["gpu0002"], watch.ports["agents"]

    async def replay():
        feed = Twice(secret(now(), "gpu0002", "eve"))
        link = asyncio.create_task(Link(node, feed, lambda _: None, ("files",), ("127.0.0.1", port)).run())
        async with asyncio.timeout(20):
            while feed.taken < 2:
                await asyncio.sleep(0.02)
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)

    asyncio.run(replay())
    day = 86_400_000_000
    asyncio.run(told(node, port, usual(now() + day, "gpu0002", 1), usual(now(), "gpu0002", 2)))

    def both():
        found = [one for one in watch.with_signal("RF.D15") if "host:gpu0002" in one["entities"]]
        return [one for one in found if of(one, "RF.D63")]

    (one,) = until(both, "the incident", watch.log)
    assert [each["count"] for each in of(one, "RF.D15")] == [1]
    assert "86,4" in of(one, "RF.D63")[0]["why"]
    assert not watch.with_signal("RF.D60")


def story(base: int) -> list[tuple[str, bytes]]:
    """Lines of a host with three thefts among them, each with its lane."""
    found = []
    for number in range(240):
        at = base + number * 10_000
        found.append(("processes", usual(at, "gpu0001", number)))
        if number % 80 == 40:
            found.append(("files.urgent", secret(at, "gpu0001", f"mallory{number}")))
    return found


def shape(found: dict[str, dict]) -> list[dict]:
    """What must be the same however the watch fared. A rule's hits of one host in one batch are one signal of many."""
    return [
        {
            "hits": sum(each["count"] for each in one["signals"] if each["kind"] == "rule"),
            "thefts": sorted((each["key"], each["count"], each["time"]) for each in of(one, "RF.D15")),
        }
        for one in found.values()
    ]


def told_twice(watch: Watch) -> list[tuple[str, int]]:
    """Versions of incidents that were printed more than once, over all its lives."""
    lines = [json.loads(line) for line in watch.out.read_text().splitlines()]
    return [what for what, count in Counter((one["id"], one["version"]) for one in lines).items() if count > 1]


def test_kill_9_in_mid_stream_loses_and_doubles_nothing(tmp_path):
    """Killed while an agent talks: its spool drains, and the incidents are those of a watch left alone."""
    lines, shapes = story(now()), []
    for name, kills in (("calm", ()), ("killed", (160,))):
        server, port = a_server(tmp_path / f"server-{name}"), free_port()
        node = a_node(server, tmp_path / f"node-{name}", "host:gpu0001", role="agent")
        with watching(tmp_path, name, "--server", server.folder, "--address", f"127.0.0.1:{port}") as watch:
            asyncio.run(_talk(watch, node, port, lines, kills))
            until(lambda w=watch: len(_thefts(w)) == 3, "the thefts", watch.log)
        shapes.append((shape(watch.incidents()), [*watch.incidents()]))
        assert told_twice(watch) == []
    assert shapes[0] == shapes[1]


def _thefts(watch: Watch) -> list[dict]:
    return [each for one in watch.with_signal("RF.D15") for each in of(one, "RF.D15")]


async def _talk(watch: Watch, node, port: int, lines: list[tuple[str, bytes]], kills: tuple[int, ...]) -> None:
    async with agent(node, port) as (spool, dial):
        for number, (lane, line) in enumerate(lines):
            spool.put(lane, line, 1)
            await asyncio.sleep(0.002)
            while number == 60 and spool.urgent.waiting > 200:  # so that the first theft is of a batch of its own
                await asyncio.sleep(0.01)
            if number in kills:
                watch.kill()
                await asyncio.to_thread(watch.start)
                dial()  # at once: an agent by itself waits longer from time to time


def test_a_full_disk_is_told_agents_keep_what_they_have_and_all_is_there_afterwards(tmp_path):
    """The watch's folder lies on a small disk of its own, which fills up while an agent talks."""
    if os.geteuid():
        pytest.skip("missing-part: root, to mount a small disk")
    server = a_server(tmp_path / "server")
    node = a_node(server, tmp_path / "node", "host:gpu0001", role="agent")

    async def talk(watch):
        async with agent(node, watch.ports["agents"]) as (spool, _):
            ballast = watch.home / "more"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"x" * 65_536) == 65_536:
                    pass
            for number, (lane, line) in enumerate(story(now())):
                spool.put(lane, line[:-2] + b', "process.cmd_line": "%s"}\n' % (b"%d " % number * 200), 1)
            await asyncio.to_thread(until, lambda: "cannot grow" in watch.log.read_text(), "the word", watch.log)
            waiting = spool.waiting
            ballast.unlink()
        return waiting

    with small_disk(tmp_path / "home", 8), watching(tmp_path, "home", *_for_agents(server)) as watch:
        waiting = asyncio.run(talk(watch))
        until(lambda: len(_thefts(watch)) == 3, "the thefts", watch.log)
        given_back = until(lambda: watch.status["events"].get("given_back"), "the count", watch.log)
    assert waiting > 0
    assert given_back > 0


def _for_agents(server) -> tuple[object, ...]:
    return "--server", server.folder, "--address", "127.0.0.1:0"


def test_processes_that_share_nats_find_what_one_alone_finds_and_hear_verdicts(tmp_path):
    """Three servers, two workers of which one is killed, an intake: the incidents of a watch by itself."""
    lines = [line for _, line in story(now())]
    with watching(tmp_path, "alone", "--on", "ndjson:0") as alone:
        _pour(alone, lines)
        until(lambda: len(_thefts(alone)) == 3, "the thefts", alone.log)
        expected = shape(alone.incidents())
    with cluster(tmp_path, room="24G") as servers, contextlib.ExitStack() as parts:
        known = [part for url in servers.urls for part in ("--nats", url)]
        intake = Watch(tmp_path, "intake", *known, "--role", "intake", "--on", "ndjson:0")
        workers = [Watch(tmp_path, name, *known) for name in ("first", "second")]
        for one in (intake, *workers):
            one.start()
            parts.callback(one.kill)
        _pour(intake, lines[:120])
        workers[0].kill()
        _pour(intake, lines[120:])
        until(lambda: len(_thefts(workers[1])) == 3, "the thefts", workers[1].log)
        assert shape(workers[1].incidents()) == expected
        assert told_twice(workers[1]) == []
        (id_,) = workers[1].incidents()
        ringfence("incidents", id_, "--verdict", "benign", "--why", "a drill", "--home", intake.home)
        until(lambda: id_ not in workers[1].incidents(), "the verdict", workers[1].log)
        assert workers[1].incidents(every=True)[id_]["state"] == "dismissed"
        assert [one.stop() for one in (intake, workers[1])] == [0, 0]


def _pour(watch: Watch, lines: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", watch.ports["ndjson"])) as ndjson:
        ndjson.sendall(b"".join(lines))


def test_a_process_without_the_joint_stage_calls_no_threat_quiet(tmp_path):
    """Its own joint stage is empty: threats are unknown there unless an incident tells of them."""
    with cluster(tmp_path, servers=1, room="1G") as servers:
        nats = ("--nats", *servers.urls, "--nats-storage", 500)
        with (
            watching(tmp_path, "joint", *nats, "--role", "joint") as joint,
            watching(tmp_path, "worker", *nats, "--role", "worker") as worker,
        ):
            until(lambda: "threats" in worker.status, "no status")
            until(lambda: "quiet" in joint.status.get("threats", {}).values(), "the joint stage is not ready")
            until(lambda: "caught up" in worker.log.read_text(), "slots are not caught up", worker.log)
            assert set(worker.status["threats"].values()) == {"unknown"}
            assert "the joint stage is not here" in ringfence("incidents", "--threats", "--home", worker.home)
            assert worker.log.read_text().count("caught up") == 1
