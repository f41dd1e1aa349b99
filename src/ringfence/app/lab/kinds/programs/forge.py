"""What root on one node can tell the watch with that node's own key: lies about others, a flood, the same again.

    python -m ringfence.app.lab.kinds.programs.forge AGENT_FOLDER SERVER PORT LOG SECONDS NAME=ADDRESS ...

The lies name the hosts that come last: as senders of weights, as hosts of jobs, as readers, as silent, and as where
logins at this node came from. They go over the real telemetry channel, and use up the connection of the node's agent.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from ringfence.app.agent.link import Link
from ringfence.app.enforcer.home import NodeHome
from ringfence.errors import UsageError
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.line import line
from ringfence.wire.ocsf.logsources import USUAL
from ringfence.wire.telemetry import Block

INSIDE, OUTSIDE, STORE = "10.77.", "192.88.99.66", "10.77.0.4"
LONGEST = 30.0
SENSOR = "forged"
"""A lane of its own: the numbers of the agent's own lanes stay good."""
FLOOD, EACH = 20, 400
"""Blocks, and events of each."""
AGAIN = 6
_OPENED, _CLOSED, _LOGON, _OPEN_FILE, _STARTED, _SILENCE = 1, 2, 1, 14, 1, 4


class Forged:
    """The blocks as a feed: each once, in order; what was not taken is sent again, and then there is nothing more."""

    def __init__(self, blocks: list[Block]) -> None:
        self.more = asyncio.Event()
        self.more.set()
        self.taken = 0
        self._waiting, self._sent = blocks, dict[int, Block]()
        self.over = asyncio.Event()

    def next(self, number: int) -> Block | None:
        """The next block, under this number."""
        if not self._waiting:
            return None
        self._sent[number] = self._waiting.pop(0)
        return msgspec.structs.replace(self._sent[number], number=number)

    def took(self, number: int) -> None:
        """It is there."""
        self.taken += self._sent.pop(number, None) is not None
        if not self._sent and not self._waiting:
            self.over.set()

    def rewind(self) -> None:
        """Again what was not taken."""
        self._waiting = [*self._sent.values(), *self._waiting]
        self._sent.clear()
        self.more.set()


def main() -> None:
    """Lie until everything was taken, or the time is over."""
    folder, address, port, log, seconds, *named = sys.argv[1:]
    others = dict(one.split("=", 1) for one in named)
    if not all(one.startswith(INSIDE) for one in (address, *others.values())):
        raise UsageError("an address is not in the lab's inside network", "`ringfence lab attack` starts this")
    home = NodeHome(Path(folder))
    with open(log, "a", buffering=1) as file:
        say(file, "began")
        feed = Forged(list(blocks(home.host.partition(":")[2], others)))
        asyncio.run(lie(home, feed, (address, int(port)), min(float(seconds), LONGEST)))
        say(file, "ended", sent=0, why=f"{feed.taken} blocks taken")


async def lie(home: NodeHome, feed: Forged, address: tuple[str, int], seconds: float) -> None:
    """Keep a connection until all is taken."""
    link = asyncio.create_task(Link(home, feed, lambda said: None, (SENSOR,), address).run())
    try:
        async with asyncio.timeout(seconds):
            await feed.over.wait()
    except TimeoutError:
        pass
    finally:
        link.cancel()


def blocks(mine: str, others: dict[str, str]) -> Iterator[Block]:
    """Lies about the others, then a flood of this host, then the first lies again and again."""
    first = time.time_ns() // 1_000_000  # higher than in any trial before
    lies = [one for name, address in others.items() for one in about(mine, name, address)]
    lying = _block(first, lies)
    yield lying
    first += len(lies)
    for _ in range(FLOOD):
        flood = [_event(classes.PROCESS, 1, mine, {"process.name": "true", "process.pid": at}) for at in range(EACH)]
        yield _block(first, flood)
        first += len(flood)
    for _ in range(AGAIN):
        yield lying


def about(mine: str, name: str, address: str) -> Iterator[Event]:
    """What is said of one other host."""
    flow: dict[str, Value] = {
        "src_endpoint.ip": address, "dst_endpoint.ip": OUTSIDE, "dst_endpoint.port": 443,
        "connection_info.protocol_name": "tcp", "connection_info.direction": "outbound",
        "traffic.bytes_out": 1 << 30, "traffic.bytes_in": 1000, "actor.user.name": "rf-bob",
    }  # fmt: skip
    yield _event(classes.NETWORK, _OPENED, name, flow)
    yield _event(classes.NETWORK, _CLOSED, name, flow)
    read: dict[str, Value] = {"file.path": "/data/weights.bin", "file.data": "model:lab/weights"}
    yield _event(classes.FILE, _OPEN_FILE, name, read | {"actor.user.name": "rf-bob", "actor.process.name": "nc"})
    job: dict[str, Value] = {"job.uid": "job:slurm/lab/999999", "job.hosts": name, "job.user": "rf-bob"}
    yield _event(classes.JOB, _STARTED, mine, job | {"job.command": "xmrig -o stratum+tcp://pool"})
    silent: dict[str, Value] = {"telemetry.of": f"host:{name}/processes", "telemetry.seconds": 600.0}
    yield _event(classes.TELEMETRY, _SILENCE, name, silent)
    login: dict[str, Value] = {"user.name": "rf-bob", "src_endpoint.ip": address, "service.name": "sshd"}
    yield _event(classes.AUTHENTICATION, _LOGON, mine, login | {"status_id": 1, "auth_protocol": "publickey"})


def _event(uid: int, activity: int, host: str, fields: dict[str, Value]) -> Event:
    return Event(uid, activity, time.time_ns() // 1000, host, USUAL.get(uid, "linux//"), fields)


def _block(first: int, events: list[Event]) -> Block:
    return Block(1, SENSOR, first, len(events), b"".join(map(line, events)))


def say(file: IO[str], what: str, **more: object) -> None:
    """A line of the log."""
    file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")


if __name__ == "__main__":
    main()
