"""What the kernel says: modules, accelerators, links and buses (its `[  12.345678]` stamp, or syslog's).

Sources: NVIDIA's "Xid errors" (r570) for `NVRM: Xid (PCI:…): number, pid=…, name=…, text`; drivers/net/ethernet/
mellanox/mlx5 and drivers/infiniband/hw/mlx5 for ports; kernel/module for modules; drivers/usb/core/hub.c for devices.
"""

import re

from ringfence.wire.logs.row import Row
from ringfence.wire.logs.syslog_line import Line, event, finish
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_STAMP = re.compile(r"\A\[ {0,8}\d{1,10}\.\d{1,9}\] {0,2}")
_XID = re.compile(
    r"\ANVRM: (?:GPU at \S{1,40} )?Xid \(PCI:([0-9A-Fa-f:.]{4,20})\): (\d{1,5})"
    r"(?:, pid='?<?(\d{1,10}|unknown)>?'?)?(?:, name=([^,]{0,64}))?(?:, |\Z)(.*)\Z",
    re.DOTALL,
)
_TAINT = re.compile(
    r"\A([A-Za-z0-9_-]{1,64}): (loading out-of-tree module taints kernel|module verification failed"
    r"|module license '[^']{1,40}' taints kernel|loading proprietary module)"
)
_UNSIGNED = re.compile(
    r"\A(?:Lockdown: (\S{1,64}): )?(?:unsigned module loading is restricted|Loading of (?:unsigned )?module)"
)
_PCI = re.compile(r"\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d\b")
_LINK = re.compile(r"\b[Ll]ink (up|down|UP|DOWN|ACTIVE)\b|\bCable (plugged|unplugged|error)\b")
_DEVICE = re.compile(r"\A(?:mlx[45]_\d{1,3}|bnxt_re\d{1,3}|irdma\d{1,3})\b")
_NUMBER = re.compile(r"\b[Pp]ort:? (\d{1,3})\b")
_USB = re.compile(
    r"\Ausb (\S{1,32}): (new .{1,40} USB device number \d{1,4}|USB disconnect|Product: .{0,80})", re.DOTALL
)


def kernel(line: Line) -> Event | None:
    """One line of the kernel's ring buffer."""
    text = _STAMP.sub("", line.text, count=1)
    if text.startswith("NVRM"):
        return _xid(line, text)
    if text.startswith(("mlx4_", "mlx5_", "bnxt_re", "irdma")):
        return _port(line, text)
    found = _TAINT.match(text)
    if found:
        said = {"module__file__path": found[1]}
        if found[2].startswith("module verification"):
            said["module__signed"] = "false"
        return event(line, classes.MODULE, 1, "linux/module_load/kernel", **said)
    if _UNSIGNED.match(text):
        said = {"module__signed": "false", "status_id": 2}
        return event(line, classes.MODULE, 1, "linux/module_load/kernel", **said)
    found = _USB.match(text)
    if found:
        activity = 2 if found[2].startswith("new") else 3 if found[2].startswith("USB") else 1
        return event(line, classes.HARDWARE, activity, "linux//kernel", hardware__component=f"usb {found[1]}")
    return event(line, logsource="linux//kernel")


def _xid(line: Line, text: str) -> Event:
    found = _XID.match(text)
    if not found:
        return event(line, logsource="nvidia//kernel")
    row = Row(classes.GPU)
    row.put("gpu.xid", found[2])
    row.put("process.pid", found[3] if (found[3] or "").isdigit() else None)
    row.put("process.name", found[4] if found[4] and found[4][0] != "<" else None)
    row.keep("gpu.pci", found[1].lower())
    return finish(row, line, 4, "nvidia//kernel")


def _port(line: Line, text: str) -> Event:
    start = text[:400]
    device, slot, number, link = _DEVICE.match(start), _PCI.search(start), _NUMBER.search(start), _LINK.search(start)
    row = Row(classes.IB_PORT)
    row.put("ib.device", device[0] if device else None)
    row.put("ib.port", number[1] if number else None)
    row.keep("ib.pci", slot[0] if slot else None)
    if link:
        state = (link[1] or link[2]).lower()
        row.put("ib.state", "up" if state == "active" else state)
    return finish(row, line, 3 if link else 2, "infiniband//kernel")
