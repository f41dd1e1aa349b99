"""`perfquery`: the counters of an InfiniBand port, one block a port and look; two looks make a sample.

    # Port extended counters: Lid 3 port 1 (CapMask: 0x5A00)
    PortSelect:......................1
    PortXmitData:....................123456

Source: infiniband-diags, perfquery(8); InfiniBand Architecture Specification, volume 1, 16.1.3.5 and 16.1.4.11:
data counters are in units of four octets. A counter that goes down was cleared, and counts from nought. The log tells
neither host nor time: both come from whoever sends it.
"""

import re
from collections.abc import Iterable, Iterator

from ringfence.wire.logs import head
from ringfence.wire.logs.form import Form
from ringfence.wire.logs.row import Row
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

_BLOCK = re.compile(r"\A# Port (?:extended )?counters: (?:Lid (\d{1,6})|[^\n]{0,80}?) port (\d{1,4})\b")
_VALUE = re.compile(r"\A([A-Za-z]\w{0,60}):\.{0,60}(\d{1,20})\Z")
_WORD = 4
_ERRORS = (
    "SymbolErrorCounter",
    "LinkErrorRecoveryCounter",
    "LinkDownedCounter",
    "PortRcvErrors",
    "PortRcvRemotePhysicalErrors",
    "PortRcvSwitchRelayErrors",
    "PortXmitDiscards",
    "LocalLinkIntegrityErrors",
    "ExcessiveBufferOverrunErrors",
    "VL15Dropped",
)
_CONSTRAINTS = ("PortXmitConstraintErrors", "PortRcvConstraintErrors")
_MOST_PORTS = 100_000


class Reader:
    """Blocks of counters, each compared with the last of the same port."""

    def __init__(self) -> None:
        self._port: tuple[str, str] | None = None
        self._values: dict[str, int] = {}
        self._before: dict[tuple[str, str], dict[str, int]] = {}

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The sample that is whole where the next block begins."""
        line = line.strip()
        block = _BLOCK.match(line)
        if block:
            done = list(self.end())
            self._port = (block[1] or "", block[2])
            return done
        value = _VALUE.match(line)
        if value:
            if self._port is None:
                raise ValueError("a counter before any port")
            self._values[value[1]] = int(value[2])
        elif line and not line.startswith("#") and ":" not in line:
            raise ValueError("no counter of a port")
        return ()

    def end(self) -> Iterator[Event]:
        """The sample of the last block, where that port was seen before."""
        if self._port is None or not self._values:
            return
        before = self._before.get(self._port)
        if before is not None:
            yield _sample(self._port, {name: _since(before, name, now) for name, now in self._values.items()})
        elif len(self._before) >= _MOST_PORTS:
            raise ValueError(f"more than {_MOST_PORTS} ports")
        self._before[self._port] = self._values
        self._port, self._values = None, {}


def _since(before: dict[str, int], name: str, now: int) -> int:
    return now - before[name] if before.get(name, 0) <= now else now


def _sample(port: tuple[str, str], gained: dict[str, int]) -> Event:
    row = Row(classes.IB_PORT)
    row.put("ib.port", port[1])
    row.keep("Lid", port[0] or None)
    for name, column in (("PortXmitData", "ib.xmit"), ("PortRcvData", "ib.rcv")):
        row.put(column, gained[name] * _WORD if name in gained else None)
    row.put("ib.xmit_wait", gained.get("PortXmitWait"))
    row.put("ib.constraint_errors", sum(gained.get(name, 0) for name in _CONSTRAINTS))
    row.put("ib.errors", sum(gained.get(name, 0) for name in (*_ERRORS, *_CONSTRAINTS)))
    for name, value in gained.items():
        row.keep(name, value)
    return row.event(0, "", "infiniband//perfquery", 1)


def looks(head_: bytes) -> bool:
    """Whether it begins with a block of counters."""
    lines = head.lines(head_)
    return any(_BLOCK.match(line) for line in lines[:3])


FORM = Form("perfquery", "perfquery's counters of InfiniBand ports", looks, Reader)
