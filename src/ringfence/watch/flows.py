"""Flows of one interval, added up: who sent how much to whom."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from ringfence.watch.batch import Batch
from ringfence.watch.grouped import grouped
from ringfence.watch.site import Site
from ringfence.wire.ocsf import classes

MOST = 4096
"""Flows that are told apart per host; the rest is one row to `*`."""

_PARTS = (
    "src_endpoint.ip",
    "dst_endpoint.ip",
    "connection_info.protocol_name",
    "job.uid",
    "actor.user.name",
    "actor.process.name",
)
_LOGSOURCE = "ringfence/interval/flow"
_DST = _PARTS.index("dst_endpoint.ip")
_REST = (*("*" if at == _DST else "" for at in range(len(_PARTS))), "0")
_Flow = tuple[str, ...]


class FlowSums(msgspec.Struct):
    """Host → flow and port → [bytes out, bytes in, connections, port, last number]; and the source of its events."""

    of: dict[str, dict[_Flow, list[int]]] = {}
    sources: dict[str, str] = {}

    def add(self, host: str, source: str, flow: _Flow, sums: list[int]) -> None:
        """More of a flow; one too many is added to the host's last row. `sums` becomes its own."""
        flows = self.of.get(host)
        if flows is None:
            flows = self.of[host] = {}
        self.sources[host] = source
        before = flows.get(flow)
        if before is None and len(flows) >= MOST:
            flow = _REST
            before = flows.get(flow)
        if before is None:
            flows[flow] = sums
            return
        before[0] += sums[0]
        before[1] += sums[1]
        before[2] += sums[2]
        before[3:] = sums[3:]

    def peers(self, host: str) -> int:
        """How many addresses it spoke to."""
        return len({flow[_DST] for flow in self.of.get(host, ())})

    def sent_outside(self, host: str, mine: set[str], site: Site) -> int:
        """Bytes that it sent to addresses that are not of its own job's hosts."""
        sent: dict[str, int] = {}
        for flow, sums in self.of.get(host, {}).items():
            sent[flow[_DST]] = sent.get(flow[_DST], 0) + sums[0]
        return sum(bytes_ for address, bytes_ in sent.items() if site.host_at(address) not in mine)

    def batch(self, at: int, seconds: int) -> Batch | None:
        """Each flow as a row at the beginning of the interval, by host and flow; None where there was none."""
        rows = [(host, *row) for host in sorted(self.of) for row in sorted(self.of[host].items())]
        if not rows:
            return None
        numbers = np.array([sums for _, _, sums in rows], np.int64)
        hosts = [host for host, _, _ in rows]
        columns = interval_header(at, classes.FLOW_INTERVAL, _LOGSOURCE, hosts, [self.sources[host] for host in hosts])
        columns["seq"] = pa.array(numbers[:, 4])
        for place, name in enumerate(_PARTS):
            columns[name] = pa.array([flow[place] or None for _, flow, _ in rows], pa.string())
        columns["traffic.bytes_out"], columns["traffic.bytes_in"] = pa.array(numbers[:, 0]), pa.array(numbers[:, 1])
        columns["traffic.connections"], columns["dst_endpoint.port"] = pa.array(numbers[:, 2]), pa.array(numbers[:, 3])
        columns["interval"] = pa.array(np.full(len(rows), float(seconds)))
        return Batch(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def interval_header(
    at: int, uid: int, logsource: str, hosts: Sequence[str], sources: Sequence[str]
) -> dict[str, pa.Array]:
    """The header columns of rows that stand for an interval."""
    ones = np.ones(len(hosts), np.int64)
    return {
        "source": pa.array(sources, pa.string()),
        "seq": pa.array(ones * 0),
        "time": pa.array(ones * at),
        "received": pa.array(ones * 0),
        "class_uid": pa.array(ones * uid),
        "activity_id": pa.array(ones),
        "device.hostname": pa.array(hosts, pa.string()),
        "logsource": pa.array([logsource] * len(hosts), pa.string()),
    }


def flow_sums(open_: dict[int, FlowSums], batch: Batch, slots: np.ndarray) -> None:
    """Add the flows of a batch to the intervals that they fall in."""
    rows = batch.rows(classes.NETWORK)
    if not len(rows):
        return
    parts = [batch.codes(name) for name in ("device.hostname", *_PARTS)]
    ports = batch.numbers("dst_endpoint.port")[rows]
    present, inverse = grouped([slots[rows], ports, *(part.codes[rows] for part in parts)])
    at, ports = rows[present], ports[present].tolist()
    out, back, count = (
        np.bincount(inverse, weights=weights, minlength=len(present)).astype(np.int64).tolist()
        for weights in (batch.numbers("traffic.bytes_out")[rows], batch.numbers("traffic.bytes_in")[rows], None)
    )
    sums = map(list, zip(out, back, count, ports, batch.numbers("seq")[at].tolist(), strict=True))
    named = zip(*(part.listed(at) for part in parts[1:]), map(str, ports), strict=True)
    owners = zip(slots[at].tolist(), parts[0].listed(at), batch.codes("source").listed(at), strict=True)
    for (slot, host, source), flow, said in zip(owners, named, sums, strict=True):
        flows = open_.get(slot)
        if flows is None:
            flows = open_[slot] = FlowSums()
        flows.add(host, source, flow, said)
