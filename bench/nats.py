"""The shared log on a real cluster of three: batches a second, the time to an incident, and what a dead leader costs.

    python -m bench.nats --json        nats-server from Debian; three of them on loopback share the cores with the bench

`failover`: the server that leads the events is killed while one message after the other is put. `gap_s` is the longest
wait for an acknowledgement, `election_s` how long the servers had no leader, `client_s` what the client added to that;
`read_gap_s` the longest time without an answer to a reader. nats-server waits 4 to 9 s before it elects (a constant).
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.nats import Running, cluster

from ringfence.app.watch.cluster import follow_incidents, joined
from ringfence.app.watch.stages import Stages
from ringfence.app.watch.worker import ended
from ringfence.errors import StateError
from ringfence.transport.nats.layout import Layout, both
from ringfence.transport.nats.reader import Reader
from ringfence.transport.nats.stream import Link, connected
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.detectors import DETECTORS
from ringfence.watch.engine import JointStage, NodeStage
from ringfence.watch.site import Nowhere
from ringfence.watch.values import Incident
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

LAYOUT = Layout(event_bytes=1 << 30)
SIZE, MESSAGES = 64 << 10, 4000


async def carried(link: Link) -> dict[str, float]:
    """Messages of 64 KiB put at R3, one on its way per partition, and read again by 64 readers."""
    body, partitions = os.urandom(SIZE), link.layout.partitions

    async def put(partition: int) -> None:
        for at in range(MESSAGES // partitions):
            await link.put(f"rf.events.{partition}", body, f"{partition}/{at}")

    async def read(partition: int) -> None:
        async with Reader(link, both(partition), 0) as reader:
            for _ in range(MESSAGES // partitions):
                assert await reader.next(10.0)

    began = time.perf_counter()
    await asyncio.gather(*map(put, range(partitions)))
    middle = time.perf_counter()
    await asyncio.gather(*map(read, range(partitions)))
    end = time.perf_counter()
    count = MESSAGES // partitions * partitions
    megabytes = count * SIZE / 1e6
    return {
        "put_per_s": round(count / (middle - began)),
        "put_mb_s": round(megabytes / (middle - began), 1),
        "read_per_s": round(count / (end - middle)),
        "read_mb_s": round(megabytes / (end - middle), 1),
    }


async def noticed(urls: list[str], count: int) -> dict[str, float]:
    """Milliseconds from an urgent event put to its incident read, both stages with every detector in one process."""
    stages = Stages(lambda: NodeStage(DETECTORS, Nowhere()), lambda: JointStage(DETECTORS, Nowhere()))
    seen: dict[str, float] = {}

    def keep(number: int, incident: Incident) -> None:
        seen.setdefault(incident.entities[0], time.perf_counter())

    async with joined(urls, "all", stages, lambda said: None) as one:
        following = asyncio.create_task(follow_incidents(one.link, 0, keep))
        await asyncio.sleep(8)  # every slot is taken up
        sent = {}
        for at in range(count):
            batch = lid(f"gpu{at:04d}")
            sent[f"host:gpu{at:04d}"] = time.perf_counter()
            await one.intake.put(batch.record, urgent=True)
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        await ended([following])
    took = sorted(1000 * (seen[at] - when) for at, when in sent.items() if at in seen)
    return {
        "incidents": len(took),
        "of": count,
        "p50_ms": round(took[len(took) // 2], 1),
        "p99_ms": round(took[len(took) * 99 // 100], 1),
    }


def lid(host: str) -> Batch:
    """A chassis that is opened: an incident by itself."""
    fields = {"hardware.controller": f"bmc:{host}", "hardware.sensor": "lid"}
    now = time.time_ns() // 1000
    return of_events([Event(classes.HARDWARE, 5, now, host, "", fields, f"host:{host}/bmc", 1)])


async def failed_over(servers: Running, link: Link) -> dict[str, float]:
    """Kill the leader under load; the longest waits."""
    state = {"stop": 0.0, "gap": 0.0, "read_gap": 0.0}
    again = link.troubles.again

    async def put() -> None:
        at, last = 0, time.perf_counter()
        while not state["stop"]:
            at += 1
            await link.put("rf.events.1", b"x" * 1000, f"failover/{last}/{at}")
            now = time.perf_counter()
            state["gap"], last = max(state["gap"], now - last), now

    async def read() -> None:
        last = time.perf_counter()
        while not state["stop"]:
            try:
                await link.after(both(1), 1)
            except StateError:
                continue
            now = time.perf_counter()
            state["read_gap"], last = max(state["read_gap"], now - last), now
            await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(put()), asyncio.create_task(read())]
    await asyncio.sleep(1)
    leader = await asyncio.to_thread(servers.leader, "RF_EVENTS")
    servers.kill(leader)
    killed = time.perf_counter()
    while await asyncio.to_thread(servers.leader, "RF_EVENTS") == leader:
        await asyncio.sleep(0.02)
    elected = time.perf_counter() - killed
    await asyncio.sleep(2)
    state["stop"] = 1.0
    await asyncio.gather(*tasks)
    servers.start(leader)
    return {
        "gap_s": round(state["gap"], 2),
        "election_s": round(elected, 2),
        "client_s": round(max(0.0, state["gap"] - elected), 2),
        "read_gap_s": round(state["read_gap"], 3),
        "sent_again": link.troubles.again - again,
    }


async def measured(folder: Path, failovers: int) -> dict[str, Any]:
    """All of it."""
    with cluster(folder) as servers:
        async with connected(servers.urls, LAYOUT, within=30) as link:
            result: dict[str, Any] = {"carried": await carried(link)}
            await link.forget("RF_EVENTS", MESSAGES)
            result["urgent"] = await noticed(servers.urls, 300)
            result["failover"] = []
            for _ in range(failovers):
                result["failover"].append(await failed_over(servers, link))
                await asyncio.sleep(6)
    return result


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--failovers", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        result = asyncio.run(measured(Path(folder), asked.failovers))
    about = {"servers": 3, "replicas": 3, "bytes": SIZE, "cores": os.cpu_count()}
    sys.stdout.write(json.dumps(about | result, indent=None if asked.json else 2) + "\n")


if __name__ == "__main__":
    main()
