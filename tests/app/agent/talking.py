"""An agent for tests that says what it is told to say: real spool, real link; only its source is made up.

`python -m tests.app.agent.talking FOLDER COUNT` puts numbered events into the spool, a block each, as fast as it can.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from ringfence.app.agent.feed import Spooled
from ringfence.app.agent.link import Link
from ringfence.app.enforcer.home import NodeHome
from ringfence.wire.telemetry import Agent, Block


def line(number, host="gpu0001", **more):
    """One event."""
    row = {"class_uid": 1007, "activity_id": 1, "time": number + 1, "device.hostname": host, "logsource": "linux//x"}
    return json.dumps(row | {"process.pid": number} | more).encode() + b"\n"


def block(number, first, *lines, sensor="processes", urgent=False):
    """A block of lines."""
    return Block(number, sensor, first, len(lines), b"".join(lines), urgent)


def hello(host="host:gpu0001", role="agent"):
    """A greeting."""
    return Agent(host, role, ("processes",))


async def _main(folder, count):
    home = NodeHome(Path(folder))
    spool = Spooled(home.folder / "spool")
    link = asyncio.create_task(Link(home, spool, lambda _: None, ("processes",)).run())
    last = os.open(home.folder / "said", os.O_RDWR | os.O_CREAT)
    begun = int(os.pread(last, 8, 0) or b"0")
    for number in range(begun, int(count)):
        lane = "processes.urgent" if number % 10 == 0 else "processes"
        os.pwrite(
            last, b"%08d" % (number + 1), 0
        )  # before it is said: what a kill cuts off in between was never in the spool
        spool.put(lane, line(number), 1)
        await asyncio.sleep(0.001)
    await link


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
