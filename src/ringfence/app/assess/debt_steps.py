"""When interest moves next. Weights go in steps, so D stands still and then jumps: a flat stretch is no standstill.

D with nothing fixed and nothing new never falls, so the first step that moves it is found by halving.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from ringfence.app.assess.debt import History
from ringfence.app.assess.debt_svg import day
from ringfence.assess.debt.choquet import debt
from ringfence.assess.debt.terms import CLASSES, YEAR, service_class

_AHEAD = 2 * YEAR
"""Seconds. Further on nobody leaves everything as it is."""

_DAY = 86_400.0
_LEAST = 0.005
"""D rises where two decimals show it."""

HOW = "Weights go in steps, of a month in the first year overdue, of a quarter and more later: D is flat between"


class Step(msgspec.Struct, frozen=True):
    """`at`: seconds, when D next rises if nothing is fixed, to `debt`; None where it does not in two years."""

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

    def after(at: float) -> float:
        return debt(last.game, last.weights_at(at)).total

    days = _rises([(last.owed[one].severity, last.owed[one].age(last.at)) for one in relevant.tolist()])
    times = [last.at + one for one in days]
    if not times or after(times[-1]) < owed + _LEAST:
        why = "what is exposed has been overdue for so long, or is so young, that no step is near"
        return Step(None, owed, f"Interest does not move in the next two years if nothing is touched: {why}")
    low, high = 0, len(times) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if after(times[middle]) >= owed + _LEAST else (middle + 1, high)
    then = after(times[low])
    return Step(
        times[low],
        then,
        f"Interest next steps up on {day(times[low])}, from {owed:.2f} to {then:.2f}, if nothing is touched",
    )


def _rises(owed: Sequence[tuple[int, float]]) -> list[float]:
    """Seconds from now to each day on which some weight rises, ascending. `owed`: (severity, age in seconds)."""
    service = np.array([service_class(severity)[1] for severity, _ in owed])
    ages = np.array([age for _, age in owed])
    at = (service - ages)[:, None] + CLASSES[:-1][None, :] * YEAR
    ahead = at[(at >= 0) & (at <= _AHEAD)]
    days: list[float] = (np.unique(np.floor(ahead / _DAY) + 1) * _DAY).tolist()
    return days
