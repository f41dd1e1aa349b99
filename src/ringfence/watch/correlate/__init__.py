"""Sigma's correlations: what many hits say together, over time.

        batch, hits ──Source──▶ Points ──Correlator──▶ Firing
        (node stage, many)              (joint stage, one)

Hits may come late and out of order; by when they happened, not by when they came, is decided what is true.
"""

from ringfence.watch.correlate.correlator import Correlator, State
from ringfence.watch.correlate.plan import Plan, plans, untold
from ringfence.watch.correlate.points import Source
from ringfence.watch.correlate.values import Counts, Firing, Points, Ref

__all__ = ["Correlator", "Counts", "Firing", "Plan", "Points", "Ref", "Source", "State", "plans", "untold"]
