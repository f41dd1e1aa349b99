"""When interest moves next. Weights go in steps, so D stands still and then jumps: a flat stretch is no standstill.

D with nothing fixed and nothing new never falls, so the first step that moves it is found by strides, then by halving.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.app.assess.debt import History
from ringfence.app.assess.debt_svg import day
from ringfence.assess.debt.choquet import debt
from ringfence.assess.debt.terms import CLASSES, YEAR

_DAY = 86_400.0
_LEAST = 0.005
"""D rises where two decimals show it."""

HOW = "Weights go in steps, of a month in the first year overdue, of a quarter and more later: D is flat between"


class Step(msgspec.Struct, frozen=True):
    """`at`: seconds, when D next rises if nothing is fixed, to `debt`; None where it does not within the forecast."""

    at: float | None
    debt: float
    said: str


def next_step(found: History) -> Step:
    """Of the last survey."""
    last = found.last
    owed = last.debt.total
    relevant = np.flatnonzero(last.game.relevant)
    if not len(relevant):
        return Step(None, owed, "No interest runs: no way to a jewel rests on a finding")

    rises = owed + _LEAST
    ahead = found.forecast
    if ahead.untouched[-1] < rises:
        why = "what is exposed has been overdue for so long, or is so young, that no step is near"
        return Step(None, owed, f"Interest does not move within a year if nothing is touched: {why}")
    ages, service = last.clocks
    days = _rises(ages[relevant], service[relevant], ahead.years[-1] * YEAR)

    def after(step: int) -> float:
        return debt(last.game, last.weights_at(last.at + days[step])).total

    low, stride = 0, 1
    high = low
    while high < len(days) - 1 and after(high) < rises:
        low, high, stride = high + 1, min(len(days) - 1, high + stride), 2 * stride
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if after(middle) >= rises else (middle + 1, high)
    at, then = last.at + days[low], after(low)
    return Step(at, then, f"Interest next steps up on {day(at)}, from {owed:.2f} to {then:.2f}, if nothing is touched")


def _rises(ages: NDArray[np.float64], service: NDArray[np.float64], most: float) -> list[float]:
    """Seconds from now to the end of each day on which some weight rises, ascending, up to `most` and that itself."""
    at = np.unique(np.ceil((service - ages) / _DAY))[:, None] * _DAY + CLASSES[:-1] * YEAR
    at = at[(at >= 0) & (at < most - 2 * _DAY)]
    days: list[float] = (np.unique(np.floor(at / _DAY) + 1) * _DAY).tolist()
    return [*days, most]
