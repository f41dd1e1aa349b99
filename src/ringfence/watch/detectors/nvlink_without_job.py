"""D25: bytes over NVLink on a host where no job runs."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.holders import Present, around
from ringfence.watch.planned import HOUR, MINUTE, Planned
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D25",
    name="nvlink_without_job",
    title="NVLink carries bytes that belong to no job",
    meaning="A host's accelerators exchange bytes over NVLink for minutes while no job runs there.",
    stage=JOINT,
    sees=(classes.HOST_INTERVAL, classes.GPU, classes.JOB, classes.TELEMETRY),
    threats=("RF.T20", "RF.T10", "RF.T09"),
    attack=("T1496.001", "T1029"),
    false="A test of links between two jobs that takes longer than six minutes.",
    severity=75,
    seconds=30.0,
)

LEAST = 1 << 20
"""Bytes a second from which it is traffic and no keep-alive."""
LONG = 6 * MINUTE
_GAP = 95_000_000
_AGAIN = HOUR
_MOST = 50_000


class State(msgspec.Struct):
    """`busy`: host → first, last, intervals with bytes and no job."""

    planned: Planned = msgspec.field(default_factory=Planned)
    present: Present = msgspec.field(default_factory=Present)
    busy: dict[str, tuple[int, int, int]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Intervals with traffic and without a job; there are few."""
    state.planned.take(batch)
    state.present.take(batch, view.roster)
    rows = batch.rows(classes.HOST_INTERVAL)
    free = (batch.numbers("host.nvlink")[rows] >= LEAST) & (batch.codes("job.uid").codes[rows] < 0)
    for row in rows[free].tolist():
        host, at = cut(batch.text("device.hostname", row)), int(batch.times[row])
        if state.present.at(host) or around(view.roster, host, at):
            continue
        first, last, count = state.busy.get(host, (at, at, 0))
        if not 0 <= at - last <= _GAP:
            first, count = at, 0
        put(state.busy, host, (first, at, count + 1), _MOST)
        if at - first >= LONG and not state.planned.covers(host, at) and anew(state.told, host, at, _AGAIN):
            source = batch.text("source", row)
            rate = float(batch.numbers("host.nvlink")[row]) / 2**20
            yield signal(
                about,
                key=host,
                time=at,
                since=first,
                entities=(f"host:{host}",),
                sources=(source,),
                evidence=((source, int(batch.numbers("seq")[row])),),
                holds=(f"host:{host}#user",),
                confidence=0.75,
                why=f"NVLink of {host} carried {rate:.0f} MiB/s for {(at - first) // MINUTE} minutes; "
                "no job runs there",
            )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()
