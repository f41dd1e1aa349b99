"""Where debt goes: exactly, if nothing is fixed and nothing arrives; and as the trend of the windows has it."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.trend import theil_sen

Floats = NDArray[np.float64]


class Forecast(msgspec.Struct, frozen=True):
    """Per point of time ahead (years): D if nothing is touched; D as the windows went, with a 90 % band, or None."""

    years: tuple[float, ...]
    untouched: tuple[float, ...]
    middle: tuple[float, ...] | None
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None


def forecast(
    at: Sequence[float],
    debts: Sequence[float],
    untouched: Callable[[float], float],
    ahead: Sequence[float] = (0.25, 0.5, 1.0),
    seed: int = 0,
) -> Forecast:
    """`at` in years; `untouched` gives D so many years from the last window, of today's findings alone."""
    still = tuple(untouched(years) for years in ahead)
    if len(at) < 3:
        return Forecast(tuple(ahead), still, None, None, None)
    x, y = np.array(at) - at[-1], np.array(debts, np.float64)
    dice = np.random.default_rng(seed)
    drawn = []
    for _ in range(1000):
        chosen = dice.integers(0, len(x), len(x))
        drawn.append(_line(x[chosen], y[chosen], ahead))
    low, high = np.percentile(np.maximum(0.0, drawn), [5, 95], axis=0)
    middle = np.maximum(0.0, _line(x, y, ahead))
    return Forecast(tuple(ahead), still, tuple(middle.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _line(x: Floats, y: Floats, ahead: Sequence[float]) -> list[float]:
    slope = theil_sen(x, y)
    level = float(np.median(y - slope * x))
    return [level + slope * years for years in ahead]
