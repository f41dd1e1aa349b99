"""What the next fixes buy: greedily, the one that lowers D most, then the next; every set on small cases.

Only fixes of findings on a likeliest way can lower D at all, so only they are tried. Where none does alone, the
ways are doubled: groups are taken, that with most findings on them first, until D falls. Those of them without which
it would not are told as one fix, of which no group buys anything alone; the others wait on.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.assess.debt.choquet import debt, stood
from ringfence.assess.debt.shapley import without
from ringfence.assess.debt.value import Game

Floats = NDArray[np.float64]

MOST_SETS = 600
"""So many sets are all tried; beyond, the choice is greedy."""

_NOTHING = 1e-9
"""Jewels' values: what lowers D by no more buys nothing."""


class Fix(msgspec.Struct, frozen=True):
    """One group of findings fixed: `before` and `after` are D, after the fixes named before it.

    `together`: the groups that must be fixed with it; fewer of them buy less, each alone nothing.
    """

    group: int
    before: float
    after: float
    together: tuple[int, ...] = ()

    @property
    def buys(self) -> float:
        """By how much D falls."""
        return self.before - self.after


def next_fixes(game: Game, weights: Floats, groups: Sequence[Sequence[int]], count: int = 10) -> tuple[list[Fix], bool]:
    """(fixes in order, whether no other set of as many buys more)."""
    relevant = game.relevant & (weights > 0)
    useful = [at for at, group in enumerate(groups) if relevant[list(group)].any()]
    count = min(count, len(useful))
    if comb(len(useful), count) <= MOST_SETS:
        return _ordered(game, weights, groups, _best_set(game, weights, groups, useful, count)), True
    return _ordered(game, weights, groups, None, count), False


def _best_set(
    game: Game, weights: Floats, groups: Sequence[Sequence[int]], useful: Sequence[int], count: int
) -> tuple[int, ...]:
    """The set of `count` groups that lowers D most; of equal ones the first."""
    return min(
        combinations(useful, count),
        key=lambda chosen: round(debt(game, without(weights, groups, set(chosen))).total, 9),
    )


def _ordered(
    game: Game,
    weights: Floats,
    groups: Sequence[Sequence[int]],
    among: Sequence[int] | None,
    count: int = 0,
) -> list[Fix]:
    """Greedy, among some groups or all; ends where nothing is owed any more, or what is left buys nothing."""
    left, done, useless = stood(game, weights), list[Fix](), list[int]()
    now = left  # without those that bought nothing so far
    waiting = set(range(len(groups)) if among is None else among)
    places = len(waiting) if among is not None else count
    while waiting and places > len(useless):
        tried = sorted(at for at in waiting if now.on_way[list(groups[at])].any())
        before = now.debt.total
        if before <= _NOTHING or not tried:
            break
        after = {at: now.without(np.array(groups[at])) for at in tried}
        on = {at: int(now.on_way[list(groups[at])].sum()) for at in tried}
        best = min(tried, key=lambda at: (round(after[at].debt.total, 9), -on[at], at))
        waiting -= {best}
        now, bought = after[best], before - after[best].debt.total
        if bought <= _NOTHING:
            useless.append(best)
            continue
        needed = _needed(game, without(left.weights, groups, {best}), groups, useless, now.debt.total)
        done.append(Fix(best, before, now.debt.total, needed))
        waiting |= set(useless) - set(needed)
        places -= 1 + len(needed)
        if len(needed) < len(useless):
            now = stood(game, without(left.weights, groups, {best, *needed}))
        left = now
        useless = []
    return done


def _needed(
    game: Game, left: Floats, groups: Sequence[Sequence[int]], useless: Sequence[int], after: float
) -> tuple[int, ...]:
    """Those of the groups without which D would not fall to `after`; one by one is left out what is not missed."""
    needed = list(useless)
    for one in useless:
        fewer = set(needed) - {one}
        if debt(game, without(left, groups, fewer)).total <= after + _NOTHING:
            needed.remove(one)
    return tuple(sorted(needed))
