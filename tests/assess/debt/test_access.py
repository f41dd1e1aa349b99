"""Letting everybody in is no repair: the access itself is owed, and a trend over it is refused."""

import numpy as np
import pytest

from ringfence.assess.debt.access import SETTLED, Access, Share, with_granted
from ringfence.assess.debt.choquet import debt
from ringfence.assess.debt.trend import trend
from ringfence.assess.debt.verdict import Pace, judge_pace
from tests.assess.debt.worlds import Step, World, game

FEET, JEWELS = [f"workstation:{at}" for at in range(10)], ["model:m"]


def inside(*who: int) -> np.ndarray:
    """Who of the ten is an insider."""
    held = np.zeros((10, 1), np.bool_)
    held[list(who)] = True
    return held


def seen(*windows: np.ndarray) -> Access:
    access = Access()
    for at, held in enumerate(windows):
        access = access.folded(float(at), held, FEET, JEWELS)
    return access


def test_who_is_let_in_later_is_owed_since_then_until_it_is_taken_back() -> None:
    found = seen(inside(0), inside(0), inside(*range(10))).owed(JEWELS)
    assert found[0].key == ("granted", "model:m")
    assert found[0].opened == 2.0
    assert seen(inside(0), inside(*range(10)), inside(0)).owed(JEWELS) == {}


def test_insiders_of_the_first_window_and_those_who_changed_places_are_not_owed() -> None:
    assert seen(inside(0, 1), inside(0, 1)).owed(JEWELS) == {}
    assert seen(inside(0, 1), inside(0, 2)).owed(JEWELS) == {}


def test_new_footholds_do_not_hide_who_is_let_in() -> None:
    """A hundred idle workstations more make the share of insiders small; it is counted among the first ones."""
    more = FEET + [f"workstation:idle{at}" for at in range(100)]
    held = np.zeros((110, 1), np.bool_)
    held[:10] = True
    found = seen(inside(0)).folded(1.0, held, more, JEWELS)
    assert found.owed(JEWELS)
    assert found.share(held, JEWELS).let_in == pytest.approx(0.9)


def test_after_so_many_windows_it_is_how_work_is_done() -> None:
    everybody = inside(*range(10))
    assert seen(inside(0), *[everybody] * SETTLED).owed(JEWELS)
    assert not seen(inside(0), *[everybody] * (SETTLED + 1)).owed(JEWELS)


def test_a_granted_jewel_owes_its_whole_value_and_never_less_than_before() -> None:
    before = game(World((Step((0,), 7, (0,), 0.5),), ((0,),), (1.0,), values=(1.0, 3.0), goals=(6, 7)))
    assert debt(before, np.array([1.0])).total == pytest.approx(1.5)
    # now both footholds reach it by work alone: nobody is left outside
    steps = (Step((0,), 7, (), 1.0), Step((1,), 7, (), 1.0), Step((0,), 7, (0,), 0.5))
    after = game(World(steps, ((0,),), (1.0,), values=(1.0, 3.0), goals=(6, 7)))
    assert debt(after, np.array([1.0])).total == 0.0
    owed = with_granted(after, list(range(len(after.goals))))
    assert debt(owed, np.ones(owed.findings)).total == pytest.approx(3.0)
    assert debt(owed, np.array([1.0, *[0.0] * (owed.findings - 1)])).total == 0.0


def test_a_trend_is_refused_where_insiders_grew_and_says_how_to_go_on() -> None:
    years, sizes = [at / 12 for at in range(10)], [100.0 * 1.1**at for at in range(10)]
    one = trend(years, [size**0.5 for size in sizes], sizes)
    found = judge_pace([("a", one)], [1.0] * 10, 0.0, 0.0, let_in=[Share(0.1), Share(0.7, 0.6, "model:m")])
    assert found.pace is Pace.REFUSED
    assert "model:m" in found.reasons[0]
    assert "--since" in found.reasons[0]
    assert judge_pace([("a", one)], [1.0] * 10, 0.0, 0.0, let_in=[Share(0.1)]).pace is Pace.KEEPS
