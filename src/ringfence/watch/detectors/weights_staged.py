"""Weights are laid ready: whoever reads them writes as much to a folder of the node that is nobody's data."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import HOUR, MINUTE, Among, Learning, Spread, Sums, clock
from ringfence.watch.outflow import LEAST, limit
from ringfence.watch.rows import Who, account, foothold, matching, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D12",
    name="weights_staged",
    title="Weights are staged on a node",
    meaning="An account writes as many bytes as a part of the weights that it may read to a folder of no known "
    "data, packs such files, or reads a model a little at a time for hours.",
    stage=NODE,
    sees=(classes.FILE, classes.PROCESS),
    threats=("RF.T02", "RF.T04"),
    atlas=("AML.T0035",),
    attack=("T1074.001", "T1560", "T1030"),
    false="A job that stages its own model on local disks; conversion to another format.",
    severity=60,
)

PART = 0.02
HOURS = 8
USUAL = 3
SCRATCH = r"^/(tmp|var/tmp|dev/shm|scratch|local|mnt/local|raid|run/user)(/|$)"
PACKS = (
    r"\b(tar|zip|7z|7za|zstd|xz|gzip|pigz|split|gpg|age|rar)\b.*(safetensors|\.ckpt|\.pt\b|\.gguf|checkpoint|/models?/)"
    r"|\bopenssl\s+enc\b|\bsplit\s+(-b|--bytes)|\btar\s+-?[a-z]*c[a-z]*f?\s+/(tmp|var/tmp|dev/shm|scratch)/"
    r"|--(out|output|outdir|dst|save|export)[a-z_-]*[= ]/(tmp|var/tmp|dev/shm)/"
)
TURNS, SLOT = 6, 10 * MINUTE
"""Spans of ten minutes in which a model is read anew, hours after the job's start: nobody loads like that."""
LOADING = 25 * MINUTE
PACKERS = (
    "--out",
    "--dst",
    "--save",
    "--export",
    "tar",
    "zip",
    "7z",
    "zstd",
    "xz",
    "split",
    "gpg",
    "age",
    "rar",
    "openssl",
    "pigz",
)
_WRITES = (1, 3)


class State(msgspec.Struct):
    """Bytes written by host and account, weights read likewise and when, and what accounts do in job after job."""

    learning: Learning = msgspec.field(default_factory=Learning)
    written: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR // 2, slots=2 * HOURS))
    read: Sums = msgspec.field(default_factory=lambda: Sums(width=HOUR // 2, slots=2 * HOURS))
    turns: Among = msgspec.field(default_factory=lambda: Among(span=HOURS * HOUR))
    usual: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Writes to files of no known data, reads of weights, and programs that pack."""
    learned = state.learning.done(clock(batch))
    for row in matching(batch, "process.cmd_line", batch.rows(classes.PROCESS), PACKS, PACKERS).tolist():
        one = who(batch, row)
        known = state.usual.add(f"{one.user}|{one.process}|packs", one.job or one.host, one.time) >= USUAL
        if not (known and learned):
            why = f"{one.user or 'somebody'} packs: {shown(batch.text('process.cmd_line', row))}"
            yield noticed(about, one, f"{one.host}|{one.user}|packs", why, confidence=0.5, holds=foothold(one))
    rows = batch.rows(classes.FILE)
    if not len(rows):
        return
    data, activity, bytes_ = batch.codes("file.data"), batch.numbers("activity_id"), batch.numbers("file.bytes")
    weights = np.array([one.startswith(("model:", "checkpoint:")) for one in data.values] + [False])
    for row in rows[weights[data.codes[rows]] & (activity[rows] == 2)].tolist():
        one = who(batch, row)
        job = view.roster.jobs.get(one.job)
        if job is None or one.time - job.started > LOADING:
            yield from _read(state, one, data.of(row), float(bytes_[row]), learned)
    written = rows[(data.codes[rows] < 0) & np.isin(activity[rows], _WRITES) & (bytes_[rows] > 0)]
    scratch = set(matching(batch, "file.path", written, SCRATCH, ("/",)).tolist())
    for row in written.tolist():
        path = batch.text("file.path", row)
        if row in scratch or view.site.data_at(path) is None:
            yield from _written(state, who(batch, row), path, float(bytes_[row]), view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _read(state: State, one: Who, entity: str, bytes_: float, learned: bool) -> Iterator[Signal]:
    """Weights that are read a little at a time, for hours."""
    total = state.read.add(f"{one.host}|{one.user}", one.time, bytes_)
    turns = state.turns.add(f"{one.host}|{one.user}|{entity}", str(one.time // SLOT), one.time)
    habit = f"{one.user}|{one.process}|turns"
    if turns < TURNS:
        return
    if not learned:
        state.usual.add(habit, one.job or one.host, one.time)
    elif state.usual.count(habit) < USUAL:
        why = f"{one.process or 'a process'} of {one.user or 'nobody known'} read {entity} in {turns} spans of ten "
        why += f"minutes within {HOURS} h, {total / 1e9:,.1f} GB in all, a little at a time"
        key, holds = f"{one.host}|{one.user}|turns", (*foothold(one), f"{entity}#read")
        yield noticed(about, one, key, why, entity, confidence=0.6, holds=holds)


def _written(state: State, one: Who, path: str, bytes_: float, view: View, learned: bool) -> Iterator[Signal]:
    mine = account(view, one.job, one.user) or one.user
    folder = path.rpartition("/")[0].strip("/").split("/")[0]
    habit = f"{mine}|{one.process}|{folder}"
    known = state.usual.count(habit) >= USUAL
    if not learned:
        state.usual.add(habit, one.job or one.host, one.time)
    total = state.written.add(f"{one.host}|{one.user}", one.time, bytes_)
    if total < LEAST or (known and learned) or not learned:
        return
    least, weights = limit(view, one, PART)
    read = state.read.add(f"{one.host}|{one.user}", one.time, 0.0)
    if total < least:
        return
    part = f", {total / weights.size:.1%} of {weights.entity}" if weights else ""
    why = (
        f"{one.process or 'a process'} of {one.user or 'nobody known'} wrote {total / 1e9:,.2f} GB within {HOURS} h to "
    )
    why += f"files of no known data, lately {shown(path)}{part}"
    why += f", and read {read / 1e9:,.1f} GB of weights" if read else ""
    more = (weights.entity,) if weights else ()
    holds = (*foothold(one), *(f"{name}#read" for name in more))
    confidence = 0.7 if read >= 0.5 * total else 0.55
    yield noticed(about, one, f"{one.host}|{one.user}", why, *more, confidence=confidence, holds=holds)
