"""DCGM-exporter's metrics: a sample of each accelerator per scrape, in Prometheus's text format.

    DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-3f…",Hostname="gpu0001",pod="p",namespace="n"} 97

Source: NVIDIA/dcgm-exporter etc/default-counters.csv; the Prometheus text exposition format 0.0.4. A scrape ends where
a metric of an accelerator comes again. Metrics that have no column stand under `unmapped.` with their own names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_LINE = re.compile(
    r"\A([A-Za-z_:][\w:]{0,120})\{([^\n]{0,8000})\}[ \t]{1,8}(\S{1,40})(?:[ \t]{1,8}(-?\d{1,20}))?[ \t]{0,8}\Z"
)
_LABEL = re.compile(r'([A-Za-z_]\w{0,80})="((?:[^"\\]|\\.){0,2000})"(?:,|\Z)')
_MIB = float(1 << 20)
_BYTES = 1.0

METRICS: Mapping[str, tuple[str, float]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("gpu.utilization", 1.0),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gpu.memory_utilization", 1.0),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": ("gpu.tensor_active", 1.0),
    "DCGM_FI_DEV_FB_USED": ("gpu.memory_used", _MIB),
    "DCGM_FI_DEV_POWER_USAGE": ("gpu.power", 1.0),
    "DCGM_FI_DEV_GPU_TEMP": ("gpu.temperature", 1.0),
    "DCGM_FI_DEV_SM_CLOCK": ("gpu.clock", 1.0),
    "DCGM_FI_PROF_PCIE_TX_BYTES": ("gpu.pcie_tx", _BYTES),
    "DCGM_FI_PROF_PCIE_RX_BYTES": ("gpu.pcie_rx", _BYTES),
    "DCGM_FI_PROF_NVLINK_TX_BYTES": ("gpu.nvlink_tx", _BYTES),
    "DCGM_FI_PROF_NVLINK_RX_BYTES": ("gpu.nvlink_rx", _BYTES),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ("gpu.ecc_uncorrected", 1.0),
}
"""Metric → column, and what one unit of it is there."""

XID = "DCGM_FI_DEV_XID_ERRORS"
_MOST = 4096
"""Accelerators, and partitions of them, that one scrape may tell of."""


class Reader:
    """A scrape, or several one after the other."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[dict[str, str], dict[str, float], int]] = {}
        self._xid: dict[str, float] = {}

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """Nothing, until a scrape is whole. Raises `ValueError` for what is no metric."""
        line = line.strip()
        if not line or line.startswith("#"):
            return ()
        found = _LINE.match(line)
        if not found:
            raise ValueError("no metric in Prometheus's text format")
        name, labels, value = found[1], dict(_LABEL.findall(found[2])), float(found[3])
        key = labels.get("UUID", "") + "/" + labels.get("GPU_I_ID", "") + "/" + labels.get("Hostname", "")
        if not name.startswith("DCGM_FI_") or not labels.get("UUID"):
            return ()
        done: Iterable[Event] = ()
        if key in self._rows and name in self._rows[key][1]:
            done = list(self.end())
        if key not in self._rows and len(self._rows) >= _MOST:
            raise ValueError(f"more than {_MOST} accelerators in one scrape")
        about, metrics, _ = self._rows.setdefault(key, (labels, {}, int(found[4] or 0)))
        about.update(labels)
        metrics[name] = value
        return done

    def end(self) -> Iterator[Event]:
        """A sample of every accelerator, and an error of each whose last Xid is news."""
        for key, (labels, metrics, when) in self._rows.items():
            yield _sample(labels, metrics, when * 1000)
            xid = metrics.get(XID, 0.0)
            if xid and xid != self._xid.get(key):
                row = _about(labels)
                row.put("gpu.xid", int(xid) if xid == xid and abs(xid) < 1e9 else None)
                yield row.event(when * 1000, labels.get("Hostname", ""), _LOGSOURCE, 4)
            self._xid[key] = xid
        self._rows = {}


_LOGSOURCE = "nvidia//dcgm"


def _about(labels: Mapping[str, str]) -> Row:
    row = Row(classes.GPU)
    row.put("gpu.uuid", labels.get("UUID"))
    row.put("gpu.index", labels.get("gpu"))
    row.put("gpu.model", labels.get("modelName"))
    pod, space = (labels.get(f"exported_{name}") or labels.get(name) for name in ("pod", "namespace"))
    if pod and space:
        row.put("job.uid", f"pod:{labels.get('cluster', '')}/{space}/{pod}")
    elif labels.get("hpc_job"):
        row.put("job.uid", f"job:slurm/{labels.get('cluster', '')}/{labels['hpc_job']}")
    row.keep("GPU_I_ID", labels.get("GPU_I_ID") or None)
    return row


def _sample(labels: Mapping[str, str], metrics: Mapping[str, float], when: int) -> Event:
    row = _about(labels)
    for name, value in metrics.items():
        column, times = METRICS.get(name, ("", 1.0))
        number = value * times
        fitted: object = (
            int(number) if column and row.whole(column) and number == number and abs(number) < 1e18 else number
        )
        if not column or not row.put(column, fitted):
            row.keep(name, value)
    return row.event(when, labels.get("Hostname", ""), _LOGSOURCE, 1)


def looks(head_: bytes) -> bool:
    """Whether a line is a metric of DCGM's."""
    return any(line.startswith("DCGM_FI_") for line in head.lines(head_)) and b"UUID=" in head_


FORM = Form("dcgm", "DCGM-exporter's metrics", looks, Reader)
