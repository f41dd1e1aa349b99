"""A reader that keeps its own position: no consumer on the server, so none is lost with a server.

Messages are asked for one after the other, in the order of the stream. That something new is there is told by a nudge
that is not kept; a nudge that was lost costs a poll.
"""

import asyncio
from contextlib import suppress
from typing import Any

from ringfence.errors import StateError
from ringfence.transport.nats.layout import nudge
from ringfence.transport.nats.stream import Link, Message

POLL = 2.0
"""Seconds between questions when no nudge comes."""


class Reader:
    """Reads a subject (`*` allowed) of one stream from a position on."""

    def __init__(self, link: Link, subject: str, position: int) -> None:
        self.position = position
        self._link, self._subject = link, subject
        self._known = 0
        self._something = asyncio.Event()
        self._listening: Any = None

    async def __aenter__(self) -> "Reader":
        self._listening = await self._link.hear(nudge(self._subject), self._nudged)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.unhear(self._listening)

    async def next(self, wait: float) -> Message | None:
        """The next message; None if there is none for `wait` seconds, or NATS does not answer."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        pause = 0.001
        while True:
            self._something.clear()
            found = await self._asked()
            if found is not None:
                self.position = found.seq
                return found
            left = until - clock()
            if left <= 0:
                return None
            if self._known > self.position:  # acknowledged, but not yet applied by the copy that answered
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.1)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL)):
                    await self._something.wait()

    async def _asked(self) -> Message | None:
        try:
            return await self._link.after(self._subject, self.position + 1)
        except StateError:
            await asyncio.sleep(0.05)
            return None

    async def _nudged(self, message: Any) -> None:
        if message.data.isdigit() and len(message.data) < 20:
            self._known = max(self._known, int(message.data))
        self._something.set()
