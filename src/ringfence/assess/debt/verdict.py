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
) -> PaceVerdict:
    """`trends` by measure of compute; `coverage` per window; `jewels_left`: those that are no jewels any more."""
    label = estimated or any(one.windows < ENOUGH for _, one in trends)
    refusals = [*_refusals(coverage, jewels_left, missing, since), *_let_in(let_in)]
    if refusals:
        return PaceVerdict(Pace.REFUSED, label, tuple(refusals))
    if all(one.zeros == one.windows for _, one in trends):
        return PaceVerdict(Pace.NOTHING, label, ("no way from a foothold to a jewel rests on a finding",))
    missing = [f"{name}: {one.why}" for name, one in trends if one.high is None]
    if missing:
        return PaceVerdict(Pace.OPEN, label, tuple(missing))
    highs = [(name, one.high) for name, one in trends if one.high is not None]
    lows = [(name, one.low) for name, one in trends if one.low is not None]
    said = [
        f"{name}: debt grows by {one.epsilon:.2f} % ({one.low:.2f} to {one.high:.2f}) for each 1 % of compute"
        for name, one in trends
    ]
    if arrivals > closures:
        said.append(f"{arrivals:.2f} findings a day arrive, {closures:.2f} can be closed")
    behind = any(low >= 1 for _, low in lows) or arrivals > closures
    if all(high < 1 for _, high in highs) and arrivals <= closures:
        down = all(high < 0 for _, high in highs)
        return PaceVerdict(Pace.PAYS_DOWN if down else Pace.KEEPS, label, tuple(said))
    return PaceVerdict(Pace.FALLS_BEHIND if behind else Pace.OPEN, label, tuple(said))


def _refusals(coverage: Sequence[float], jewels_left: Sequence[str], missing: Sequence[str], since: str) -> list[str]:
    found = []
    begin = f"or begin with surveys that are alike: --since {since}" if since else "or begin later with --since DATE"
    if moved(list(coverage)) > MOST_MOVE:
        shown = f"from {coverage[0]:.1%} to {coverage[-1]:.1%}"
        if missing:
            said = (
                f"coverage went {shown}, for {_some(missing)} vanished: whoever looks at less owes less. Collect them "
            )
            found.append(f"{said}again, name in --retired FILE what was taken out of service, {begin}")
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
