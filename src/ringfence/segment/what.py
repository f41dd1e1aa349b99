"""`tcp/6817-6820` and its like: what may pass, as a protocol and an interval of ports."""

import msgspec

from ringfence.errors import InputError

PROTOCOLS = ("any", "tcp", "udp", "sctp", "icmp", "ro", "rw")
"""In the order of their codes."""

_CODE = {name: code for code, name in enumerate(PROTOCOLS)}
_PORTED = ("tcp", "udp", "sctp")
LAST = 65535


class What(msgspec.Struct, frozen=True, order=True):
    """A protocol and the ports low..high, both included; 0..65535 where the protocol has none."""

    protocol: str
    low: int = 0
    high: int = LAST

    @property
    def code(self) -> int:
        """The protocol's place in `PROTOCOLS`."""
        return _CODE[self.protocol]

    def __str__(self) -> str:
        if self.protocol not in _PORTED or (self.low, self.high) == (0, LAST):
            return self.protocol
        return f"{self.protocol}/{self.low}" + (f"-{self.high}" if self.high != self.low else "")


def parse(text: str) -> What:
    """The value of `any`, `icmp`, `ro`, `rw`, `tcp`, `tcp/22`, `udp/100-200`. Raises `InputError`.

    >>> parse("tcp/6817-6820")
    What(protocol='tcp', low=6817, high=6820)
    """
    protocol, slash, ports = text.partition("/")
    if protocol not in _CODE or (slash and protocol not in _PORTED):
        raise InputError(f"{text!r} names no protocol", remedy=f"one of {', '.join(PROTOCOLS)}; ports as in tcp/22-25")
    if not slash:
        return What(protocol)
    first, dash, last = ports.partition("-")
    if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
        raise InputError(f"{text!r} names no ports", remedy="write tcp/22 or tcp/6817-6820")
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= LAST:
        raise InputError(f"{text!r}: ports go from 0 to {LAST}, the lower one first")
    return What(protocol, low, high)
