"""Whether debt outgrows compute: the elasticity ε = d ln D / d ln C, and where there is none to be had, dD/dt.

Theil–Sen: the median of the slopes between all pairs of windows (P. K. Sen, "Estimates of the regression
coefficient based on Kendall's tau", 1968); its interval by bootstrap over windows, seeded.

Windows with D = 0 have no logarithm. The rule: each counts with half of the least positive D of the series, and how
many they are is told; where more than a quarter are 0 there is no ε.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_GROWTH = 0.02
"""Compute that grew by no more than this over the whole series stands still: no elasticity, no verdict."""

_DRAWS = 2000
_MOST_ZERO = 0.25
_CLOSE = 1e-3


class Trend(msgspec.Struct, frozen=True):
    """`epsilon` with its 95 % interval, or None with `why` there is none. `per_year`: dD/dt by Theil–Sen."""

    epsilon: float | None
    low: float | None
    high: float | None
    per_year: float
    windows: int
    zeros: int
    why: str = ""


def trend(at: Sequence[float], debts: Sequence[float], compute: Sequence[float], seed: int = 0) -> Trend:
    """`at` in years. One entry per window each."""
    times, owed, installed = (np.array(one, np.float64) for one in (at, debts, compute))
    zeros = int((owed <= 0).sum())
    per_year = theil_sen(times, owed)
    why = _why_not(owed, installed, times, zeros)
    if why:
        return Trend(None, None, None, per_year, len(times), zeros, why)
    logs = np.log(np.where(owed > 0, owed, owed[owed > 0].min() / 2))
    sizes = np.log(installed)
    low, high = _interval(sizes, logs, seed)
    return Trend(theil_sen(sizes, logs), low, high, per_year, len(times), zeros)


def _why_not(owed: Floats, installed: Floats, times: Floats, zeros: int) -> str:
    if len(owed) < 3:
        return "three windows at least make a trend"
    if (installed <= 0).any():
        return "compute is not known in every window"
    if zeros == len(owed):
        return "nothing is owed in any window"
    if zeros > _MOST_ZERO * len(owed):
        return f"{zeros} of {len(owed)} windows owe nothing: no elasticity of that"
    if installed[-1] / installed[0] <= 1 + LEAST_GROWTH or theil_sen(times, np.log(installed)) <= 0:
        return "compute stands still or falls: elasticity would mean something else"
    return ""


def theil_sen(x: Floats, y: Floats) -> float:
    """The median slope over all pairs that differ in x; 0 where none does."""
    first, second = np.triu_indices(len(x), 1)
    run = x[second] - x[first]
    apart = np.abs(run) > _CLOSE * max(float(np.ptp(x)), 1e-12) if len(x) else run > 0
    return float(np.median((y[second] - y[first])[apart] / run[apart])) if apart.any() else 0.0


def _interval(x: Floats, y: Floats, seed: int) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles over resampled windows; draws without two different x are passed over."""
    dice = np.random.default_rng(seed)
    found = []
    for _ in range(_DRAWS):
        chosen = dice.integers(0, len(x), len(x))
        if np.ptp(x[chosen]) > _CLOSE * np.ptp(x):
            found.append(theil_sen(x[chosen], y[chosen]))
    low, high = np.percentile(found, [2.5, 97.5]) if found else (-np.inf, np.inf)
    return float(low), float(high)
