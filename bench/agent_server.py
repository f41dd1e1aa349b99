"""The server of the agent's bench: a real listener whose sink flushes a file before it promises.

`python -m bench.agent_server FOLDER PORT OUT`
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ringfence.app.orders.home import ServerHome
from ringfence.app.watch.listen import Listening


class Keeping:
    """Lines as they came."""

    def __init__(self, path: Path) -> None:
        self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def lines(self, source: str, data: bytes, first: int, urgent: bool) -> None:
        """Keep a block."""
        os.write(self._out, data)
        os.fdatasync(self._out)

    async def rows(self, record: Any, urgent: bool) -> None:
        """No relay comes here."""

    def told(self, event: Any) -> None:
        """Nobody asks."""


@asynccontextmanager
async def listening(home: ServerHome, port: int, out: Path) -> AsyncIterator[Listening]:
    """A listener on loopback."""
    async with Listening.serving(home, ("127.0.0.1", port), Keeping(out)) as made:
        yield made


async def _main(folder: str, port: str, out: str) -> None:
    async with listening(ServerHome(Path(folder)), int(port), Path(out)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
