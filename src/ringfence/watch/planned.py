"""Which hosts somebody has announced work on: a reservation for maintenance, or a planned stop of the host's agent.

        JOB 7 "maint-…" with hosts ─┐
        TELEMETRY 7 of a host ──────┴─▶ host → [from, until] ─▶ work below the system is honest there

An announcement counts from a little before it was made, since it is told by another clock.
"""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.wire.ocsf import classes

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
RESERVED = 6 * HOUR
"""How long a reservation whose end is not told counts."""
STOPPED = 1 * HOUR
"""How long a stop that an agent announces counts."""
AFTER = 30 * MINUTE
"""How long the last of it may come after the end: controllers tell late what happened."""
_EARLY = 2 * MINUTE
_MOST = 50_000
_WORK = ("maint", "repair", "rma", "service", "upgrade", "firmware", "swap", "hardware", "recable", "burn")
_END, _CANCEL, _RESERVE, _HOLE = 3, 5, 7, 7


class Planned(msgspec.Struct):
    """Host → from, until (microseconds); reservation → its hosts."""

    hosts: dict[str, tuple[int, int]] = {}
    reservations: dict[str, tuple[str, ...]] = {}

    def take(self, batch: Batch) -> None:
        """Learn of what is announced in this batch."""
        activity = batch.numbers("activity_id")
        for row in batch.rows(classes.JOB).tolist():
            if activity[row] == _RESERVE:
                self._reserve(batch, row)
            elif activity[row] in (_END, _CANCEL):
                self._end(_name(batch, row), int(batch.times[row]))
        for row in batch.rows(classes.TELEMETRY).tolist():
            if activity[row] == _HOLE and "reboot" in batch.text("telemetry.why", row).lower():
                host, at = batch.text("device.hostname", row), int(batch.times[row])
                self._open(host, at, at + STOPPED)

    def covers(self, host: str, when: int) -> bool:
        """Whether work on the host was announced for then."""
        start, end = self.hosts.get(cut(host), (0, -1))
        return start <= when <= end

    def _reserve(self, batch: Batch, row: int) -> None:
        said = f"{batch.text('job.name', row)} {batch.text('job.reservation', row)} {batch.text('job.features', row)}"
        if not any(word in said.lower() for word in _WORK):
            return
        hosts = tuple(name for name in batch.text("job.hosts", row).split(",") if name)[:_MOST]
        at = int(batch.times[row])
        put(self.reservations, _name(batch, row), hosts, 1000)
        for host in hosts:
            self._open(host, at, at + RESERVED)

    def _open(self, host: str, start: int, end: int) -> None:
        before = self.hosts.get(cut(host))
        start -= _EARLY
        if before and before[1] >= start:  # one after the other: from the first to the last
            start, end = min(before[0], start), max(before[1], end)
        put(self.hosts, cut(host), (start, end), _MOST)

    def _end(self, name: str, when: int) -> None:
        for host in self.reservations.pop(name, ()):
            start, end = self.hosts.get(cut(host), (0, -1))
            if start <= when:
                put(self.hosts, cut(host), (start, min(end, when + AFTER)), _MOST)


class Happening(msgspec.Struct, frozen=True):
    """A row that tells of work on a host: `entities` are the host and its controller, as far as they are told."""

    row: int
    at: int
    host: str
    entities: tuple[str, ...]
    evidence: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]


def happened(batch: Batch, uid: int, activities: Iterable[int]) -> Iterator[Happening]:
    """The rows of a class and some of its activities."""
    rows = batch.rows(uid)
    for row in rows[np.isin(batch.numbers("activity_id")[rows], list(activities))].tolist():
        yield happening(batch, row)


def happening(batch: Batch, row: int) -> Happening:
    """What one row tells."""
    host, source = cut(batch.text("device.hostname", row)), batch.text("source", row)
    named = (f"host:{host}" if host else "", cut(batch.text("hardware.controller", row)))
    return Happening(
        row=row,
        at=int(batch.times[row]),
        host=host,
        entities=tuple(one for one in named if one),
        evidence=((source, int(batch.numbers("seq")[row])),),
        sources=(source,),
    )


def _name(batch: Batch, row: int) -> str:
    found = ("job.reservation", "job.uid", "job.name")
    return cut(next((said for said in (batch.text(name, row) for name in found) if said), ""))
