"""D(t): the Choquet integral of the findings' weights with respect to v.

∫₀^∞ v({i : wᵢ > x}) dx, a sum over the distinct weights. Where findings do not overlap it is Σ gᵢ·wᵢ; of
substitutes the oldest counts, once; of complements the youngest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.value import NEVER, Bools, Floats, Game, by_class, exposures


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
    return levels, _ranks(weights, levels)


def _ranks(weights: Floats, levels: Floats) -> NDArray[np.int32]:
    ranks = np.full(len(weights), NEVER, np.int32)
    held = weights > 0
    ranks[held] = len(levels) - np.searchsorted(levels[::-1], weights[held])
    return ranks


def debt(game: Game, weights: Floats) -> Debt:
    """D of these weights, one per finding; 0 stands for a finding that is not there."""
    weights = np.where(game.relevant, weights, 0.0)
    levels, ranks = layers_of(weights)
    return _whole(levels, exposures(game, ranks, len(levels)))


@dataclass(frozen=True, eq=False)
class Stood:
    """D of some weights, kept by classes of jewels: a finding that no likeliest way to a class rests on, on none of
    whose weights, changes nothing there when it goes.

    `parts`: per class its exposure with none and down to each of `levels`; `on`: per class the findings that its
    likeliest ways rest on.
    """

    game: Game
    weights: Floats
    levels: Floats
    parts: tuple[Floats, ...]
    on: tuple[Bools, ...]

    @cached_property
    def debt(self) -> Debt:
        """The whole."""
        return _whole(self.levels, sum(self.parts, start=np.zeros(len(self.levels) + 1)))

    @cached_property
    def on_way(self) -> Bools:
        """The findings that likeliest ways rest on: without any other, D stays as it is."""
        found = np.zeros(self.game.findings, np.bool_)
        for one in self.on:
            found |= one
        return found

    def without(self, gone: NDArray[np.int64]) -> "Stood":
        """The same, some findings fixed: only classes whose likeliest ways rest on one of them are looked at again."""
        weights = self.weights.copy()
        weights[gone] = 0.0
        touched = [at for at, on in enumerate(self.on) if on[gone].any()]
        again = _classes(self.game, weights, self.levels, touched)
        parts, on = list(self.parts), list(self.on)
        for at, (part, rested) in zip(touched, again, strict=True):
            parts[at], on[at] = part, rested
        return Stood(self.game, weights, self.levels, tuple(parts), tuple(on))


def stood(game: Game, weights: Floats) -> Stood:
    """D of these weights, one per finding, and what it rests on."""
    weights = np.where(game.relevant, weights, 0.0)
    levels, _ = layers_of(weights)
    found = _classes(game, weights, levels, range(len(game.classes)))
    return Stood(game, weights, levels, tuple(part for part, _ in found), tuple(on for _, on in found))


def _classes(game: Game, weights: Floats, levels: Floats, which: Sequence[int]) -> list[tuple[Floats, Bools]]:
    """Per class wanted its exposure down to each level, and the findings that its likeliest ways rest on."""
    found = by_class(game, _ranks(weights, levels), len(levels), [game.classes[at] for at in which])
    return [(part, _resting(game, used) & (weights > 0)) for part, used in found]


def _resting(game: Game, used: Bools) -> Bools:
    """The findings of the facts that these edges rest on."""
    facts = np.zeros(game.facts + 1, np.bool_)
    facts[game.rests[used].ravel()] = True
    facts[-1] = False
    on = np.zeros(game.findings, np.bool_)
    on[game.finding_of[facts[game.fact_of]]] = True
    return on


def _whole(levels: Floats, total: Floats) -> Debt:
    values = np.maximum(0.0, total[1:] - total[0])
    steps = levels - np.append(levels[1:], 0.0)
    shown = tuple(zip(levels.tolist(), values.tolist(), strict=True))
    return Debt(float(values @ steps), float(values[-1]) if len(values) else 0.0, float(total[0]), shown)
