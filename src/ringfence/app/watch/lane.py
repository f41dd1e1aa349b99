"""Events on their way into a log: in company if they can wait, one message at a time.

        put ─▶ rows wait ≤ 50 ms for company, urgent ones not ─▶ send, one at a time ─▶ acknowledged, or given back

One at a time, because what is sent again must not overtake: the numbers of its sources would show gaps that are none.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import pyarrow as pa

from ringfence.errors import RingfenceError, StateError
from ringfence.transport.arrow import joined

COMPANY = 0.05
"""Seconds that events wait for others."""
MOST_ROWS = 4096
_ENDS = StateError("this process ends", "the sender sends it again")


class Counted(msgspec.Struct):
    """Events acknowledged, given back because NATS did not take them, refused for want of room, and too large."""

    taken: int = 0
    given_back: int = 0
    no_room: int = 0
    too_large: int = 0


class _Waiting(msgspec.Struct, frozen=True):
    record: pa.RecordBatch
    done: asyncio.Future[None]


class Lane:
    """What waits for one log. `send` has rows kept; one call of it at a time."""

    def __init__(self, send: Callable[[pa.RecordBatch, bool], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._urgent = False
        self._some, self._now = asyncio.Event(), asyncio.Event()

    async def put(self, record: pa.RecordBatch, urgent: bool) -> None:
        """Returns when it is kept. Raises `StateError` where it is not."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(record, done))
        self._rows += record.num_rows
        self._urgent |= urgent
        self._some.set()
        if urgent or self._rows >= MOST_ROWS:
            self._now.set()
        await done

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPANY):
                    await self._now.wait()
            taken = self._taken()
            urgent, self._urgent = self._urgent, False
            try:
                await self._send(joined([one.record for one in taken]), urgent)
            except asyncio.CancelledError:
                _settle(taken, _ENDS)
                raise
            except (RingfenceError, pa.ArrowException) as error:
                _settle(taken, StateError(str(error), "the sender sends it again"))
            else:
                _settle(taken, None)

    def give_back(self) -> None:
        """Nothing more is sent: tell those that wait."""
        _settle(list(self._waiting), _ENDS)

    def _taken(self) -> list[_Waiting]:
        """The first that wait, up to a message's rows."""
        taken: list[_Waiting] = []
        rows = 0
        while self._waiting and (not taken or rows + self._waiting[0].record.num_rows <= MOST_ROWS):
            taken.append(self._waiting.popleft())
            rows += taken[-1].record.num_rows
        self._rows -= rows
        if self._rows < MOST_ROWS:
            self._now.clear()
        if not self._waiting:
            self._some.clear()
        return taken


def _settle(taken: list[_Waiting], error: StateError | None) -> None:
    for one in taken:
        if one.done.done():  # nobody waits for it any more
            continue
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(error)
