"""`ringfence fence serve`: the order server and its control socket until SIGTERM."""

import asyncio
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from ringfence.app.files import address
from ringfence.app.orders.control import Control
from ringfence.app.orders.home import CONTROL, ServerHome
from ringfence.app.orders.server import OrderServer
from ringfence.errors import UsageError
from ringfence.transport import tls


def start(folder: Path, listen: str, heartbeat: float, say: Callable[[str], None]) -> None:
    """Serve `HOST:PORT`, and say where. Raises `UsageError`, `StateError`."""
    if not 0 < heartbeat <= 3600:
        raise UsageError("a heartbeat is more than 0 and at most 3600 seconds")
    host, port = address(listen)
    serve(folder, (host, port), lambda real: say(f"orders on {host}:{real}"), heartbeat)


def serve(folder: Path, address: tuple[str, int], ready: Callable[[int], None], heartbeat: float) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the port once it listens. Raises `UsageError`, `StateError`."""
    home = ServerHome(folder)
    home.lock()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor for each of ten thousand hosts
    tls.for_many_connections()
    asyncio.run(_run(home, address, ready, heartbeat))


async def _run(home: ServerHome, address: tuple[str, int], ready: Callable[[int], None], heartbeat: float) -> None:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with OrderServer.serving(home, address) as server, Control(server, home.folder / CONTROL):
        server.heartbeat = heartbeat
        ready(server.port)
        await done.wait()
