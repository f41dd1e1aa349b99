"""Stages that count, so that every event that is lost or taken twice shows in a number at the end.

A node stage counts the events of each host that it has not seen before; the joint stage has an incident per host whose
`suppressed` is the sum of those counts.
"""

import time
from collections import Counter

import msgspec

from ringfence.app.watch.stages import Stages
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.engine import Yielded
from ringfence.watch.values import DETECTOR, Incident, Signal
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event


def events(host: str, first: int, count: int) -> Batch:
    """Numbered events of a host."""
    now = time.time_ns() // 1000
    return of_events(
        Event(classes.PROCESS, 1, now, host, "linux/process_creation/", {}, f"host:{host}/processes", number)
        for number in range(first, first + count)
    )


class CountingNode:
    """Counts the events of each host, by the numbers of their sources."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def step(self, batch: Batch) -> Yielded:
        new: Counter[str] = Counter()
        hosts, numbers = batch.codes("device.hostname"), batch.numbers("seq").tolist()
        for row, number in enumerate(numbers):
            host = hosts.of(row)
            if number > self.last.get(host, 0):
                self.last[host] = number
                new[host] += 1
        time = int(batch.times.max())
        return Yielded(tuple(_signal(host, time, count) for host, count in sorted(new.items())))

    def tick(self, now: int) -> Yielded:
        return Yielded()

    def hear(self, batch: Batch) -> None:
        pass

    def save(self) -> bytes:
        return msgspec.msgpack.encode(self.last)

    def load(self, data: bytes) -> None:
        self.last = msgspec.msgpack.decode(data, type=dict[str, int])


class CountingJoint:
    """An incident per host, with the sum of what was counted."""

    def __init__(self) -> None:
        self.counted: dict[str, tuple[int, int]] = {}

    def step(self, yielded: Yielded) -> tuple[Incident, ...]:
        found = []
        for one in yielded.signals:
            version, total = self.counted.get(one.key, (0, 0))
            self.counted[one.key] = version + 1, total + one.count
            found.append(_incident(one.key, version + 1, total + one.count, one.time))
        return tuple(found)

    def tick(self, now: int) -> tuple[Incident, ...]:
        return ()

    def verdict(self, incident: str, verdict: str) -> tuple[Incident, ...]:
        host = incident.removeprefix("RF-")
        version, total = self.counted[host]
        self.counted[host] = version + 1, total
        return (_incident(host, version + 1, total, 0, verdict),)

    def save(self) -> bytes:
        return msgspec.msgpack.encode(self.counted)

    def load(self, data: bytes) -> None:
        self.counted = msgspec.msgpack.decode(data, type=dict[str, tuple[int, int]])


COUNTING = Stages(CountingNode, CountingJoint)


def _signal(host: str, time: int, count: int) -> Signal:
    return Signal("RF.D00", DETECTOR, "events", host, time, (f"host:{host}",), (), "counted", count=count)


def _incident(host: str, version: int, total: int, time: int, state: str = "open") -> Incident:
    return Incident(f"RF-{host}", "events", state, version, time, time, 1, 1.0, (), (), suppressed=total)
