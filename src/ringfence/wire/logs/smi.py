"""`nvidia-smi`: one look at the accelerators of a host, as XML (`-q -x`) or as CSV (`--query-gpu=… --format=csv`).

Source: nvidia-smi's own DTD (nvsmi_device_v12 and v13) and `nvidia-smi --help-query-gpu`. Fields that a version or a
card does not have read "N/A" or "[Not Supported]", and are left out. XML names no host: the file's source has to.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element

from ringfence.wire import safe
from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form, Found
from ringfence.wire.logs.row import Row, base, micros
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_LOGSOURCE = "nvidia//nvidia-smi"
_NUMBER = re.compile(r"\A(-?\d{1,18}(?:\.\d{1,9})?)[ ]?(%|W|MiB|MHz|C|KB/s|MB/s)?\Z")
_UNITS = {"MiB": 1 << 20, "KB/s": 1000, "MB/s": 1_000_000}
_DATE = re.compile(r"\A(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)\Z")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_LONG_DATE = re.compile(r"\A\w{3} (\w{3}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})\Z")

XML: Mapping[str, tuple[str, ...]] = {
    "gpu.model": ("product_name",),
    "gpu.utilization": ("utilization/gpu_util",),
    "gpu.memory_utilization": ("utilization/memory_util",),
    "gpu.memory_used": ("fb_memory_usage/used",),
    "gpu.power": (
        "gpu_power_readings/instant_power_draw",
        "gpu_power_readings/power_draw",
        "power_readings/power_draw",
    ),
    "gpu.temperature": ("temperature/gpu_temp",),
    "gpu.clock": ("clocks/sm_clock",),
    "gpu.pcie_tx": ("pci/tx_util",),
    "gpu.pcie_rx": ("pci/rx_util",),
    "gpu.ecc_uncorrected": ("ecc_errors/volatile/dram_uncorrectable", "ecc_errors/volatile/double_bit/total"),
}
"""Column → where it stands below `<gpu>`; the first that is there counts."""

CSV: Mapping[str, str] = {
    "uuid": "gpu.uuid",
    "gpu_uuid": "gpu.uuid",
    "index": "gpu.index",
    "name": "gpu.model",
    "gpu_name": "gpu.model",
    "utilization.gpu": "gpu.utilization",
    "utilization.memory": "gpu.memory_utilization",
    "memory.used": "gpu.memory_used",
    "power.draw": "gpu.power",
    "power.draw.instant": "gpu.power",
    "temperature.gpu": "gpu.temperature",
    "clocks.sm": "gpu.clock",
    "clocks.current.sm": "gpu.clock",
    "ecc.errors.uncorrected.volatile.total": "gpu.ecc_uncorrected",
}
"""Column of nvidia-smi → ours."""


def whole(name: str, data: bytes) -> Found:
    """The samples of one XML log, and the processes that have a context on each accelerator."""
    root = safe.xml(data)
    when = _when(root.findtext("timestamp") or "")
    for index, gpu in enumerate(root.findall("gpu")):
        yield from _gpu(gpu, index, when)


def _gpu(gpu: Element, index: int, when: int) -> Iterator[Event]:
    uuid = (gpu.findtext("uuid") or gpu.get("id") or "").strip()
    row = _about(uuid, index)
    for column, paths in XML.items():
        said = next((text for path in paths if (text := (gpu.findtext(path) or "").strip()) and _is_there(text)), "")
        _put(row, column, said)
    processes = gpu.findall("processes/process_info")
    row.put("gpu.processes", len(processes))
    yield row.event(when, "", _LOGSOURCE, 1)
    for one in processes:
        started = _about(uuid, index)
        started.put("process.pid", (one.findtext("pid") or "").strip())
        started.put("process.file.path", (one.findtext("process_name") or "").strip())
        started.put("process.name", base((one.findtext("process_name") or "").strip()))
        _put(started, "gpu.memory_used", (one.findtext("used_memory") or "").strip())
        yield started.event(when, "", _LOGSOURCE, 2)


class Reader:
    """CSV: a line of names, then a line a sample."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The sample of one line."""
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if not self._names or cells == self._names:
            self._names = [cell.partition(" [")[0] for cell in cells]
            return ()
        if len(cells) != len(self._names):
            raise ValueError(f"{len(cells)} values for {len(self._names)} names")
        row, when = Row(classes.GPU), 0
        for name, cell in zip(self._names, cells, strict=True):
            if name == "timestamp":
                when = _when(cell)
            elif name in CSV:
                _put(row, CSV[name], cell)
            elif _is_there(cell):
                row.keep(name, cell)
        return (row.event(when, "", _LOGSOURCE, 1),)

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def _about(uuid: str, index: int) -> Row:
    row = Row(classes.GPU)
    row.put("gpu.uuid", uuid)
    row.put("gpu.index", index)
    return row


def _is_there(text: str) -> bool:
    return text not in ("N/A", "[N/A]", "[Not Supported]", "Not Supported", "Unknown Error", "[Unknown Error]", "")


def _put(row: Row, column: str, said: str) -> None:
    """A value with its unit; what is no number goes to text columns only."""
    found = _NUMBER.match(said)
    if not found:
        if _is_there(said):
            row.put(column, said)
        return
    number = float(found[1]) * _UNITS.get(found[2] or "", 1)
    row.put(column, int(number) if row.whole(column) else number)


def _when(said: str) -> int:
    """`2026/01/02 03:04:05.678` or `Fri Jan  2 03:04:05 2026`, in UTC for want of a zone."""
    if found := _DATE.match(said):
        return micros(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}")
    if (found := _LONG_DATE.match(said)) and found[1] in _MONTHS:
        return micros(f"{found[4]}-{_MONTHS.index(found[1]) // 3 + 1:02}-{int(found[2]):02}T{found[3]}")
    return 0


def looks_xml(head_: bytes) -> bool:
    """Whether it is nvidia-smi's XML."""
    return b"<nvidia_smi_log" in head_


def looks_csv(head_: bytes) -> bool:
    """Whether its first line names what nvidia-smi can be asked for."""
    lines = head.lines(head_)
    names = [cell.strip().partition(" [")[0] for cell in lines[0].split(",")] if lines else []
    return len(names) > 1 and sum(name in CSV or name == "timestamp" for name in names) * 2 >= len(names)


XML_FORM = Form("nvidia-smi", "nvidia-smi -q -x", looks_xml, whole=whole)
CSV_FORM = Form("nvidia-smi-csv", "nvidia-smi --query-gpu=… --format=csv", looks_csv, Reader)
