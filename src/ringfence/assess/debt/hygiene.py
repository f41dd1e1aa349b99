"""Debt that lies on no way to a jewel: counted apart, in points of severity, never mixed with exposure."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.terms import UNKNOWN_PRIOR


class Hygiene(msgspec.Struct, frozen=True):
    """`points`: severity / 10 × weight, summed; `count`: findings; `unknown_points`: of checks that could not tell."""

    count: int
    points: float
    unknown: int
    unknown_points: float


def hygiene(
    relevant: NDArray[np.bool_], severity: NDArray[np.int16], weights: NDArray[np.float64], unknown: dict[int, int]
) -> Hygiene:
    """Of findings that no way rests on; `unknown`: how many results of each severity are not known (prior × it)."""
    off = ~relevant & (weights > 0)
    points = float((severity[off] / 10 * weights[off]).sum())
    prior = sum(UNKNOWN_PRIOR * weight / 10 * count for weight, count in unknown.items())
    return Hygiene(int(off.sum()), points, sum(unknown.values()), prior)
