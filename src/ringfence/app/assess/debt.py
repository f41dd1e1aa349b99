"""`ringfence debt`: the history's ledger, D(t) beside C(t), and what to do about it.

estates ─stand─▶ Point per window, Standing of the last ─┬─▶ trend, verdict, forecast
                                                         └─▶ shares, next fixes
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.app.assess.debt_retired import Retired, retired_of
from ringfence.app.assess.debt_svg import day
from ringfence.app.assess.debt_window import Standing, is_hole, no_values, stand
from ringfence.assess.check import Check
from ringfence.assess.checks import CHECKS
from ringfence.assess.debt.access import NOBODY, Share
from ringfence.assess.debt.choquet import Debt, debt
from ringfence.assess.debt.compute import Compute
from ringfence.assess.debt.coverage import Coverage, alike
from ringfence.assess.debt.forecast import Forecast, forecast
from ringfence.assess.debt.hygiene import Hygiene
from ringfence.assess.debt.ledger import OWED, Entry, Ledger, State
from ringfence.assess.debt.next import Fix, next_fixes
from ringfence.assess.debt.shapley import shares
from ringfence.assess.debt.survival import Flow, Survival, capacity, flows, over_a_year, survival
from ringfence.assess.debt.terms import YEAR
from ringfence.assess.debt.trend import Trend, trend
from ringfence.assess.debt.verdict import PaceVerdict, judge_pace
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate

_WORK = 4e8
"""About so many edges are looked at for shares that are drawn: fewer orders on large estates."""

_MOST_ORDERS = 64


class Point(msgspec.Struct, frozen=True):
    """One window in figures."""

    at: float
    debt: Debt
    hygiene: Hygiene
    coverage: Coverage
    compute: Compute
    open: int
    carried: int
    holes: int
    over_a_year: int
    share: Share = Share()
    refused: tuple[str, ...] = ()
    """Figures of the estate that are none: they reached no sum."""


class Group(msgspec.Struct, frozen=True):
    """The findings of one check: what one remedy, rolled out, would fix. `members` index the game's findings."""

    check: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class History:
    """All windows in the order of their times, the last one whole, and the ledger after it."""

    points: tuple[Point, ...]
    last: Standing
    ledger: Ledger
    jewels_left: tuple[str, ...]
    retired: Retired

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The ledger without holes: what arrives and is closed by people."""
        return tuple(entry for entry in self.ledger.values() if not is_hole(entry))

    @cached_property
    def trends(self) -> tuple[tuple[str, Trend], ...]:
        """Elasticity against both measures of compute."""
        years = [point.at / YEAR for point in self.points]
        owed = [point.debt.total for point in self.points]
        return (
            ("installed FLOP/s", trend(years, owed, [point.compute.flops for point in self.points])),
            ("GPU-hours", trend(years, owed, [point.compute.gpu_hours for point in self.points])),
        )

    @cached_property
    def flow(self) -> list[Flow]:
        """Arrivals and closures between windows."""
        return flows(self.entries, [point.at for point in self.points])

    @cached_property
    def rates(self) -> tuple[float, float]:
        """(arrivals, capacity) per day."""
        return capacity(self.flow)

    @cached_property
    def verdict(self) -> PaceVerdict:
        """Whether security keeps pace."""
        return judge_pace(
            self.trends,
            [point.coverage.share for point in self.points],
            *self.rates,
            estimated=any(point.compute.estimated for point in self.points),
            jewels_left=self.jewels_left,
            let_in=[point.share for point in self.points],
            missing=self.missing,
            since=self._alike_since,
            collect=self.points[-1].coverage.to_collect,
            lacking=self._lacking,
            assumed=self.assumed,
            retired=self.retired.refused,
        )

    @cached_property
    def missing(self) -> list[str]:
        """What was known in some window and is in no fact of it or a later one."""
        return sorted({name for point in self.points for name in point.coverage.missing})

    @cached_property
    def assumed(self) -> list[str]:
        """Hosts that were measured in some survey and only assumed to be like another in a later one."""
        return sorted({name for point in self.points for name in point.coverage.assumed})

    @property
    def _lacking(self) -> list[str]:
        """What the last survey has none of, though only with it anything can be owed."""
        found = []
        if not self.last.jewels:
            found.append("no crown jewel is known, so nothing can be owed: `ringfence mark model:NAME` names one")
        if not self.last.footholds:
            found.append(
                "no foothold is known, so nobody is seen to come: name in the inventory which workstations people log "
                "in from (`logs_in_from`), and collect again"
            )
        return found

    @property
    def _alike_since(self) -> str:
        """The first day from which on coverage would not move; "" where only the last survey is left."""
        seen = [point.coverage for point in self.points]
        first = next(at for at in range(len(seen)) if alike(seen[at:]))
        return day(self.points[first].at) if 0 < first < len(seen) - 1 else ""

    @cached_property
    def survival(self) -> Survival:
        """How long findings live."""
        return survival(self.entries, self.last.at)

    @cached_property
    def forecast(self) -> Forecast:
        """D ahead."""

        def untouched(years: float) -> float:
            return debt(self.last.game, self.last.weights_at(self.last.at + years * YEAR)).total

        years = [point.at / YEAR for point in self.points]
        return forecast(years, [point.debt.total for point in self.points], untouched)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Findings on ways, by check."""
        found: dict[str, list[int]] = {}
        relevant = self.last.game.relevant
        for at, entry in enumerate(self.last.owed):
            if relevant[at]:
                found.setdefault(entry.key[0], []).append(at)
        return tuple(Group(check, tuple(found[check])) for check in sorted(found))

    @cached_property
    def shares(self) -> tuple[list[float], bool]:
        """(what each group owes, whether exact); they sum to D."""
        game = self.last.game
        size = max(1, len(game.to) * len(game.classes) * max(1, len(self.last.debt.layers)))
        orders = int(max(2, min(_MOST_ORDERS, _WORK // size)))
        found, exact = shares(game, self.last.weights, [group.members for group in self.groups], orders)
        return found.tolist(), exact

    @cached_property
    def owes(self) -> NDArray[np.float64]:
        """What each owed finding owes: its check's share, split by weight among those on likeliest ways; sums to D."""
        last = self.last
        found = np.zeros(len(last.owed))
        for group, share in zip(self.groups, self.shares[0], strict=True):
            members = np.array(group.members)
            mine = members[last.on_way[members]] if last.on_way[members].any() else members
            found[mine] = share * last.weights[mine] / last.weights[mine].sum()
        return found

    def next_fixes(self, count: int = 10) -> tuple[list[Fix], bool]:
        """What the next so many fixes buy; a fix is one check's remedy on everything that it names."""
        return next_fixes(self.last.game, self.last.weights, [group.members for group in self.groups], count)


def history(
    estates: Iterable[tuple[float, Estate]],
    checks: Sequence[Check] = CHECKS,
    retired: frozenset[str] = frozenset(),
    footholds: Sequence[str] = (),
) -> History:
    """The debt of every window. `estates` in the order of their times. Raises `UsageError` where there is none."""
    kept: Ledger = {}
    known: set[str] = set()
    points: list[Point] = []
    left: dict[str, None] = {}
    last: Standing | None = None
    feet: list[frozenset[str]] = []
    marked: list[frozenset[str]] = []
    for at, estate in estates:
        before = last.jewels if last else {}
        access = last.access if last else NOBODY
        last, kept, known = stand(estate, at, kept, known, checks, retired, footholds, access)
        points.append(_point(last, kept, (*last.compute.refused, *no_values(estate))))
        now = last.jewels
        feet.append(last.footholds)
        marked.append(frozenset(now))
        left |= {jewel: None for jewel, worth in before.items() if jewel in estate and now.get(jewel, 0.0) < worth}
    if last is None:
        raise UsageError("there is no estate", "`ringfence collect` makes one")
    return History(tuple(points), last, kept, tuple(left), retired_of(retired, feet, marked))


def _point(now: Standing, kept: Ledger, refused: tuple[str, ...]) -> Point:
    real = [entry for entry in kept.values() if not is_hole(entry)]
    return Point(
        now.at,
        now.debt,
        now.hygiene,
        now.coverage,
        now.compute,
        sum(entry.state in OWED for entry in real),
        sum(entry.state is State.CARRIED for entry in real),
        sum(entry.state in OWED for entry in kept.values()) - sum(entry.state in OWED for entry in real),
        over_a_year(real, now.at),
        now.share,
        refused,
    )
