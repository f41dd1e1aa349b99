"""Processes that share the work over a real cluster of three NATS servers, killed under load."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.watch.cluster import follow_incidents, joined
from ringfence.app.watch.worker import ended
from ringfence.errors import StateError
from ringfence.transport.nats.layout import Layout
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
                    caught_up = await seen.until(sum(one.acknowledged for one in senders), 25)
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
    assert caught_up < 20
    assert "caught up" in (tmp_path / "worker-1.log").read_text()
