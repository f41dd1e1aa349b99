"""The processes of the endpoints bench: workers with a node stage each, and the one with the joint stage.

files ─▶ worked ─usual, soon─▶ joined ─▶ entities of incidents that changed
"""

import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from bench import report
from bench.endpoints_batches import JOBS, read, stamped
from ringfence.app.watch import stages
from ringfence.app.watch.made import Made
from ringfence.app.watch.stages import Clock
from ringfence.transport.arrow import joined as together
from ringfence.watch.batch import Batch
from ringfence.watch.engine import JointStage, NodeStage, Yielded
from ringfence.watch.loss import WHO
from ringfence.wire.ocsf import classes

MESSAGE = 256 << 10
"""Bytes of a message to the joint stage, as NATS would take: what is urgent waits for one at most."""
LOST = (1, 2)
"""Activities of telemetry health that say that events were lost on the way here: gaps, and numbers that came twice."""


class Done(msgspec.Struct, frozen=True):
    """What a process has done so far; of the joint one `signals` are changes of incidents.

    `peak` is the most memory it has held, in MiB; `share` what it holds now, pages held with others divided among them.
    """

    events: int
    passed: int
    cpu: float
    peak: int
    share: int
    lost: int
    signals: int
    faults: dict[str, int]


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def share_mib() -> int:
    """What this process holds, each page divided by how many hold it, in MiB; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def worked(
    line: Connection, made: Made, folder: Path, number: int, usual: Connection, soon: Connection, dense: float
) -> None:
    """Replay a worker's files until told to end."""
    _Worker(line, made, folder, number, usual, soon, dense).run()


class _Worker:
    def __init__(
        self, line: Connection, made: Made, folder: Path, number: int, usual: Connection, soon: Connection, dense: float
    ) -> None:
        self._line, self._usual, self._soon, self._dense = line, usual, soon, dense
        stage = made.stages().node()
        assert isinstance(stage, NodeStage)
        self._stage, self._number = stage, number
        self._files = sorted((folder / str(number)).glob("*.arrow"))
        self._jobs = read(folder / JOBS)
        self._clock, self._company = Clock(), list[pa.RecordBatch]()
        self._events = self._passed = self._lost = self._signals = 0
        self._rate, self._since, self._due = 0.0, time.monotonic(), 0.0
        self._orders: Mapping[str, Callable[[Any], None]] = {
            "count": self._count,
            "rate": self._pace,
            "unbatched": self._urgent,
            "batched": self._company.append,
        }

    def run(self) -> None:
        turn = 0
        while True:
            self._told_of_jobs(turn)
            for file in self._files:
                if not self._ordered():
                    return
                self._replay(file, turn)
            turn += 1

    def _told_of_jobs(self, turn: int) -> None:
        """All jobs begin anew; the first worker has the scheduler's events, the others hear of them."""
        batch = stamped(self._jobs, turn, now(), self._dense)
        if self._number == 0:
            self._taken(batch, self._usual)
        else:
            self._stage.hear(batch)

    def _replay(self, file: Path, turn: int) -> None:
        batch = stamped(read(file), turn, now(), self._dense)
        if self._company:
            batch = Batch(together([batch.record, *self._company]))
            self._company.clear()
        self._taken(batch, self._usual)
        if self._clock.due(now()):
            self._send(self._stage.tick(self._clock.ticked), self._usual)

    def _taken(self, batch: Batch, to: Connection) -> None:
        self._events += len(batch)
        self._send(self._stage.step(batch), to)
        self._passed += len(batch)

    def _send(self, yielded: Yielded, to: Connection) -> None:
        for part in yielded.condensed:
            rows = part.rows(classes.TELEMETRY)  # agents tell of their own losses too: those are the cluster's
            told = zip(part.codes("source").listed(rows), part.numbers("activity_id")[rows].tolist(), strict=True)
            self._lost += sum(source == WHO and one in LOST for source, one in told)
        self._signals += len(yielded.signals)
        for body in stages.written(yielded, MESSAGE):
            to.send_bytes(body)

    def _ordered(self) -> bool:
        """Do what was ordered, until the next file is due; False where it was to end."""
        while True:
            wait_for = self._due - time.monotonic() if self._rate else 0.0
            if not self._line.poll(max(wait_for, 0.0)):
                break
            order, given = self._line.recv()
            if order == "end":
                return False
            self._orders[order](given)
        if self._rate:
            mean = self._events / max(1, self._steps)
            self._due = max(self._due + mean / self._rate, time.monotonic() - 1.0)
        self._steps += 1
        return True

    _steps = 0

    def _pace(self, rate: float) -> None:
        self._rate, self._due = rate, time.monotonic()

    def _urgent(self, record: pa.RecordBatch) -> None:
        self._taken(Batch(record), self._soon)

    def _count(self, _: object) -> None:
        spent = time.process_time()
        faults = dict(self._stage.faults)
        self._line.send(
            Done(self._events, self._passed, spent, report.peak_mib(), share_mib(), self._lost, self._signals, faults)
        )


def joined(
    line: Connection, made: Made, usual: Sequence[Connection], soon: Sequence[Connection], told: Connection
) -> None:
    """The joint stage: urgent ones first, until told to end."""
    stage = made.stages().joint()
    assert isinstance(stage, JointStage)
    clock, changes, taken = Clock(), 0, 0
    while True:
        ready = wait([line, *soon, *usual], 1.0)
        changed: list[Any] = []
        if line in ready:
            order, _ = line.recv()
            if order == "end":
                return
            spent = time.process_time()
            line.send(Done(taken, taken, spent, report.peak_mib(), share_mib(), 0, changes, dict(stage.faults)))
        for one in [one for one in soon if one in ready] or [one for one in usual if one in ready]:
            changed += stage.step(stages.read(one.recv_bytes()))
            taken += 1
        if clock.due(now()):
            changed += stage.tick(clock.ticked)
        if changed:
            changes += len(changed)
            told.send({entity for one in changed for entity in one.entities})
