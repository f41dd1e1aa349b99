"""Processes that share the work over a real cluster of three NATS servers, killed under load."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.watch.cluster import follow_incidents, joined
from ringfence.app.watch.stages import Verdict
from ringfence.app.watch.worker import ended
from ringfence.errors import StateError
from ringfence.transport.nats.layout import Layout
from ringfence.transport.nats.stream import connected
from ringfence.watch.values import Incident
from tests.app.watch.counting import COUNTING, events
from tests.live.nats import cluster

pytestmark = pytest.mark.live

LAYOUT = Layout(partitions=16, event_bytes=256 << 20)
HOSTS, ROWS = 40, 25


class Sender:
    """An agent's part: numbers events, keeps what was not acknowledged and sends it again."""

    def __init__(self, host: str) -> None:
        self.host, self.sent, self.acknowledged, self.refused = host, 0, 0, 0
        self.gap = 0.0

    async def send(self, intake, until: float) -> None:
        last = time.monotonic()
        while time.monotonic() < until:
            batch = events(self.host, self.sent + 1, ROWS)
            try:
                await intake.put(batch.record)
            except StateError:
                self.refused += 1
                continue
            self.sent += ROWS
            self.acknowledged = self.sent
            self.gap = max(self.gap, time.monotonic() - last)
            last = time.monotonic()
            await asyncio.sleep(0.05)


@contextmanager
def workers(folder: Path, urls: list[str], count: int, role: str = "all") -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the product that share the work; what they say lies in `worker-<n>.log`."""
    running = []
    try:
        for at in range(count):
            with (folder / f"worker-{at}.log").open("wb") as log:
                command = [sys.executable, "-m", "tests.live.watch_worker", role, *urls]
                running.append(subprocess.Popen(command, stdout=log, stderr=log))
        yield running
    finally:
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


class Seen:
    """Every version of every incident that came out, in order."""

    def __init__(self) -> None:
        self.versions: dict[str, list[int]] = {}
        self.total: dict[str, int] = {}
        self.states: dict[str, str] = {}

    def keep(self, number: int, incident: Incident) -> None:
        self.versions.setdefault(incident.id, []).append(incident.version)
        self.total[incident.id] = incident.suppressed
        self.states[incident.id] = incident.state

    async def until(self, total: int, within: float) -> float:
        """Seconds until as many events are accounted for."""
        began = time.monotonic()
        while sum(self.total.values()) < total and time.monotonic() - began < within:
            await asyncio.sleep(0.05)
        return time.monotonic() - began


def test_killing_the_leader_and_a_worker_under_load_loses_and_doubles_nothing(tmp_path, capsys):
    """SIGKILL to the server that leads the events, then to a worker: every acknowledged event counts once."""

    async def run():
        with cluster(tmp_path) as servers:
            async with joined(servers.urls, "intake", COUNTING, said.append, layout=LAYOUT) as mine:
                with workers(tmp_path, servers.urls, 3) as running:
                    following = asyncio.create_task(follow_incidents(mine.link, 0, seen.keep))
                    began = time.monotonic()
                    sending = [asyncio.create_task(one.send(mine.intake, began + 16)) for one in senders]
                    await asyncio.sleep(4)
                    servers.kill(await asyncio.to_thread(servers.leader, "RF_EVENTS"))
                    await asyncio.sleep(8)
                    running[0].kill()
                    await asyncio.gather(*sending)
                    caught_up = await seen.until(sum(one.acknowledged for one in senders), 60)
                    await ended([following])
                    return caught_up

    senders = [Sender(f"gpu{at:04d}") for at in range(HOSTS)]
    seen, said = Seen(), []
    caught_up = asyncio.run(run())
    with capsys.disabled():
        print(
            f"\n  {sum(one.acknowledged for one in senders)} events acknowledged, longest wait for an acknowledgement"
            f" {max(one.gap for one in senders):.1f} s, all accounted for {caught_up:.1f} s after the last"
        )
    assert {f"RF-{one.host}": one.acknowledged for one in senders} == seen.total
    assert all(numbers == sorted(set(numbers)) for numbers in seen.versions.values())
    assert "caught up" in (tmp_path / "worker-1.log").read_text()


def test_processes_come_and_go_and_nats_goes_away_and_comes_back(tmp_path, capsys):
    """A process that joins takes its share, one that ends gives it back; without NATS nothing is acknowledged."""

    async def run():
        with cluster(tmp_path, servers=1) as servers:
            async with joined(servers.urls, "all", COUNTING, said.append, 2.0, layout=LAYOUT) as mine:
                following = asyncio.create_task(follow_incidents(mine.link, 0, seen.keep))
                sender = Sender("gpu0001")
                await sender.send(mine.intake, time.monotonic() + 1)
                with workers(tmp_path, servers.urls, 1, "worker"):
                    joining = await until(lambda: 0 < len(mine.status().slots) < 17, 60)
                leaving = await until(lambda: len(mine.status().slots) == 17, 60)
                servers.kill(0)
                sending = asyncio.create_task(mine.intake.put(events("gpu0001", sender.sent + 1, ROWS).record))
                await asyncio.sleep(2)
                away_acknowledged = sending.done()
                servers.start(0)
                await sending
                sender.acknowledged += ROWS
                await mine.verdict(Verdict("RF-gpu0001", "benign"))
                await seen.until(sender.acknowledged, 60)
                judged = await until(lambda: seen.states["RF-gpu0001"] == "benign", 60)
                await ended([following])
                return sender, away_acknowledged, joining, leaving, judged, mine.status().troubles

    seen, said = Seen(), []
    sender, away_acknowledged, joining, leaving, _, troubles = asyncio.run(run())
    with capsys.disabled():
        print(f"\n  joined in {joining:.1f} s, left in {leaving:.1f} s, {troubles}")
    assert not away_acknowledged
    assert seen.total == {"RF-gpu0001": sender.acknowledged}
    assert troubles.disconnected >= 1
    assert any("caught up" in one for one in said)  # slots that come at once are told in one line
    assert sum("did not take" in one or "no checkpoint" in one for one in said) <= 4
    assert said.count("NATS takes everything again") <= 1


def test_a_full_stream_is_told_and_counted_and_takes_again_when_there_is_room(tmp_path):
    """Nothing old goes to make room for what is new, and nothing that did not fit is acknowledged."""

    async def run():
        with cluster(tmp_path, servers=1) as servers:
            async with connected(servers.urls, Layout(partitions=2, event_bytes=1 << 20)) as link:
                numbers = []
                refused = await fill(link, numbers, b"x" * 10_000)
                await link.forget("RF_EVENTS", 51)
                numbers.append(await link.put("rf.events.0", b"x" * 10_000, "after", within=5.0))
                first = await link.after("rf.events.0", 1)
                return numbers, refused, first.seq, link.troubles

    numbers, refused, first, troubles = asyncio.run(run())
    assert len(numbers) > 90
    assert numbers == list(range(1, len(numbers) + 1))
    assert first == 51
    assert "maximum bytes" in refused.what
    assert refused.remedy.startswith("nothing was acknowledged")
    assert troubles.full >= 1


def test_a_full_disk_is_told_and_counted_and_what_was_acknowledged_is_there_afterwards(tmp_path):
    """The server's files lie on a small disk of their own."""
    if os.geteuid():
        pytest.skip("missing-part: root, to mount a small disk")

    async def run(servers):
        acknowledged = []
        async with connected(servers.urls, Layout(partitions=2, event_bytes=64 << 20)) as link:
            await fill(link, acknowledged, os.urandom(50_000))
            return acknowledged, link.troubles

    async def read(servers, seqs):
        async with connected(servers.urls) as link:
            return [(await link.at("RF_EVENTS", seq)) is not None for seq in seqs]

    with small_disk(tmp_path / "0", 12), cluster(tmp_path, servers=1) as servers:
        acknowledged, troubles = asyncio.run(run(servers))
        (tmp_path / "0" / "ballast").unlink()
        servers.kill(0)
        servers.start(0)
        there = asyncio.run(read(servers, acknowledged))
    assert len(acknowledged) > 10
    assert troubles.again >= 1
    assert troubles.said
    assert all(there)


@pytest.mark.parametrize("servers", [1, 3])
def test_servers_without_room_for_the_streams_end_it_at_once(tmp_path, servers):
    """With the size that would do instead of a wait that changes nothing."""

    async def run(urls):
        async with connected(urls, Layout(event_bytes=2 << 30)) as link:
            return link

    with cluster(tmp_path, servers=servers, room="1G") as running:
        if servers > 1:
            time.sleep(8)  # until they have a leader
        began = time.monotonic()
        with pytest.raises(StateError, match="making RF_EVENTS") as refused:
            asyncio.run(run(running.urls))
    assert time.monotonic() - began < 10
    assert "--nats-storage" in refused.value.remedy


async def fill(link, acknowledged: list[int], body: bytes) -> StateError:
    """Put messages until one is refused; what was acknowledged, and the refusal."""
    try:
        while len(acknowledged) < 1000:
            acknowledged.append(await link.put("rf.events.0", body, str(len(acknowledged)), within=2.0))
    except StateError as refused:
        return refused
    raise AssertionError("nothing was refused")


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """A file system of this size at a folder, two mebibytes of which are ballast."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        (folder / "ballast").write_bytes(b"x" * (2 << 20))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def until(holds, within: float) -> float:
    """Seconds until something holds."""
    began = time.monotonic()
    while not holds() and time.monotonic() - began < within:
        await asyncio.sleep(0.05)
    assert holds()
    return time.monotonic() - began
