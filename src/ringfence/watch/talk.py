"""Who spoke to whom in a batch: its flows, added up once for all detectors that ask.

        rows of a class ──of()──▶ Talk: one place for each (host, target, port, job, user, process)

Flows that came from outside (`connection_info.direction` inbound) are not told by their opener and left out.
"""

from collections.abc import Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.grouped import grouped
from ringfence.watch.site import Site

_PARTS = ("device.hostname", "dst_endpoint.ip", "job.uid", "actor.user.name", "actor.process.name")
_KEPT: WeakKeyDictionary[Batch, dict[int, "Talk"]] = WeakKeyDictionary()


class Talk:
    """Flows added up; every array has one place a flow. `first` is the row that stands for it."""

    def __init__(self, batch: Batch, site: Site, rows: np.ndarray) -> None:
        self._site = site
        self._codes = [batch.codes(name) for name in _PARTS]
        inbound = batch.codes("connection_info.direction")
        if inbound.values:
            coming = np.array([one == "inbound" for one in inbound.values] + [False])
            rows = rows[~coming[inbound.codes[rows]]]
        ports = batch.numbers("dst_endpoint.port")
        columns = [ports[rows], *(one.codes[rows] for one in self._codes)]
        first, inverse = grouped(columns)
        self._rows, self._flow_of = rows, inverse
        self.first: np.ndarray = rows[first]
        self.port: np.ndarray = ports[self.first]
        self.out = _summed(inverse, batch.numbers("traffic.bytes_out")[rows], len(first))
        self.back = _summed(inverse, batch.numbers("traffic.bytes_in")[rows], len(first))
        self.count: np.ndarray = np.bincount(inverse, minlength=len(first))

    def __len__(self) -> int:
        return len(self.first)

    def rows(self, flow: int) -> list[int]:
        """The rows of one flow, in their order."""
        found: list[int] = self._rows[self._flow_of == flow].tolist()
        return found

    def codes(self, at: int) -> np.ndarray:
        """The codes of one part by flow: 0 host, 1 target, 2 job, 3 user, 4 process."""
        found: np.ndarray = self._codes[at].codes[self.first]
        return found

    def values(self, at: int) -> Sequence[str]:
        """The distinct values of that part."""
        return self._codes[at].values

    def host(self, flow: int) -> str:
        """Where the opener is."""
        return self._codes[0].of(int(self.first[flow]))

    def target(self, flow: int) -> str:
        """The address that it opened."""
        return self._codes[1].of(int(self.first[flow]))

    def job(self, flow: int) -> str:
        """The opener's job, "" for none."""
        return self._codes[2].of(int(self.first[flow]))

    def user(self, flow: int) -> str:
        """The opener's account."""
        return self._codes[3].of(int(self.first[flow]))

    def process(self, flow: int) -> str:
        """The opener's program."""
        return self._codes[4].of(int(self.first[flow]))

    @cached_property
    def outside(self) -> np.ndarray:
        """Whether the target is not of the cluster's own networks."""
        values = self.values(1)
        codes = self.codes(1)
        out = np.zeros(len(values) + 1, np.bool_)
        for at in np.unique(codes).tolist():
            one = values[at] if at >= 0 else ""
            out[at] = bool(one) and one != "*" and not self._site.is_inside(one)
        found: np.ndarray = out[codes]
        return found

    @cached_property
    def peers(self) -> tuple[str, ...]:
        """The host at each distinct target, "" where none is known or asked; the last is that of no target."""
        values, used = self.values(1), set(self.codes(1).tolist())
        return (*(self._site.host_at(one) if at in used else "" for at, one in enumerate(values)), "")


def talk(batch: Batch, site: Site, *classes: int) -> Talk:
    """The flows of a batch, made once."""
    kept = _KEPT.setdefault(batch, {})
    found = kept.get(hash(classes))
    if found is None:
        found = kept[hash(classes)] = Talk(batch, site, batch.rows(*classes))
    return found


def _summed(inverse: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(inverse, weights=np.maximum(weights, 0), minlength=count)
