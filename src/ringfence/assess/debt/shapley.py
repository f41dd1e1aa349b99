"""Who owes what: the Shapley value of D, so that overlapping findings share and the shares sum to D.

D is linear in v, so a share is Σ over weight levels of (step × share in v of the findings that heavy). Up to eight
players every subset is looked at; beyond, orders are drawn with a seed, each with its reverse. In one order all
marginals come from one run of the kernel, since findings only ever arrive.
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial
from random import Random

import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.choquet import debt
from ringfence.assess.debt.value import NEVER, Game, exposures

Floats = NDArray[np.float64]

MOST_EXACT = 8


def shares(
    game: Game, weights: Floats, players: Sequence[Sequence[int]], orders: int = 32, seed: int = 0
) -> tuple[Floats, bool]:
    """(share of each player, whether exact). `players` are groups of findings; findings in none are always there.

    Sums to D less the D of what is in no group.
    """
    if not players:
        return np.zeros(0), True
    if len(players) <= MOST_EXACT:
        return _exact(game, weights, players), True
    dice = Random(seed)  # noqa: S311 - must be reproducible, keeps no secret
    total = np.zeros(len(players))
    drawn = 0
    while drawn < orders:
        order = list(range(len(players)))
        dice.shuffle(order)
        for one in (order, order[::-1]):
            total += _along(game, weights, players, one)
            drawn += 1
    return total / drawn, False


def _exact(game: Game, weights: Floats, players: Sequence[Sequence[int]]) -> Floats:
    """Over all subsets."""
    n = len(players)
    worth = {}
    for size in range(n + 1):
        for chosen in combinations(range(n), size):
            worth[frozenset(chosen)] = debt(game, without(weights, players, set(range(n)) - set(chosen))).total
    found = np.zeros(n)
    for held, value in worth.items():
        for one in set(range(n)) - held:
            share = factorial(len(held)) * factorial(n - len(held) - 1) / factorial(n)
            found[one] += share * (worth[held | {one}] - value)
    return found


def without(weights: Floats, players: Sequence[Sequence[int]], gone: set[int]) -> Floats:
    """The weights with the findings of some players fixed."""
    left = weights.copy()
    for one in gone:
        left[list(players[one])] = 0.0
    return left


def _along(game: Game, weights: Floats, players: Sequence[Sequence[int]], order: Sequence[int]) -> Floats:
    """Each player's marginal in one order, level by level."""
    place = np.ones(len(weights), np.int32)  # in no group: there from the first
    for at, one in enumerate(order):
        place[list(players[one])] = at + 2
    heavy = np.where(game.relevant, weights, 0.0)
    levels = np.unique(heavy[heavy > 0])[::-1]
    steps = levels - np.append(levels[1:], 0.0)
    found = np.zeros(len(players))
    for level, step in zip(levels, steps, strict=True):
        ranks = np.where(heavy >= level, place, NEVER).astype(np.int32)
        present = np.unique(ranks[ranks < NEVER])
        dense = np.where(ranks < NEVER, np.searchsorted(present, ranks) + 1, NEVER).astype(np.int32)
        worth = exposures(game, dense, len(present))
        for number, at in enumerate(present.tolist()):
            if at > 1:
                found[order[at - 2]] += step * (worth[number + 1] - worth[number])
    return found
