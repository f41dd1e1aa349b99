"""A distribution in a few numbers: counts of powers of the square root of two, and their sum. It can forget."""

import math

import msgspec

BINS = 64
_FULL = 200_000.0


class Sketch(msgspec.Struct):
    """Counts by bin; bin 0 is nothing at all."""

    counts: list[float] = msgspec.field(default_factory=lambda: [0.0] * BINS)
    total: float = 0.0

    def add(self, value: float, unit: float) -> None:
        """One more value, measured in a unit below which differences do not matter."""
        self.counts[_bin(value, unit)] += 1
        self.total += 1
        if self.total > _FULL:  # what is old counts half
            self.counts = [count / 2 for count in self.counts]
            self.total = sum(self.counts)

    def beyond(self, value: float, unit: float) -> float:
        """The chance of a value as large as this or larger, never 0: what was not seen may still be."""
        return (sum(self.counts[_bin(value, unit) :]) + 0.5) / (self.total + 1)

    def quantile(self, share: float, unit: float) -> float:
        """The value that this share is below, to within a factor of 1.5; 0 where nothing is known."""
        left = share * self.total
        for at, count in enumerate(self.counts):
            left -= count
            if left <= 0 and self.total:
                return unit * (2 ** ((at + 1) / 2) - 1)
        return 0.0


def _bin(value: float, unit: float) -> int:
    if not value > 0:
        return 0
    return min(BINS - 1, int(2 * math.log2(1 + min(value / unit, 1e12))))
