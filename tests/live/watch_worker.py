"""A process that shares the work of watching, with stages that count, to be killed.

python -m tests.live.watch_worker ROLE URL…
"""

import asyncio
import signal
import sys
from collections.abc import Sequence

from ringfence.app.watch.cluster import joined
from tests.app.watch.counting import COUNTING


async def work(role: str, urls: Sequence[str]) -> None:
    """Share the work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with joined(urls, role, COUNTING, lambda said: print(said, flush=True), saved=2.0) as cluster:
        print(f"member {cluster.name}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2:]))
