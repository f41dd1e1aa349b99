"""Interest goes in steps: the reader is told when the next one comes, or why none does."""

import pytest

from ringfence.app.assess.debt import History, history
from ringfence.app.assess.debt_demo import estates
from ringfence.app.assess.debt_shown import shown
from ringfence.app.assess.debt_steps import next_step
from ringfence.assess.checks import CHECK
from ringfence.assess.debt.choquet import debt

DAY = 86_400.0
CHECKS = (CHECK["RF-D03"], CHECK["RF-B04"])


def aged(*days: int) -> History:
    """One estate, looked at on these days."""
    at, estate = next(estates(1))
    return history(((at + day * DAY, estate) for day in days), CHECKS)


@pytest.mark.parametrize("days", [(0,), (0, 100), (0, 500), (0, 1500)])
def test_debt_moves_on_the_day_that_is_told_and_not_on_the_day_before(days: tuple[int, ...]) -> None:
    found = aged(*days)
    step = next_step(found)
    assert step.at is not None

    def after(at: float) -> float:
        return debt(found.last.game, found.last.weights_at(at)).total

    now = found.last.debt.total
    assert after(step.at) == step.debt > now
    assert after(step.at - 2 * DAY) == pytest.approx(now)


def test_the_step_is_told_and_that_debt_stands_still_before_it() -> None:
    told = shown(aged(0, 500))
    assert told["next_step"]["at"] > told["as_of"]
    step, flat = told["notes"]
    assert step.startswith("Interest next steps up on 20")
    assert f"{told['windows'][-1]['debt']:.2f} to {told['next_step']['debt']:.2f}" in step
    assert "flat" in flat


def test_where_every_weight_is_at_its_end_that_is_told() -> None:
    told = shown(aged(0, 365 * 12))
    assert told["next_step"]["at"] is None
    assert "does not move within a year" in told["notes"][0]
