"""One source on its way out: how much it may say, what waits for company, what does not, and what was dropped.

event ─limit─▶ urgent? ─yes─▶ out at once, on the lane `files.urgent`
│        └─no──▶ waits ≤ 0.25 s or 64 KiB ─▶ out, on the lane `files`
└ over it: dropped and counted, told once a second
"""

import time
from collections.abc import Callable

from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.line import line
from ringfence.wire.ocsf.urgent import urgent
from ringfence.wire.telemetry import BLOCK, URGENT

DROP, RESUME, HOLE, SPOOL, HEARTBEAT = 2, 5, 7, 8, 9
FULL = 64 << 10
BEATS = 30.0
"""Seconds between two signs of life of each lane of a source that works."""
BURST = 4
"""Seconds' worth of events that may come at once."""

Out = Callable[[str, bytes, int], None]
"""Takes (lane, lines, how many)."""


class Sensor:
    """A source by name. `out` takes what is ready. `works` is false while the source is a hole."""

    def __init__(self, name: str, machine: Machine, out: Out, rate: int) -> None:
        self.name, self._machine, self._out, self._rate = name, machine, out, rate
        self._waiting, self._lines = bytearray(), 0
        self._budget, self._filled = float(BURST * rate), time.monotonic()
        self._beaten = 0.0
        self.taken = self.dropped = 0
        self.works = False
        self._untold = 0

    def take(self, event: Event) -> None:
        """Send it, soon or at once; or drop and count it."""
        if self._budget < 1:
            self.drop(1)
            return
        self._budget -= 1
        data = line(event)
        if len(data) > BLOCK:
            self.drop(1)
            return
        self.taken += 1
        if urgent(event):
            self._out(self.name + URGENT, data, 1)
        else:
            self._add(data)

    def drop(self, count: int) -> None:
        """Events that came and could not be taken."""
        self.dropped += count
        self._untold += count

    def tell(self, activity: int, why: str, **more: Value) -> None:
        """A word about the telemetry itself, past the limit."""
        fields: dict[str, Value] = {
            "telemetry.of": f"host:{self._machine.host}/{self.name}",
            "telemetry.why": why[:500],
        }
        fields |= {f"telemetry.{name}": value for name, value in more.items()}
        self._add(line(self._machine.event(TELEMETRY, activity, fields)))

    @property
    def tired(self) -> bool:
        """Whether it has said all that it may for now."""
        return self._budget < 1

    def tick(self, now: float) -> None:
        """Refill the budget; tell drops, and that the source lives."""
        self._budget = min(float(BURST * self._rate), self._budget + (now - self._filled) * self._rate)
        self._filled = now
        if self._untold:
            count, self._untold = self._untold, 0
            self.tell(DROP, "more than may be sent", count=count)
        if self.works and now - self._beaten >= BEATS:
            self._beaten = now
            self.tell(HEARTBEAT, "alive", count=self.taken)
            fields: dict[str, Value] = {"telemetry.of": f"host:{self._machine.host}/{self.name}{URGENT}"}
            self._out(self.name + URGENT, line(self._machine.event(TELEMETRY, HEARTBEAT, fields)), 1)

    def flush(self) -> None:
        """Send what waits."""
        if self._lines:
            data, count = bytes(self._waiting), self._lines
            self._waiting, self._lines = bytearray(), 0
            self._out(self.name, data, count)

    def _add(self, data: bytes) -> None:
        if len(self._waiting) + len(data) > BLOCK:
            self.flush()
        self._waiting += data
        self._lines += 1
        if len(self._waiting) >= FULL:
            self.flush()
