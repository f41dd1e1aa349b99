"""All addresses that endpoints or rules speak of, cut into the fewest pieces that no one of them cuts again.

A *piece* is an interval of addresses: every endpoint and every element of a set is a union of whole pieces, so that
sets of addresses become sets of small numbers.
"""

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from ringfence.errors import InputError
from ringfence.segment.address import WORLD4, WORLD6, Span, span
from ringfence.segment.relation import Ints

EMPTY = np.zeros(0, np.int64)
ELSE = "*"
"""Anybody else: every address that is no endpoint's."""


def span_of(element: str) -> Span:
    """The interval of `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`. Raises `InputError`."""
    first, dash, last = element.partition("-")
    low = span(first)
    if not dash:
        return low
    high = span(last)
    if low[0] != high[0] or low[1] > high[2]:
        raise InputError(f"{element[:60]!r} is no range of addresses")
    return low[0], low[1], high[2]


class Space:
    """Pieces, numbered from 0 by address, and whose they are. `ends`: the addresses of each endpoint.

    Those numbered in `outside` are networks: they consist of what in them is nobody else's. `strangers` are those of
    `ours` that hold an address which no endpoint has; their rests follow as endpoints of their own, and as the last all
    addresses that no endpoint has: anybody else, whom some rule may let through without naming him. `groups`: the
    control groups of jobs; whoever is in another one belongs to the host.
    """

    def __init__(
        self,
        ends: Sequence[Sequence[str]],
        elements: Iterable[str],
        ours: Sequence[str] = (),
        outside: Collection[int] = (),
        groups: Iterable[str] = (),
    ) -> None:
        self.groups = frozenset(groups)
        self._spans: dict[str, Span | None] = {}
        texts = dict.fromkeys([*(text for one in ends for text in one), *elements])
        for text in texts:
            try:
                self._spans[text] = span_of(text)
            except InputError:
                self._spans[text] = None
        spans = [*filter(None, self._spans.values()), WORLD4, WORLD6]
        cuts = sorted({edge for version, low, high in spans for edge in ((version, low), (version, high + 1))})
        self._at = {edge: at for at, edge in enumerate(cuts)}
        self.every = np.arange(len(cuts), dtype=np.int64)
        self._families = {4: self._cut(WORLD4), 6: self._cut(WORLD6)}
        self._sound: dict[tuple[str, ...], bool] = {}
        self.remembered: dict[Hashable, dict[tuple[int, ...], Any]] = {}
        """What readers of rules found in this space, for those that many rulesets share."""
        self._known: dict[tuple[str, ...], Ints] = {}
        owned = [self.pieces(tuple(one)) for one in ends]
        taken = np.zeros(len(self.every) + 1, np.bool_)
        for at, mine in enumerate(owned):
            if at not in outside:
                taken[mine] = True
        for at in outside:
            free = owned[at][~taken[owned[at]]]
            owned[at] = free if len(free) else owned[at]
        for at in outside:
            taken[owned[at]] = True
        found = ((one, pieces[~taken[pieces]]) for one in ours for pieces in [self.pieces((one,))])
        strange = {one: pieces for one, pieces in found if len(pieces)}
        rest = self.every[~taken[:-1]]
        known = rest[np.isin(rest, np.concatenate([self.family(4), self.family(6)]))]
        self.strangers = (*strange, ELSE) if len(known) else tuple(strange)
        self._index([*owned, *strange.values(), *([known] if len(known) else [])])

    def _index(self, owned: Sequence[Ints]) -> None:
        self._size = np.array([len(one) for one in owned], np.int64)
        end = np.repeat(np.arange(len(owned)), self._size)
        piece = np.concatenate([EMPTY, *owned])
        order = np.argsort(piece, kind="stable")
        self._owner = end[order]
        self._start = np.searchsorted(piece[order], np.arange(len(self.every) + 1))

    def sound(self, elements: tuple[str, ...]) -> bool:
        """Whether all of them are addresses, networks or ranges."""
        if elements not in self._sound:
            self._sound[elements] = all(self._spans.get(one) is not None for one in elements)
        return self._sound[elements]

    def pieces(self, elements: tuple[str, ...]) -> Ints:
        """The pieces of some elements, ascending; those that are no addresses are left out."""
        found = self._known.get(elements)
        if found is None:
            ranges = [self._range(one) for one in map(self._spans.get, elements) if one]
            single = sorted({low for low, high in ranges if high == low + 1})
            wide = [np.arange(low, high) for low, high in ranges if high != low + 1]
            found = np.array(single, np.int64)
            found = self._known[elements] = np.unique(np.concatenate([found, *wide])) if wide else found
        return found

    def _range(self, one: Span) -> tuple[int, int]:
        return self._at[one[0], one[1]], self._at[one[0], one[2] + 1]

    def family(self, version: int) -> Ints:
        """All pieces of version 4 or 6."""
        return self._families[version]

    def _cut(self, one: Span) -> Ints:
        return np.arange(*self._range(one), dtype=np.int64)

    def touched(self, pieces: Ints) -> tuple[Ints, Ints]:
        """(endpoints of which some address is among the pieces, those of which all are), ascending."""
        starts, ends = self._start[pieces], self._start[pieces + 1]
        counts = ends - starts
        jump = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) if len(pieces) else EMPTY
        found, times = np.unique(self._owner[jump + np.arange(len(jump))], return_counts=True)
        return found, found[times == self._size[found]]
