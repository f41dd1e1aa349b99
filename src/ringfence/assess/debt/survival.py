"""How long findings live: Kaplan–Meier with late entry, since open ones are not yet at their end.

E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations" (1958). A finding that was old when
it was first seen enters at that age: those of its age that were fixed before anybody looked are not known.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from ringfence.assess.debt.ledger import OWED, Entry, State
from ringfence.assess.debt.terms import YEAR


class Survival(msgspec.Struct, frozen=True):
    """`half_life` in days, None where fewer than half were fixed; `curve`: (days, share still open)."""

    half_life: float | None
    curve: tuple[tuple[float, float], ...]
    fixed: int
    censored: int


def survival(entries: Iterable[Entry], at: float) -> Survival:
    """Of all findings of a ledger, at one time. Those whose subject is gone count as not seen to their end."""
    rows = list(entries)
    starts = np.array([_days(max(0.0, entry.first - entry.opened)) for entry in rows])
    ends = np.array([_days(entry.age(at)) for entry in rows])
    ended = np.array([entry.state is State.FIXED for entry in rows], np.bool_)
    share, curve = 1.0, [(0.0, 1.0)]
    half = None
    for age in np.unique(ends[ended]) if len(rows) else ():
        at_risk = int(((starts < age) & (ends >= age)).sum())
        died = int((ended & (ends == age)).sum())
        if at_risk:
            share *= 1 - died / at_risk
            curve.append((float(age), share))
        if half is None and share <= 0.5:
            half = float(age)
    return Survival(half, tuple(curve), int(ended.sum()), int((~ended).sum()))


def _days(seconds: float) -> float:
    return seconds / 86_400.0


def over_a_year(entries: Iterable[Entry], at: float) -> int:
    """Open for more than a year: what others call security debt."""
    return sum(entry.state in OWED and entry.age(at) > YEAR for entry in entries)


class Flow(msgspec.Struct, frozen=True):
    """Of one window, since the one before: what came, what was closed; `gone` with their subjects. Days since."""

    days: float
    arrived: int
    closed: int
    gone: int


def flows(entries: Sequence[Entry], times: Sequence[float]) -> list[Flow]:
    """Per window but the first."""
    found = []
    for before, now in pairwise(times):
        arrived = sum((entry.first == now) + (now in entry.reopened) for entry in entries)
        closed = sum(now in entry.fixed for entry in entries)
        gone = sum(entry.state is State.GONE and entry.ended == now for entry in entries)
        found.append(Flow((now - before) / 86_400.0, arrived, closed, gone))
    return found


def capacity(flow: Sequence[Flow]) -> tuple[float, float]:
    """(arrivals per day, closures per day that the team has shown it can do).

    Capacity is the upper quartile over windows: one great clean-up shows what is possible once, not what lasts.
    """
    if not flow:
        return 0.0, 0.0
    days = sum(one.days for one in flow)
    rates = [one.closed / one.days for one in flow]
    return sum(one.arrived for one in flow) / days, float(np.percentile(rates, 75))
