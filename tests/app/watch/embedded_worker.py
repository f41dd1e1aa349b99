"""The embedded engine with stages that count, under load, to be killed.

    python -m tests.app.watch.embedded_worker HOME HOST FIRST

Sends numbered events of a host from number FIRST on, and prints each number that was acknowledged.
"""

import asyncio
import sys
from pathlib import Path

from ringfence.app.watch.embedded import embedded
from tests.app.watch.counting import COUNTING, events

ROWS = 10


async def work(home: Path, host: str, first: int) -> None:
    """Send until killed."""
    async with embedded(home, COUNTING, lambda said: None, lambda incident: None, saved=0.2) as engine:
        while True:
            await engine.put(events(host, first, ROWS).record, urgent=True)
            first += ROWS
            print(first - 1, flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
