"""InfiniBand and RoCE ports: the counters of `/sys/class/infiniband`, as differences."""

import time
from collections.abc import Iterator
from pathlib import Path

from ringfence.collect.telemetry.samplers.base import SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from ringfence.estate import ids
from ringfence.wire.ibnet import sysfs
from ringfence.wire.ocsf.classes import IB_PORT
from ringfence.wire.ocsf.event import Event, Value

SAMPLE, ERROR, STATE = 1, 2, 3
WORD = 4
"""`port_xmit_data` and `port_rcv_data` count words of four bytes (IB specification, PortCountersExtended)."""
_ERRORS = (
    "symbol_error",
    "link_error_recovery",
    "link_downed",
    "port_rcv_errors",
    "port_rcv_remote_physical_errors",
    "port_rcv_switch_relay_errors",
    "port_xmit_discards",
    "port_xmit_constraint_errors",
    "port_rcv_constraint_errors",
    "local_link_integrity_errors",
    "excessive_buffer_overrun_errors",
    "VL15_dropped",
)
_CONSTRAINT = ("port_xmit_constraint_errors", "port_rcv_constraint_errors")
_COUNTERS = ("port_xmit_data", "port_rcv_data", "port_xmit_wait", *_ERRORS)


class IbPorts:
    """Every port that the kernel lists."""

    about = About(
        "ib",
        "bytes, waits and errors of each InfiniBand or RoCE port",
        SAMPLED,
        "an RDMA device",
        "who sends is not told by a port's counters; a virtual function may not show them",
    )
    every = 1.0
    slow = False

    def __init__(self, machine: Machine, root: Path = Path("/sys/class/infiniband")) -> None:
        self._machine, self._root = machine, root
        self._before: dict[Path, dict[str, int]] = {}
        self._states: dict[Path, str] = {}
        self._when = 0.0

    def open(self) -> None:
        """Find the ports. Raises `MissingPart`."""
        self._ports = sorted(self._root.glob("*/ports/*"))
        if not self._ports:
            raise MissingPart(f"no port in {self._root}", "nothing to do on a node without such a device")
        self._who = {port: self._about(port) for port in self._ports}

    def look(self) -> Iterator[Event]:
        """One sample of each port, its errors and changes of its state; nothing at the first look."""
        now = time.monotonic()
        interval, self._when = now - self._when, now
        for port in self._ports:
            counted = {name: number for name in _COUNTERS if (number := _number(port / "counters" / name)) is not None}
            before, self._before[port] = self._before.get(port), counted
            state = _text(port / "state").partition(":")[2].strip()
            was, self._states[port] = self._states.get(port, state), state
            if was != state:
                yield self._machine.event(IB_PORT, STATE, self._who[port] | {"ib.state": state})
            if before is not None:
                yield from self._changes(port, before, counted, interval, state)

    def lost(self) -> int:
        """None: counters go on counting."""
        return 0

    def close(self) -> None:
        """Nothing is open."""

    def _changes(
        self, port: Path, before: dict[str, int], now: dict[str, int], interval: float, state: str
    ) -> Iterator[Event]:
        def more(*names: str) -> int:  # a counter that was reset begins anew
            pairs = ((now.get(name, 0), before.get(name, 0)) for name in names)
            return sum(after - earlier if after >= earlier else after for after, earlier in pairs)

        errors, refused = more(*_ERRORS), more(*_CONSTRAINT)
        fields: dict[str, Value] = {
            "ib.state": state,
            "ib.xmit": WORD * more("port_xmit_data"),
            "ib.rcv": WORD * more("port_rcv_data"),
            "ib.xmit_wait": more("port_xmit_wait"),
            "ib.errors": errors,
            "ib.constraint_errors": refused,
            "interval": round(interval, 3),
        }
        yield self._machine.event(IB_PORT, SAMPLE, self._who[port] | fields)
        if errors:
            told: dict[str, Value] = {"ib.errors": errors, "ib.constraint_errors": refused}
            yield self._machine.event(IB_PORT, ERROR, self._who[port] | told)

    def _about(self, port: Path) -> dict[str, Value]:
        """Device, number and GUID of a port, as the reader of captures tells them."""
        device, number = port.parent.parent.name, int(port.name)
        values = [
            (device, 0, "node_guid", _text(port.parent.parent / "node_guid"), 0),
            (device, number, "gids/0", _text(port / "gids" / "0"), 0),
            (device, number, "link_layer", _text(port / "link_layer"), 0),
        ]
        (found,) = sysfs.gather(values)
        guid = ids.ibport(found.guid).partition(":")[2] if found.guid else ""
        return {"ib.device": device, "ib.port": number, "ib.guid": guid}


def _text(path: Path) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(256).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None
