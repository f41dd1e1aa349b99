"""One observed connection."""

from ipaddress import ip_address

import msgspec

PROTOCOLS = {"tcp": "tcp", "udp": "udp", "udplite": "udp", "sctp": "sctp", "icmp": "icmp", "icmpv6": "icmp"}
"""Protocol names of the formats → ours."""

NUMBERS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}
"""Protocol numbers (IANA) → ours."""


class Flow(msgspec.Struct, frozen=True):
    """A connection from whoever opened it. `source` and `target` are addresses, or entities where the form has them.

    `port` is the target's, 0 where the protocol has none. `sent` and `returned` are bytes as the form counts them, 0
    where it does not. `when` in seconds since the epoch, 0 where not told. `line` counts from 1.
    """

    source: str
    target: str
    protocol: str
    port: int
    sent: int = 0
    returned: int = 0
    when: float = 0.0
    line: int = 0


def address(text: str) -> str:
    """An address in its one spelling; IPv4 within IPv6 becomes IPv4. Raises `ValueError`."""
    found = ip_address(text.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def port(text: str | int | None) -> int:
    """A port, 0 for none. Raises `ValueError`."""
    number = int(text or 0)
    if not 0 <= number <= 65535:
        raise ValueError(f"{number} is no port")
    return number
