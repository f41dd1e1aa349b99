"""Does security keep pace with compute? And when the question is refused.

**Keeps pace**: the upper bound of ε lies below 1 for both measures of compute, and findings do not arrive faster than
they can be closed. **Pays down**: it lies below 0. Fewer than eight observed windows label it *estimated*.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from ringfence.assess.debt.access import Share
from ringfence.assess.debt.coverage import MOST_MOVE, moved
from ringfence.assess.debt.trend import Trend

ENOUGH = 8
"""Observed windows that a verdict without a label needs."""


LEAST_COVERAGE = 0.5
"""Below it nothing good is said: who has not looked at most of what there is cannot know that little is owed."""


class Pace(StrEnum):
    """What is said."""

    PAYS_DOWN = "pays down"
    KEEPS = "keeps pace"
    FALLS_BEHIND = "falls behind"
    OPEN = "not decided"
    REFUSED = "refused"
    NOTHING = "nothing owed"


class PaceVerdict(msgspec.Struct, frozen=True):
    """`estimated`: fewer than eight windows were observed, or a measure of compute was estimated."""

    pace: Pace
    estimated: bool
    reasons: tuple[str, ...]


def judge_pace(
    trends: Sequence[tuple[str, Trend]],
    coverage: Sequence[float],
    arrivals: float,
    closures: float,
    *,
    estimated: bool = False,
    jewels_left: Sequence[str] = (),
    let_in: Sequence[Share] = (),
    missing: Sequence[str] = (),
    since: str = "",
    collect: Sequence[str] = (),
    lacking: Sequence[str] = (),
    assumed: Sequence[str] = (),
    retired: Sequence[str] = (),
) -> PaceVerdict:
    """`trends` by measure of compute; `coverage` per window; `jewels_left`: those that are no jewels any more.

    `missing`: what vanished; `since`: the first day from which on windows are alike; `collect`: what is not known.
    `lacking`: without which nothing can be owed, as jewels are. `assumed`: hosts measured once, assumed since.
    `retired`: why what was taken out of service forbids a trend.
    """
    label = estimated or any(one.windows < ENOUGH for _, one in trends)
    refusals = [*_refusals(coverage, jewels_left, missing, since, assumed), *retired, *_let_in(let_in)]
    if refusals:
        return PaceVerdict(Pace.REFUSED, label, tuple(refusals))
    pace, said = _pace(trends, arrivals, closures)
    if pace in _GOOD and lacking:
        return PaceVerdict(Pace.OPEN, label, tuple(lacking))
    if pace in _GOOD and coverage[-1] < LEAST_COVERAGE:
        return PaceVerdict(Pace.OPEN, label, (_too_little(coverage[-1], collect), *said))
    return PaceVerdict(pace, label, said)


_GOOD = (Pace.PAYS_DOWN, Pace.KEEPS, Pace.NOTHING)


def _pace(trends: Sequence[tuple[str, Trend]], arrivals: float, closures: float) -> tuple[Pace, tuple[str, ...]]:
    """(what the figures say, the sentences that decide it)."""
    if all(one.zeros == one.windows for _, one in trends):
        return Pace.NOTHING, ("no way from a foothold to a jewel rests on a finding",)
    why_not = tuple(f"{name}: {one.why}" for name, one in trends if one.high is None)
    if why_not:
        return Pace.OPEN, why_not
    highs = [one.high for _, one in trends if one.high is not None]
    lows = [one.low for _, one in trends if one.low is not None]
    many = arrivals > closures
    flow = f"{arrivals:.2f} findings a day arrive, {closures:.2f} can be closed"
    said = (*(_elasticity(*one) for one in trends), f"{flow}: {'more than can be closed' if many else 'within that'}")
    if all(high < 1 for high in highs) and not many:
        return Pace.PAYS_DOWN if all(high < 0 for high in highs) else Pace.KEEPS, said
    return Pace.FALLS_BEHIND if many or any(low >= 1 for low in lows) else Pace.OPEN, said


def _elasticity(name: str, one: Trend) -> str:
    """What is measured, and which side of the bounds that decide it lies on."""
    low, high = one.low or 0.0, one.high or 0.0
    if low >= 1:
        bound = f"the lower bound, {low:.2f}, is not below 1"
    elif high >= 1:
        bound = f"the upper bound, {high:.2f}, is not below 1"
    else:
        bound = f"the upper bound, {high:.2f}, is below {0 if high < 0 else 1}"
    return f"{name}: debt grows by {one.epsilon:.2f} % for each 1 % of compute ({low:.2f} to {high:.2f}); {bound}"


def _too_little(share: float, collect: Sequence[str]) -> str:
    what = f" To collect: {'; '.join(collect)}" if collect else ""
    return f"coverage is {share:.1%}, below {LEAST_COVERAGE:.0%}: what nobody looked at seems to owe nothing.{what}"


def _refusals(
    coverage: Sequence[float],
    jewels_left: Sequence[str],
    missing: Sequence[str],
    since: str,
    assumed: Sequence[str],
) -> list[str]:
    found = []
    begin = f"or begin with surveys that are alike: --since {since}" if since else "or begin later with --since DATE"
    if moved(list(coverage)) > MOST_MOVE:
        shown = f"from {coverage[0]:.1%} to {coverage[-1]:.1%}"
        if missing or assumed:
            why = [f"these vanished: {_by_kind(missing)}"] if missing else []
            why += [f"these are only assumed to be like others now: {_by_kind(assumed)}"] if assumed else []
            fell = f"coverage fell from {max(coverage):.1%} to {min(coverage):.1%}, for {'; '.join(why)}"
            ways = f"Collect them again, name in --retired FILE what was taken out of service, {begin}"
            found.append(f"{fell}. Whoever looks at less owes less. {ways}")
        elif coverage[-1] > coverage[0]:
            said = f"coverage rose {shown}: what is found now may have been there before."
            found.append(f"{said} Survey on as now, {begin}")
        else:
            most = f"between {min(coverage):.1%} and {max(coverage):.1%}"
            found.append(f"coverage lay {most}: whoever looks at less owes less. Collect what did not answer, {begin}")
    if jewels_left:
        left = _some(jewels_left)
        found.append(f"{left} are still there and count less or no more as jewels. Mark them again, {begin}")
    return found


def _by_kind(names: Sequence[str], most: int = 3) -> str:
    """Some of each kind, and how many more: `host:a, host:b and 9 more; bmc:a`."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.partition(":")[0], []).append(name)
    return "; ".join(_some(mine, most) for mine in kinds.values())


def _some(names: Sequence[str], most: int = 5) -> str:
    """Names, and how many more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(list(names)[:most]) + more


def _let_in(shares: Sequence[Share]) -> list[str]:
    most = max(shares, key=lambda one: one.let_in, default=Share())
    if not most.let_in:
        return []
    return [
        f"{most.let_in:.0%} of footholds had to break in to reach {most.jewel} before and are let in now: access for "
        "everybody leaves nobody to owe for. Take it back, or begin after it with --since"
    ]
