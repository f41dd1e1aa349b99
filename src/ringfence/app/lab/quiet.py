"""Hours before the lab began, so that the watch knows what is usual: made up, of the lab's own hosts.

A watch that has just begun knows no habits and judges little by them; on a real cluster it has run for days.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from ringfence.app.lab.layout import ALICE, BOB, CLUSTER, STORE_PORT, Account, Layout, Machine
from ringfence.app.watch.embedded import embedded
from ringfence.app.watch.made import Made
from ringfence.watch.batch import of_events
from ringfence.watch.learned import HOUR, LEARN, SECOND
from ringfence.wire.ocsf.classes import NETWORK
from ringfence.wire.ocsf.event import Event, Value

HOURS = LEARN // HOUR + 2
_CLOSED = 2


async def learn(home: Path, layout: Layout, made: Made) -> None:
    """Have the watch of this folder live through them. Raises `StateError`."""
    async with embedded(home, made.stages(), lambda said: None, lambda incident: None) as engine:
        for events in hours(layout, time.time_ns() // 1000):
            await engine.put(of_events(events).record, False)


def hours(layout: Layout, now: int) -> Iterator[list[Event]]:
    """Each hour's events: jobs of both tenants read from the storage. `now` in microseconds since the epoch."""
    store = layout.machine("store").address
    for hour in range(HOURS, 0, -1):
        yield [
            Event(NETWORK, _CLOSED, now - hour * HOUR + at * SECOND, node.name, "", _read(node, store, account, hour))
            for at, node in enumerate(layout.nodes)
            for account in (ALICE, BOB)
        ]


def _read(node: Machine, store: str, account: Account, hour: int) -> dict[str, Value]:
    return {
        "src_endpoint.ip": node.address,
        "dst_endpoint.ip": store,
        "dst_endpoint.port": STORE_PORT,
        "connection_info.protocol_name": "tcp",
        "connection_info.direction": "outbound",
        "traffic.bytes_out": 400,
        "traffic.bytes_in": 50_000_000,
        "actor.user.name": account.name,
        "actor.process.name": "python3",
        "job.uid": f"job:slurm/{CLUSTER}/{hour}",
    }
