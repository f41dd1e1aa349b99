"""D(t): the Choquet integral of the findings' weights with respect to v.

∫₀^∞ v({i : wᵢ > x}) dx, a sum over the distinct weights. Where findings do not overlap it is Σ gᵢ·wᵢ; of
substitutes the oldest counts, once; of complements the youngest.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.value import NEVER, Game, exposures

Floats = NDArray[np.float64]


class Debt(msgspec.Struct, frozen=True):
    """`total` = `principal` + `interest`, in jewels' values. `uncovered`: exposure that rests on no finding at all.

    `layers`: (weight, v of the findings with at least that weight), heaviest first.
    """

    total: float
    principal: float
    uncovered: float
    layers: tuple[tuple[float, float], ...]

    @property
    def interest(self) -> float:
        """What waiting has added."""
        return self.total - self.principal


def layers_of(weights: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """(distinct positive weights, heaviest first; per finding the rank of its weight from 1, `NEVER` for none)."""
    levels = np.unique(weights[weights > 0])[::-1]
    ranks = np.full(len(weights), NEVER, np.int32)
    held = weights > 0
    ranks[held] = len(levels) - np.searchsorted(levels[::-1], weights[held])
    return levels, ranks


def debt(game: Game, weights: Floats) -> Debt:
    """D of these weights, one per finding; 0 stands for a finding that is not there."""
    return debt_and_ways(game, weights)[0]


def debt_and_ways(game: Game, weights: Floats) -> tuple[Debt, NDArray[np.bool_]]:
    """The same, and which findings the likeliest ways rest on: without any other, D stays as it is."""
    weights = np.where(game.relevant, weights, 0.0)
    levels, ranks = layers_of(weights)
    total, used = exposures(game, ranks, len(levels))
    values = np.maximum(0.0, total[1:] - total[0])
    steps = levels - np.append(levels[1:], 0.0)
    facts = np.zeros(game.facts + 1, np.bool_)
    facts[game.rests[used].ravel()] = True
    facts[-1] = False
    on = np.zeros(game.findings, np.bool_)
    on[game.finding_of[facts[game.fact_of]]] = True
    shown = tuple(zip(levels.tolist(), values.tolist(), strict=True))
    whole = Debt(float(values @ steps), float(values[-1]) if len(values) else 0.0, float(total[0]), shown)
    return whole, on & (weights > 0)
