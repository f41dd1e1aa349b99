"""`ringfence debt`: the history's ledger, D(t) beside C(t), and what to do about it, in the documented shapes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ringfence.app.assess.debt_window import Standing, stand
from ringfence.assess.check import Check
from ringfence.assess.checks import CHECKS
from ringfence.assess.debt.ledger import Ledger
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate


@dataclass(frozen=True, eq=False)
class History:
    """The standings of all windows in the order of their times, and the ledger after the last."""

    windows: tuple[Standing, ...]
    ledger: Ledger

    @property
    def last(self) -> Standing:
        """Today."""
        return self.windows[-1]


def history(
    estates: Iterable[tuple[float, Estate]],
    checks: Sequence[Check] = CHECKS,
    retired: frozenset[str] = frozenset(),
    footholds: Sequence[str] = (),
) -> History:
    """The debt of every window. `estates` in the order of their times. Raises `UsageError` where there is none."""
    kept: Ledger = {}
    known: set[str] = set()
    windows: list[Standing] = []
    for at, estate in estates:
        now, kept, known = stand(estate, at, kept, known, checks, retired, footholds)
        windows.append(now)
    if not windows:
        raise UsageError("there is no estate", "`ringfence collect` makes one")
    return History(tuple(windows), kept)
