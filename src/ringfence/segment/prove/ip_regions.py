"""Regions: sets of addresses times kinds of traffic, and what is left of one when others are taken away."""

from collections.abc import Sequence

import msgspec
import numpy as np

from ringfence.segment.relation import NAMED, Ints
from ringfence.segment.what import LAST, What

ANY = (What("any"),)
_NAMED = tuple(map(What, NAMED))
_PARTS = (*_NAMED, What("other"))
"""What `any` consists of, where one part of it is taken away."""

_PICKED = (32768, 60999)
"""Ports from which connections begin, unless told otherwise (ip(7), `ip_local_port_range`)."""


class Region(msgspec.Struct, frozen=True):
    """Peers at `pieces` of the address space (None: at all of them), sending any of `whats`."""

    pieces: Ints | None
    whats: tuple[What, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.whats or (self.pieces is not None and not len(self.pieces))


def covers(outer: What, inner: What) -> bool:
    """Whether all of `inner` is in `outer`."""
    if outer.protocol == "any":
        return True
    return outer.protocol == inner.protocol and outer.low <= inner.low and inner.high <= outer.high


def both(one: Sequence[What], other: Sequence[What]) -> tuple[What, ...]:
    """What is in both; each a union of disjoint kinds."""
    if one == ANY:
        return tuple(other)
    if other == ANY:
        return tuple(one)
    return tuple(
        What(a.protocol, max(a.low, b.low), min(a.high, b.high))
        for a in one
        for b in other
        if a.protocol == b.protocol and max(a.low, b.low) <= min(a.high, b.high)
    )


def without(one: Sequence[What], other: Sequence[What]) -> tuple[What, ...]:
    """What is in `one` and not in `other`."""
    if ANY[0] in other:
        return ()
    left = [*(_PARTS if tuple(one) == ANY else one)]
    for cut in other:
        left = [piece for kind in left for piece in _split(kind, cut)]
    return tuple(left)


def answers(whats: Sequence[What], *, least: bool) -> tuple[What, ...]:
    """The protocols whose answers are let through: at least, those to every port that an asker's kernel picks."""
    asked = (kind for kind in whats if not least or (kind.low <= _PICKED[0] and _PICKED[1] <= kind.high))
    names = {kind.protocol for kind in asked}
    return ANY if "any" in names or len(names) == len(_PARTS) else tuple(map(What, sorted(names)))


def _split(kind: What, cut: What) -> list[What]:
    if kind.protocol != cut.protocol or cut.high < kind.low or kind.high < cut.low:
        return [kind]
    below = [What(kind.protocol, kind.low, cut.low - 1)] if kind.low < cut.low else []
    return below + ([What(kind.protocol, cut.high + 1, kind.high)] if cut.high < kind.high else [])


def inside(one: Region, other: Region) -> Region:
    """What is in both."""
    return Region(_common(one.pieces, other.pieces), both(one.whats, other.whats))


def minus(region: Region, cuts: Sequence[Region], every: Ints) -> list[Region]:
    """What no cut takes away, as disjoint regions; `every`: all pieces."""
    left = [region]
    for cut in cuts:
        left = [piece for one in left for piece in _minus(one, cut, every)]
    return left


def _minus(one: Region, cut: Region, every: Ints) -> list[Region]:
    shared = both(one.whats, cut.whats)
    if not shared:
        return [one]
    common = _common(one.pieces, cut.pieces)
    if common is not None and not len(common):
        return [one]
    mine, gone = (every if pieces is None else pieces for pieces in (one.pieces, common))
    pieces = [
        Region(np.setdiff1d(mine, gone, assume_unique=True), one.whats),
        Region(common, without(one.whats, shared)),
    ]
    return [piece for piece in pieces if not piece.empty]


def _common(one: Ints | None, other: Ints | None) -> Ints | None:
    """What is in both of two ascending arrays; None: everything."""
    if one is None or other is None:
        return other if one is None else one
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    if not len(few):
        return few
    for run, found in ((many, few), (few, many)):
        if run[-1] - run[0] + 1 == len(run):  # one interval, as whole families of addresses are
            return found[found.searchsorted(run[0]) : found.searchsorted(run[-1], "right")]
    at = many.searchsorted(few)
    at[at == len(many)] = 0
    shared: Ints = few[many[at] == few]
    return shared


def ports(protocol: str, texts: Sequence[str]) -> tuple[What, ...] | None:
    """The kinds of traffic to `22`, `6817-6820`; None where one is no number."""
    found = []
    for text in texts:
        low, dash, high = text.partition("-")
        if not (low.isdecimal() and (high.isdecimal() if dash else True)):
            return None
        first, last = int(low), int(high or low)
        if not 0 <= first <= last <= LAST:
            return None
        found.append(What(protocol, first, last))
    return _disjoint(found)


def _disjoint(found: list[What]) -> tuple[What, ...]:
    done: list[What] = []
    for one in sorted(found):
        if done and one.low <= done[-1].high:
            done[-1] = What(one.protocol, done[-1].low, max(done[-1].high, one.high))
        else:
            done.append(one)
    return tuple(done)
