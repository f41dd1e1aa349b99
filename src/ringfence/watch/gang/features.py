"""What the ranks of a gang are compared by."""

import msgspec
import numpy as np

from ringfence.watch.batch import Batch

SHARE, RATE, COUNT = "share", "rate", "count"


class Feature(msgspec.Struct, frozen=True):
    """One column of a host's interval, and how two ranks' values are compared.

    `share`: difference over the median. `rate`: logarithm of the ratio, both raised by `floor` (in the column's unit).
    `count`: difference of the square roots of Poisson counts. `spread` is the least that counts as one deviation;
    `used` how far a rank may always have been off before that is strange in itself. `low` and `high` say on which
    sides being off means something; what comes in `bursts` falls into one window or the next by chance, or is
    what a slow neighbour makes of it, and only supports what else differs. `most` is how many deviations one window
    may count: few where an honest hand does much in a moment.
    """

    name: str
    columns: tuple[str, ...]
    form: str
    floor: float
    spread: float
    used: float
    low: bool = False
    high: bool = True
    bursts: bool = False
    most: float = 5.0


FEATURES = (
    Feature("utilisation", ("host.gpu_utilization",), SHARE, 10.0, 0.010, 0.02, low=True),
    Feature("power", ("host.gpu_power",), SHARE, 100.0, 0.012, 0.05, low=True),
    Feature("clock", ("host.gpu_clock",), SHARE, 300.0, 0.010, 0.05, low=True, high=False),
    Feature("memory", ("host.gpu_memory_used",), SHARE, 2.0**32, 0.010, 0.05),
    Feature("nvlink", ("host.nvlink",), SHARE, 2.0**24, 0.020, 0.05, low=True, bursts=True),
    Feature("fabric sent", ("host.ib_xmit",), SHARE, 2.0**24, 0.015, 0.05, low=True),
    Feature("fabric received", ("host.ib_rcv",), SHARE, 2.0**24, 0.015, 0.05, low=True),
    Feature("sent", ("host.net_out",), RATE, 20_000.0, 0.040, 0.10, most=2.5),
    Feature("received", ("host.net_in",), RATE, 50_000.0, 0.080, 0.20, most=2.5),
    Feature("read", ("host.read",), RATE, 200_000.0, 0.060, 0.15, bursts=True, most=2.5),
    Feature("written", ("host.written",), RATE, 200_000.0, 0.100, 0.30, bursts=True),
    Feature("connections", ("host.flows",), COUNT, 0.0, 1.0, 0.5, most=2.5),
    Feature("peers", ("host.peers",), COUNT, 0.0, 1.0, 0.5, most=2.5),
    Feature("processes", ("host.processes",), COUNT, 0.0, 1.0, 0.5, most=2.5),
    Feature("files", ("host.files",), COUNT, 0.0, 1.0, 0.5, most=2.5),
)
WIDTH = len(FEATURES)
AT = {feature.name: at for at, feature in enumerate(FEATURES)}


def matrix(batch: Batch, rows: np.ndarray) -> np.ndarray:
    """The features of some rows, a column a feature."""
    found = np.empty((len(rows), WIDTH))
    for at, feature in enumerate(FEATURES):
        found[:, at] = sum(batch.numbers(name)[rows] for name in feature.columns)
    return np.nan_to_num(np.maximum(found, 0), posinf=0.0)
