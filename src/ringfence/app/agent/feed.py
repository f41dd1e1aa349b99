"""The two spools of an agent as one feed: what is urgent goes first, whatever else waits."""

import asyncio
from pathlib import Path

from ringfence.transport.spool import MOST, Spool
from ringfence.wire.telemetry import URGENT, Block

_URGENT_SHARE = 4


class Spooled:
    """The spools in a folder: `urgent`, a quarter of the room, and `rest`."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self.urgent, self.rest = Spool(folder / "urgent", most // _URGENT_SHARE), Spool(folder / "rest", most)
        self.more = asyncio.Event()
        self._sent: dict[int, Spool] = {}

    def put(self, lane: str, data: bytes, count: int) -> None:
        """Keep a block until the other side has it."""
        (self.urgent if lane.endswith(URGENT) else self.rest).put(lane, data, count)
        self.more.set()

    def next(self, number: int) -> Block | None:
        """The next block, urgent ones first."""
        for spool in (self.urgent, self.rest):
            kept = spool.next(number)
            if kept is not None:
                self._sent[number] = spool
                return Block(number, kept.lane, kept.first, kept.count, kept.data, spool is self.urgent)
        return None

    def took(self, number: int) -> None:
        """The other side has this one."""
        spool = self._sent.pop(number, None)
        if spool is not None:
            spool.took(number)

    def rewind(self) -> None:
        """Send again what was not taken."""
        self._sent.clear()
        self.urgent.rewind()
        self.rest.rewind()
        self.more.set()

    @property
    def waiting(self) -> int:
        """Bytes that the other side does not have."""
        return self.urgent.waiting + self.rest.waiting

    def dropped(self) -> dict[str, int]:
        """Lines that found no room since this was last asked, by lane."""
        return dict(self.urgent.dropped() + self.rest.dropped())

    def sync(self) -> None:
        """Have the disk keep it."""
        self.urgent.sync()
        self.rest.sync()

    def close(self) -> None:
        """Close both in order."""
        self.urgent.close()
        self.rest.close()
