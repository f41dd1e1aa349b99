"""A byte budget of one holder as nftables rules: a rate with a burst, and a named quota.

What is counted: every packet from the holder to the budget's destinations, with its IP header, answers on
connections that others opened included. Not counted, only rate-limited: TCP segments of an established connection
that carry no byte of payload (the header's length is the packet's), so that fetching a large file costs nothing.
Spared: what governs the holder leaves the meter's chain before anything is counted, whatever was spent.

A limit whose `used` the kernel keeps is only ever raised (`enforce.budget`): nothing that was spent is forgotten.
"""

from collections.abc import Mapping

import msgspec

from ringfence.segment.compile.parts import named
from ringfence.segment.model import SPARED_BURST, Budget, Policy, Spared

Shares = Mapping[str, Mapping[str, int]]
"""Jewel → holder → bytes an hour that this holder may send."""

SHORTEST = 6
"""Minutes that a share lasts at least when spent at full rate."""

BARE_A_SECOND = 50_000
"""Segments without payload that a holder may send a second; their options could carry a few bytes each."""

_LEAST_BURST, _MOST_BURST, _MOST_RATE = 1 << 20, 1 << 30, 10**10
_HEADER = {"ipv4": 20, "ipv6": 40}


class Meter(msgspec.Struct, frozen=True, order=True):
    """What one holder may spend because of one jewel. `name` is that of the quota and of its chain."""

    name: str
    holder: str
    share: int
    destinations: tuple[str, ...]
    spared: tuple[Spared, ...] = ()


def meters(policy: Policy, shares: Shares) -> dict[str, tuple[Meter, ...]]:
    """Holder → its meters. Without a share the jewel's budget is split evenly; rounding never adds a byte."""
    found: dict[str, list[Meter]] = {}
    for budget in sorted(policy.budgets):
        for holder in budget.holders if budget.bytes_per_hour else ():
            share = _share(budget, holder, shares)
            one = Meter(quota_of(budget.jewel), holder, share, budget.destinations, budget.spared)
            found.setdefault(holder, []).append(one)
    return {holder: tuple(sorted(mine)) for holder, mine in found.items()}


def quota_of(jewel: str) -> str:
    """The name of the quotas that count what leaves because of a jewel; that of a job has the job's name before it."""
    return f"spend_{named([jewel])}"


def _share(budget: Budget, holder: str, shares: Shares) -> int:
    if budget.jewel in shares:
        return shares[budget.jewel].get(holder, 0)
    return budget.bytes_per_hour // len(budget.holders)


def rate(share: int) -> tuple[int, int]:
    """(bytes a second, burst in bytes) at which a share is spent; the kernel's bucket holds both together."""
    a_second = min(max(share // (60 * SHORTEST), 1), _MOST_RATE)
    return a_second, min(max(share // 60, _LEAST_BURST), _MOST_BURST)


def metered(meter: Meter, quota: str, verdict: str) -> list[str]:
    """The rules that a packet to the destinations passes; `verdict` befalls what is beyond the budget."""
    a_second, burst = rate(meter.share)
    return [
        "ct state established meta l4proto tcp meta length <= 100 jump bare",
        f"limit rate over {a_second} bytes/second burst {burst} bytes {verdict}",
        f'quota name "{quota}" {verdict}',
    ]


def spared(one: Spared) -> str:
    """What befalls traffic that governs the holder: it goes on uncounted, all of it or up to its own rate."""
    if not one.a_second:
        return "return"
    return f"limit rate {one.a_second} bytes/second burst {SPARED_BURST * one.a_second} bytes return"


def bare() -> list[str]:
    """Rules that find a TCP segment exactly as long as its headers; options of IP make it longer, so it counts."""
    return [
        f"meta nfproto {family} tcp doff {words} meta length {header + 4 * words} goto acks"
        for family, header in _HEADER.items()
        for words in range(5, 16)
    ]


def acks(verdict: str) -> list[str]:
    """What befalls such segments."""
    return [f"limit rate over {BARE_A_SECOND}/second burst {BARE_A_SECOND // 10} packets {verdict}", "accept"]
