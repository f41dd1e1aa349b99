"""Sets of ports over all three protocols.

The protocols lie behind one another on one line, 65,536 numbers apart; port 0 is in no set, so intervals of two
protocols never touch.
"""

from collections.abc import Iterable

import msgspec

from ringfence.segment.prove.netpol import intervals
from ringfence.segment.prove.netpol.intervals import Interval, Intervals
from ringfence.wire.netpol.values import LAST_PORT, PROTOCOLS

_SPAN = LAST_PORT + 1
_START = {protocol: at * _SPAN for at, protocol in enumerate(PROTOCOLS)}


class Ports(msgspec.Struct, frozen=True):
    """A set of (protocol, port). Equal sets are equal values, and hash alike."""

    on_line: Intervals = ()

    def __or__(self, other: "Ports") -> "Ports":
        return Ports(intervals.union(self.on_line, other.on_line))

    def __and__(self, other: "Ports") -> "Ports":
        return Ports(intervals.intersection(self.on_line, other.on_line))

    def __sub__(self, other: "Ports") -> "Ports":
        return Ports(intervals.difference(self.on_line, other.on_line))

    def __bool__(self) -> bool:
        return bool(self.on_line)

    def of(self, protocol: str) -> Intervals:
        """The port ranges of one protocol."""
        start = _START[protocol]
        return tuple((low - start, high - start) for low, high in self.on_line if start <= low < start + _SPAN)

    def __str__(self) -> str:
        if self == ALL:
            return "All Connections"
        if not self:
            return "No Connections"
        told = {name: ",".join(_range(one) for one in self.of(name)) for name in sorted(PROTOCOLS)}
        return ",".join(f"{name} {ranges}" for name, ranges in told.items() if ranges)


def _range(one: Interval) -> str:
    return str(one[0]) if one[0] == one[1] else f"{one[0]}-{one[1]}"


def ports(ranges: Iterable[tuple[str, int, int]]) -> Ports:
    """The set of (protocol, lowest, highest) in any order; numbers outside 1 to 65535 are in no set."""
    kept = ((_START[name], max(low, 1), min(high, LAST_PORT)) for name, low, high in ranges)
    return Ports(intervals.union((start + low, start + high) for start, low, high in kept))


NONE = Ports()
ALL = ports((protocol, 1, LAST_PORT) for protocol in PROTOCOLS)
ALL_TCP = ports((("TCP", 1, LAST_PORT),))
