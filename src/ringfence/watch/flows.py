"""Flows of one interval, added up: who sent how much to whom."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.site import Site
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value

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


class FlowSums(msgspec.Struct):
    """Host → flow → [bytes out, bytes in, connections, port, last sequence number]; and the source of its events."""

    of: dict[str, dict[str, list[int]]] = {}
    sources: dict[str, str] = {}

    def add(self, host: str, source: str, key: str, sums: list[int]) -> None:
        """More of a flow; one too many is added to the host's last row."""
        flows = self.of.setdefault(host, {})
        self.sources[host] = source
        before = flows.get(key)
        if before is None and len(flows) >= MOST:
            key = "\x1f*" + "\x1f" * (len(_PARTS) - 1)
            before = flows.get(key)
        if before is None:
            flows[key] = sums
        else:
            flows[key] = [*(a + b for a, b in zip(before[:3], sums[:3], strict=True)), *sums[3:]]

    def peers(self, host: str) -> int:
        """How many addresses it spoke to."""
        return len({key.split("\x1f")[1] for key in self.of.get(host, ())})

    def sent_outside(self, host: str, mine: set[str], site: Site) -> int:
        """Bytes that it sent to addresses that are not of its own job's hosts."""
        sent = ((key.split("\x1f")[1], sums[0]) for key, sums in self.of.get(host, {}).items())
        return sum(bytes_ for address, bytes_ in sent if site.host_at(address) not in mine)

    def rows(self, at: int, seconds: int) -> Iterator[Event]:
        """Each flow as an event at the beginning of the interval."""
        for host in sorted(self.of):
            for key in sorted(self.of[host]):
                sent, returned, count, port, seq = self.of[host][key]
                fields: dict[str, Value] = {
                    name: part for name, part in zip(_PARTS, key.split("\x1f"), strict=False) if part
                }
                fields |= {"dst_endpoint.port": port, "traffic.bytes_out": sent, "traffic.bytes_in": returned}
                fields |= {"interval": float(seconds), "traffic.connections": count}
                yield Event(classes.FLOW_INTERVAL, 1, at, host, _LOGSOURCE, fields, self.sources[host], seq)


def flow_sums(open_: dict[int, FlowSums], batch: Batch, slots: np.ndarray) -> None:
    """Add the flows of a batch to the intervals that they fall in."""
    rows = batch.rows(classes.NETWORK)
    if not len(rows):
        return
    parts = [batch.codes(name) for name in ("device.hostname", *_PARTS)]
    ports = batch.numbers("dst_endpoint.port")[rows]
    columns = [slots[rows], ports, *(part.codes[rows] for part in parts)]
    present, inverse = _grouped(columns)
    sums = [
        np.bincount(inverse, weights=weights, minlength=len(present)).astype(np.int64).tolist()
        for weights in (batch.numbers("traffic.bytes_out")[rows], batch.numbers("traffic.bytes_in")[rows], None)
    ]
    seq = batch.numbers("seq")
    for at, first in enumerate(present.tolist()):
        row = int(rows[first])
        key = "\x1f".join((*(part.of(row) for part in parts[1:]), str(int(ports[first]))))
        flows = open_.setdefault(int(slots[row]), FlowSums())
        numbers = [sums[0][at], sums[1][at], sums[2][at], int(ports[first]), int(seq[row])]
        flows.add(parts[0].of(row), batch.text("source", row), key, numbers)


def _grouped(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first row of every distinct combination, and for every row which combination it is."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        key = key * (int(codes.max()) + 1) + codes
        _, key = np.unique(key, return_inverse=True)  # small again, so that the next product fits
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first, inverse
