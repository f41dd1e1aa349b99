"""A history that does not exist, for the demonstration: a cluster that grows month by month while its sins grow old.

Nothing of the outcome is written here: the estates are drawn, and what is owed is what the checks and moves derive.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from ringfence.app.assess.debt import History, history
from ringfence.app.assess.debt_shown import shown
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import facts
from ringfence.synth.draw import Wishes, draw

MONTHS = 10
SEED = 3
_FIRST, _MORE = 64, 24
_MONTH = 30.44 * 86_400.0
_BEGIN = 1_767_571_200.0
"""2026-01-05, the time of generated estates."""

_TEAMS = Wishes(staff={f"t{number:02d}": 5 for number in range(1, 100)})
"""Teams that stay as they are: a person of one month is in the same team the next, and new tenants bring new people."""


def estates(months: int = MONTHS, seed: int = SEED) -> Iterator[tuple[float, Estate]]:
    """(seconds, estate) of each month: the nodes of the month before, and some more."""
    for month in range(months):
        at = _BEGIN + month * _MONTH
        drawn = draw(_FIRST + _MORE * month, seed, wishes=_TEAMS)
        told = (*facts(drawn), *_accounted(drawn.name, len(drawn.jobs), at))
        yield at, estate_of(told, b"generated")


def _accounted(cluster: str, jobs: int, at: float) -> Iterator[Fact]:
    """What accounting would charge for a month in which each job holds sixteen accelerators two thirds of the time."""
    hours = jobs * 16 * _MONTH / 3600 * 2 / 3
    span = {"since": at - _MONTH, "until": at}
    yield Fact(f"cluster:slurm/{cluster}", "used_gpu_hours", f"{hours:.0f}", span, "slurm/sacct", at)


@cache
def debt_demo(seed: int = SEED) -> History:
    """The debt of that history."""
    return history(estates(seed=seed))


def debt_picture(seed: int = SEED) -> dict[str, Any]:
    """What `ringfence debt --json` would say of it, with the three fixes that buy most."""
    return shown(debt_demo(seed), 3)
