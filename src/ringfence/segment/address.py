"""Addresses and networks as intervals of whole numbers: found by overlap, and written again as few networks."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

from ringfence.errors import InputError

WORLD4, WORLD6 = (4, 0, (1 << 32) - 1), (6, 0, (1 << 128) - 1)
Span = tuple[int, int, int]
"""(version, first, last), both included."""


@lru_cache(maxsize=1 << 17)
def span(text: str) -> Span:
    """The interval of `10.0.0.5`, `10.0.0.0/16` or their like in version 6. Raises `InputError`.

    >>> span("10.0.0.0/30")
    (4, 167772160, 167772163)
    """
    parts = text.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        a, b, c, d = (int(part) for part in parts)
        if max(a, b, c, d) < 256:
            number = a << 24 | b << 16 | c << 8 | d
            return 4, number, number
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise InputError(f"{text[:60]!r} is no address and no network") from None
    return network.version, int(network.network_address), int(network.broadcast_address)


def host_of(endpoint: str) -> str:
    """`host:a` of itself and of `job:…@host:a`; "" for what is on no host."""
    name = endpoint.rpartition("@")[2]
    return name if name.startswith("host:") else ""


def located(addresses: Mapping[str, Sequence[str]], endpoint: str) -> Sequence[str]:
    """An endpoint's addresses and networks: a job has its host's, `network:<CIDR>` says its own. Empty: unknown."""
    if endpoint in addresses:
        return addresses[endpoint]
    if endpoint.startswith("network:"):
        return (endpoint.removeprefix("network:"),)
    return addresses.get(host_of(endpoint), ())


def spans(texts: Iterable[str]) -> list[Span]:
    """The intervals of those that are addresses or networks; what an estate was told that is neither is passed over."""
    found = []
    for text in texts:
        try:
            found.append(span(text))
        except InputError:
            continue
    return found


def first(texts: Iterable[str]) -> str:
    """The first of these that is one address, written plainly; "" if none is."""
    return next((networks((one,))[0] for one in spans(texts) if one[1] == one[2]), "")


def networks(spans: Iterable[Span]) -> tuple[str, ...]:
    """The fewest networks that hold these addresses and no other; a single address is written without a length."""
    return tuple(text for one in _merged(spans) for text in _cidrs(one))


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    held: Span | None = None
    for one in sorted(spans):
        if held and one[0] == held[0] and one[1] <= held[2] + 1:
            held = (held[0], held[1], max(held[2], one[2]))
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def _cidrs(whole: Span) -> Iterator[str]:
    version, low, high = whole
    bits, make = (32, IPv4Address) if version == 4 else (128, IPv6Address)
    while low <= high:
        fits = (low & -low).bit_length() - 1 if low else bits
        size = min(fits, (high - low + 1).bit_length() - 1)
        text = str(make(low))
        yield f"{text}/{bits - size}" if size else text
        low += 1 << size


class Index:
    """Endpoints by address."""

    def __init__(self, addresses: Mapping[str, Sequence[str]], names: Iterable[str]) -> None:
        known = [(*one, name) for name in names for one in spans(addresses.get(name, ()))]
        single = sorted(row for row in known if row[1] == row[2])
        self._keys = [row[:2] for row in single]
        self._names = [row[3] for row in single]
        self._wide = [row for row in known if row[1] != row[2]]

    def within(self, wanted: Span) -> list[str]:
        """Endpoints of which at least one address lies in the interval."""
        version, low, high = wanted
        found = self._names[bisect_left(self._keys, (version, low)) : bisect_right(self._keys, (version, high))]
        return found + [row[3] for row in self._wide if row[0] == version and row[1] <= high and low <= row[2]]


def holds(outer: Span, inner: Span) -> bool:
    """Whether every address of `inner` is in `outer`."""
    return outer[0] == inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2]


def meet(one: Span, other: Span) -> bool:
    """Whether they share an address."""
    return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]
