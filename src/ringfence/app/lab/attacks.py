"""`ringfence lab attack`: a cell of trials from words, and each trial in a sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.lab import campaign
from ringfence.app.lab.campaign import Cell, Done
from ringfence.app.lab.kinds import KINDS
from ringfence.app.lab.layout import Layout
from ringfence.app.lab.modes import BUDGETS, MODES, Mode
from ringfence.app.lab.trial import Trial
from ringfence.errors import UsageError

ENOUGH = 0.03
"""The part of the weights that may be gone with everything on."""


def cell(kind: str, mode: str, budget: str, only: str, rate: str, trials: int) -> Cell:
    """What was asked for. Raises `UsageError`."""
    for word, known, what in ((kind, KINDS, "kind"), (mode, MODES, "mode"), (budget, BUDGETS, "budget"),
                              (rate, campaign.RATES, "rate")):  # fmt: skip
        if word not in known:
            raise UsageError(f"{word!r} is not a {what}", f"one of {', '.join(known)}")
    return Cell(kind, Mode(mode, budget, only), rate, trials)


def play(layout: Layout, wanted: Cell, results: Path | None, told: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Each trial as it ends, as `--json` has it."""
    file = results or layout.folder / "trials.jsonl"
    if results is None:
        file.unlink(missing_ok=True)
    for one in campaign.run(layout, [wanted], file, told):
        yield shown(one)


def shown(one: Done) -> dict[str, Any]:
    """A trial with its sentence, and whether it went as it should."""
    found: dict[str, Any] = msgspec.to_builtins(one.trial)
    return {**found, "rate": one.cell.rate, "share": one.trial.share, "good": good(one.trial), "said": said(one)}


def good(one: Trial) -> bool:
    """Whether little was lost where everything was on, nobody else was cut, and all was taken back."""
    fine = not one.bystanders and not one.jobs_lost and not one.differs
    return fine and (one.mode.name != "all" or one.share < ENOUGH)


def said(one: Done) -> str:
    """A trial in a sentence."""
    row = one.trial
    when = f"incident after {row.to_incident:.2f} s" if row.to_incident is not None else "no incident"
    cut = f"cut and read back after {row.to_block:.2f} s" if row.to_block is not None else "nothing cut"
    gone = f"{row.bytes:,} of {row.of:,} bytes gone ({row.share:.2%})"
    others = f"; bystanders: {', '.join(row.bystanders + row.jobs_lost)}" if row.bystanders or row.jobs_lost else ""
    back = (
        f"; NOT as before: {', '.join(row.differs)}" if row.differs else "; taken back, equal" if row.undo_equal else ""
    )
    return (
        f"{row.kind}, {row.mode.name}, budget {row.mode.budget}, {one.cell.rate}: {gone}; {when}; {cut}{others}{back}"
    )
