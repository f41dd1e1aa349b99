"""How likely each move succeeds, from the facts it rests on.

Work's own moves always succeed. One that rests on a weakness goes by what is known of that weakness (exploited,
or its EPSS score where the fact carries it); any other by how long it takes a practised attacker.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.rule import Move
from ringfence.assess.debt.terms import KEV_PROBABILITY, LEAST_EPSS, UNKNOWN_PRIOR, default_probability
from ringfence.estate.estate import PREDICATE_CODE, Estate


def probabilities(estate: Estate, edges: Edges, moves: Sequence[Move]) -> NDArray[np.float64]:
    """One per edge, 0 < p ≤ 1."""
    function = np.array([move.function for move in moves], np.bool_)
    found = np.where(function[edges.move], 1.0, default_probability(edges.high))
    _by_weakness(estate, edges, found)
    found[edges.unknown] *= UNKNOWN_PRIOR
    return found


def _by_weakness(estate: Estate, edges: Edges, found: NDArray[np.float64]) -> None:
    """Put in what is known of weaknesses: `kev` (bool) and `epss` (0 to 1) of `vulnerable_to` facts."""
    code, table = PREDICATE_CODE["vulnerable_to"], estate.table("vulnerable_to")
    for column in edges.because.T:
        which = np.flatnonzero((column >> 32) == code)
        if not len(which):
            continue
        attributes, inverse = np.unique(table.attributes[column[which] & 0xFFFFFFFF], return_inverse=True)
        known = np.array([_of_weakness(estate, int(one)) for one in attributes])[inverse]
        found[which] = np.where(known > 0, known, found[which])


def _of_weakness(estate: Estate, attributes: int) -> float:
    """0 where nothing is known. A score that is no number between 0 and 1 is passed over."""
    said = estate.attributes_of(attributes)
    if said.get("kev") is True:
        return KEV_PROBABILITY
    score = said.get("epss")
    if isinstance(score, (int, float)) and not isinstance(score, bool) and 0.0 <= score <= 1.0:
        return max(float(score), LEAST_EPSS)
    return 0.0
