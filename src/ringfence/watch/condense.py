"""What the joint stage sees of a flood: sums per host and interval, sums per flow, and the rare events as they are.

        4,096 rows ─▶ HOST_INTERVAL, a row a host and 30 s      (utilisation, bytes, counts)
                   ─▶ FLOW_INTERVAL, a row a flow and 30 s
                   ─▶ rows of rare classes, unchanged

An interval closes when the clock of events has passed its end by `LATE`. What comes later still is counted into the
oldest interval that is open, never dropped. The clock is the receiver's where there is one, and moves with the median
of a batch, so that one host with a wrong clock does not close everybody's intervals.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.watch.batch import Batch
from ringfence.watch.flows import FlowSums, flow_sums, interval_header
from ringfence.watch.grouped import grouped
from ringfence.watch.roster import Roster
from ringfence.watch.site import Site
from ringfence.wire.ocsf import classes

SECOND = 1_000_000
INTERVAL = 30 * SECOND
LATE = 15 * SECOND
ALWAYS = (
    classes.JOB,
    classes.AUTHENTICATION,
    classes.SSH,
    classes.API,
    classes.USER_ACCESS,
    classes.ACCOUNT_CHANGE,
    classes.HARDWARE,
    classes.FABRIC,
    classes.TELEMETRY,
    classes.CONFIG_STATE,
)
"""Classes that pass whole."""

MOST_PROGRAMS, LONGEST_PROGRAM = 16, 48
"""Names of programs that are told of a host and interval, and characters of each."""

UNSAMPLED = (classes.GPU, classes.NVLINK, classes.IB_PORT)
"""Classes that pass but for their samples (activity 1)."""

_LOGSOURCE = "ringfence/interval/host"
_SUMS = (
    "gpu_n",
    "gpu_utilization",
    "gpu_power",
    "gpu_memory_used",
    "gpu_clock",
    "nvlink",
    "ib_xmit",
    "ib_rcv",
    "net_in",
    "flows",
    "processes",
    "files",
    "read",
    "written",
    "errors",
    "events",
)
_AT = {name: at for at, name in enumerate(_SUMS)}
_MEANS = ("gpu_utilization", "gpu_power", "gpu_memory_used", "gpu_clock")
_RATES = ("nvlink", "ib_xmit", "ib_rcv", "net_in", "read", "written")
_COUNTS = ("flows", "processes", "files", "errors", "events")


class Open(msgspec.Struct):
    """What is not closed yet: interval → host → sums in the order of `_SUMS`, programs; flows likewise; the clock."""

    clock: int = 0
    hosts: dict[int, dict[str, list[float]]] = {}
    flows: dict[int, FlowSums] = {}
    programs: dict[int, dict[str, list[str]]] = {}
    sources: dict[str, str] = {}
    late: int = 0


def take(state: Open, batch: Batch, roster: Roster, site: Site) -> tuple[Batch, ...]:
    """Add a batch; what can be passed on now."""
    if not len(batch):
        return ()
    times = _clocked(batch)
    state.clock = max(state.clock, int(np.median(times)))
    oldest = (state.clock - LATE - INTERVAL) // INTERVAL
    slots = np.maximum(times // INTERVAL, oldest)
    slots = np.minimum(slots, state.clock // INTERVAL + 1)
    state.late += int((times // INTERVAL < oldest).sum())
    _add_hosts(state, batch, slots)
    _add_programs(state, batch, slots)
    flow_sums(state.flows, batch, slots)
    return (*whole(batch), *close(state, state.clock, roster, site))


def whole(batch: Batch) -> tuple[Batch, ...]:
    """The rows that are passed on as they are, of a batch that counts into no interval."""
    rare = _rare(batch)
    return (rare,) if rare else ()


def close(state: Open, now: int, roster: Roster, site: Site) -> Iterator[Batch]:
    """The intervals that have ended by now."""
    state.clock = max(state.clock, now)
    for slot in sorted(set(state.hosts) | set(state.flows)):
        if (slot + 1) * INTERVAL + LATE > state.clock:
            continue
        flows = state.flows.pop(slot, None) or FlowSums()
        rows = (flows.batch(slot * INTERVAL, INTERVAL // SECOND), _hosts(state, slot, flows, roster, site))
        yield from (batch for batch in rows if batch)


def _clocked(batch: Batch) -> np.ndarray:
    received = batch.numbers("received")
    return np.where(received > 0, received, batch.times)


def _add_hosts(state: Open, batch: Batch, slots: np.ndarray) -> None:
    hosts = batch.codes("device.hostname")
    first_rows, inverse = grouped((hosts.codes, slots))
    sums = np.zeros((len(first_rows), len(_SUMS)))
    for name, rows, values in _features(batch):
        sums[:, _AT[name]] += np.bincount(inverse[rows], weights=values, minlength=len(first_rows))
    sums[:, _AT["events"]] = np.bincount(inverse, minlength=len(first_rows))
    sources = batch.codes("source").listed(first_rows)
    where = zip(hosts.codes[first_rows].tolist(), slots[first_rows].tolist(), strict=True)
    for (code, slot), row, source in zip(where, sums.tolist(), sources, strict=True):
        if code < 0:
            continue
        host = hosts.values[code]
        of_slot = state.hosts.setdefault(slot, {})
        state.sources[host] = source
        before = of_slot.get(host)
        of_slot[host] = row if before is None else [a + b for a, b in zip(before, row, strict=True)]


def _features(batch: Batch) -> Iterator[tuple[str, np.ndarray, Any]]:
    activity = batch.numbers("activity_id")
    gpu = batch.rows(classes.GPU)
    samples = gpu[activity[gpu] == 1]
    if len(samples):
        yield "gpu_n", samples, np.ones(len(samples))
        for name, column in (("gpu_utilization", "gpu.utilization"), ("gpu_power", "gpu.power")):
            yield name, samples, batch.numbers(column)[samples]
        yield "gpu_memory_used", samples, batch.numbers("gpu.memory_used")[samples]
        yield "gpu_clock", samples, batch.numbers("gpu.clock")[samples]
        seconds = batch.numbers("interval", 1.0)[samples]
        yield "nvlink", samples, batch.numbers("gpu.nvlink_tx")[samples] * seconds
    yield from _links(batch, activity)
    yield from _work(batch, activity)


def _add_programs(state: Open, batch: Batch, slots: np.ndarray) -> None:
    """Names of programs that started: they are what tells one rank's work from another's."""
    rows = batch.rows(classes.PROCESS)
    rows = rows[batch.numbers("activity_id")[rows] == 1]
    if not len(rows):
        return
    hosts, names = batch.codes("device.hostname"), batch.codes("process.name")
    first, _ = grouped((slots[rows], hosts.codes[rows], names.codes[rows]))
    started = rows[first]
    for slot, host, name in zip(
        slots[started].tolist(), hosts.codes[started].tolist(), names.codes[started].tolist(), strict=True
    ):
        if host < 0 or name < 0:
            continue
        known = state.programs.setdefault(slot, {}).setdefault(hosts.values[host], [])
        program = names.values[name][:LONGEST_PROGRAM].replace(",", " ")
        if program not in known and len(known) < MOST_PROGRAMS:
            known.append(program)


def _links(batch: Batch, activity: np.ndarray) -> Iterator[tuple[str, np.ndarray, Any]]:
    links = batch.rows(classes.NVLINK)
    if len(links):
        yield "nvlink", links, batch.numbers("nvlink.tx")[links]
        yield "errors", links, batch.numbers("nvlink.errors")[links]
    ports = batch.rows(classes.IB_PORT)
    if len(ports):
        for name in ("xmit", "rcv"):
            yield f"ib_{name}", ports, batch.numbers(f"ib.{name}")[ports]
        yield "errors", ports, batch.numbers("ib.errors")[ports]
    failed = batch.rows(classes.GPU)
    failed = failed[activity[failed] == 4]
    if len(failed):
        yield "errors", failed, np.ones(len(failed))


def _work(batch: Batch, activity: np.ndarray) -> Iterator[tuple[str, np.ndarray, Any]]:
    launched = batch.rows(classes.PROCESS)
    launched = launched[activity[launched] == 1]
    if len(launched):
        yield "processes", launched, np.ones(len(launched))
    files = batch.rows(classes.FILE)
    if len(files):
        bytes_, kinds = batch.numbers("file.bytes")[files], activity[files]
        yield "files", files, (kinds == 14).astype(float)
        yield "read", files, np.where(kinds == 2, bytes_, 0)
        yield "written", files, np.where((kinds == 1) | (kinds == 3), bytes_, 0)
    flows = batch.rows(classes.NETWORK)
    if len(flows):
        yield "net_in", flows, batch.numbers("traffic.bytes_in")[flows]
        yield "flows", flows, np.isin(activity[flows], (1, 2)).astype(float)


def _rare(batch: Batch) -> Batch | None:
    activity = batch.numbers("activity_id")
    sampled, opened, files = batch.rows(*UNSAMPLED), batch.rows(classes.RDMA), batch.rows(classes.FILE)
    data = batch.array("file.data")
    known = files[np.asarray(data.is_valid())[files]] if data is not None and len(files) else files[:0]
    parts = (batch.rows(*ALWAYS), sampled[activity[sampled] != 1], opened[activity[opened] == 1], known)
    rows = np.sort(np.concatenate(parts))
    return Batch(batch.record.take(pa.array(rows))) if len(rows) else None


def _hosts(state: Open, slot: int, flows: FlowSums, roster: Roster, site: Site) -> Batch | None:
    """A row for each host of an interval."""
    sums, programs = state.hosts.pop(slot, {}), state.programs.pop(slot, {})
    names = sorted(sums)
    if not names:
        return None
    table = np.array([sums[name] for name in names])
    at, seconds = slot * INTERVAL, INTERVAL / SECOND
    jobs = [next(iter(roster.at(name, at + INTERVAL // 2)), None) for name in names]
    sources = [state.sources[name] for name in names]
    columns = interval_header(at, classes.HOST_INTERVAL, _LOGSOURCE, names, sources)
    samples = table[:, _AT["gpu_n"]]
    for name in _MEANS:
        means = table[:, _AT[name]] / np.maximum(samples, 1)
        columns[f"host.{name}"] = pa.array(means, mask=samples == 0)
    columns |= {f"host.{name}": pa.array(table[:, _AT[name]] / seconds) for name in _RATES}
    columns |= {f"host.{name}": pa.array(table[:, _AT[name]].astype(np.int64)) for name in _COUNTS}
    mine = {job.uid: set(job.hosts) for job in jobs if job}
    sent = [
        flows.sent_outside(name, mine[job.uid] if job else set(), site) for name, job in zip(names, jobs, strict=True)
    ]
    columns["host.net_out"] = pa.array(np.array(sent, float) / seconds)
    columns["host.peers"] = pa.array([flows.peers(name) for name in names], pa.int64())
    told = [",".join(sorted(programs[name])) if name in programs else None for name in names]
    columns["host.programs"] = pa.array(told, pa.string())
    columns["job.uid"] = pa.array([job.uid if job else None for job in jobs], pa.string())
    columns["interval"] = pa.array(np.full(len(names), seconds))
    return Batch(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
