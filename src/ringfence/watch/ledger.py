"""Sums under names, as arrays: many names a batch, one addition."""

from collections.abc import Sequence

import msgspec
import numpy as np

from ringfence.watch.bounded import cut


class Ledger(msgspec.Struct):
    """A table of `width` numbers a name. When it is full, new names are counted in `refused` and not kept."""

    width: int
    most: int
    places: dict[str, int] = {}
    free: list[int] = []
    data: bytearray = msgspec.field(default_factory=bytearray)
    refused: int = 0

    @property
    def table(self) -> np.ndarray:
        """The numbers, a row a place; it can be written to, until a name is added."""
        found: np.ndarray = np.frombuffer(self.data, np.float64).reshape(-1, self.width)
        return found

    def add(self, names: Sequence[str], sums: np.ndarray) -> None:
        """Add a row of numbers to each name."""
        places = np.array([self._place(name) for name in names], np.int64)
        there = places >= 0
        np.add.at(self.table, places[there], sums[there])  # long names that are cut alike share a place

    def take(self, name: str) -> np.ndarray:
        """The numbers of a name, which is forgotten."""
        place = self.places.pop(name)
        found: np.ndarray = self.table[place].copy()
        self.table[place] = 0
        self.free.append(place)
        return found

    def _place(self, name: str) -> int:
        """Where a name stands, -1 where there is no room."""
        place = self.places.get(name)
        if place is None:
            name = cut(name)
            place = self.places.get(name)
        if place is not None:
            return place
        if len(self.places) >= self.most:
            self.refused += 1
            return -1
        if not self.free:
            rows = max(64, len(self.places))
            self.free = list(range(len(self.places) + rows - 1, len(self.places) - 1, -1))
            self.data = self.data + bytearray(rows * self.width * 8)
        place = self.places[name] = self.free.pop()
        return place
