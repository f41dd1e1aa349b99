"""A telemetry server for tests: a real listener, and a sink that writes to a file and flushes it before it promises.

`python -m tests.app.agent.keeping FOLDER PORT OUT` runs it as a process of its own, to be killed.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

from ringfence.app.orders.home import ServerHome
from ringfence.app.watch.listen import Listening, relays_of
from ringfence.errors import StateError
from ringfence.watch import ndjson


class Keeping:
    """Every event with its source and number, one JSON line each, on disk before it is acknowledged."""

    def __init__(self, path):
        self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.full = False
        self.noticed = []
        self.blocks = []

    async def lines(self, source, data, first, urgent):
        """Keep a block."""
        self.blocks.append((source, first, urgent))
        batch, _ = ndjson.batch(data, source, first, time.time_ns() // 1000)
        await self.rows(batch.record, urgent)

    async def rows(self, record, urgent):
        """Keep rows."""
        if self.full:
            raise StateError("no room")
        rows = record.to_pylist()
        os.write(self._out, "".join(json.dumps({**row, "urgent": urgent}) + "\n" for row in rows).encode())
        os.fsync(self._out)

    def told(self, event):
        """What the listener noticed."""
        self.noticed.append(event)


def kept(path):
    """The rows in a sink's file; a line cut short by a kill was never acknowledged."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"}")]


@asynccontextmanager
async def served(home, path, **more):
    """A listener on a free port, and its sink."""
    sink = Keeping(path)
    async with Listening.serving(home, ("127.0.0.1", 0), sink, relays_of(home.folder), **more) as listening:
        yield listening, sink


async def _main(folder, port, out):
    sink = Keeping(Path(out))
    async with Listening.serving(ServerHome(Path(folder)), ("127.0.0.1", int(port)), sink):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
