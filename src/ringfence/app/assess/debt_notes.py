"""What a reader of the figures must know beside the verdict, in sentences: for the text and for the report alike."""

from collections.abc import Sequence

from ringfence.app.assess.debt import History
from ringfence.app.assess.debt_steps import HOW, Step
from ringfence.assess.debt.verdict import Pace

LEFT = (
    "left counts only what is exposed beyond what work itself lets in; findings on ways that others keep open as well, "
    "or on no way, stay open at 0.00: the audit lists them"
)
"""What the plan's `left` does not say."""


def notes(found: History, step: Step) -> list[str]:
    """Who was retired or is only assumed, and when interest moves next."""
    return [*_retired(found), *_assumed(found), *_refused(found), step.said, *([HOW] if step.at else [])]


def _retired(found: History) -> list[str]:
    gone = found.retired
    if not gone.named:
        return []
    parts = [
        f"{len(names):,} {what} that earlier surveys knew ({_some(names)})"
        for what, names in (("footholds", gone.footholds), ("jewels", gone.jewels))
        if names
    ]
    less = f", {' and '.join(parts)} among them: with them goes what was owed there" if parts else ""
    return [f"--retired names {gone.named:,} as taken out of service, which lowers no coverage{less}"]


def _assumed(found: History) -> list[str]:
    names = found.points[-1].coverage.assumed
    if not names:
        return []
    only = f"Measured before, and only assumed to be like others now: {_some(names)}"
    return [f"{only}. That closes no finding, and lowers coverage"]


def _refused(found: History) -> list[str]:
    if found.verdict.pace is not Pace.REFUSED:
        return []
    return ["No elasticity and no forecast is given, for the verdict is refused: surveys that are not alike make none"]


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
