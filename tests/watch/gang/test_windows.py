"""Ranks of one job behave alike, so the rank that differs is the odd one."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch.gang.features import AT, FEATURES, WIDTH
from ringfence.watch.gang.robust import differences, spread
from ringfence.watch.gang.sequential import CEILING, TOLD, scored
from ringfence.watch.gang.windows import Gangs, Odd, judged, take
from tests.watch.events import batch, job, time, view
from tests.watch.gang.gangs import ranks, works


def odd_ones(events: list, count: int = 8) -> list[Odd]:
    """What is told of a gang, with the state saved and taken up every quarter of an hour."""
    seen, state, found = view([job("1", *ranks(count))]), Gangs(), []
    for first in range(0, len(events), 30 * count):
        part = events[first : first + 30 * count]
        take(state, batch(*part), seen.roster)
        found += judged(state, part[-1].time, seen.roster)
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Gangs)
    return found


def test_a_gang_whose_ranks_are_alike_is_never_told():
    """For hours, of two sizes."""
    assert odd_ones(list(works(16, 4)), 4) == []
    assert odd_ones(list(works(8, 16, seed=2)), 16) == []


def test_a_small_deviation_that_persists_is_found():
    """Six percent more sent over the fabric, from the third hour on."""

    def sends(at: float, shown: dict[str, float]) -> None:
        shown["ib_xmit"] *= 1.06 if at > 7200 else 1.0

    (first, *_) = odd_ones(list(works(5, odd="gpu0003", change=sends)))
    assert (first.host, first.ranks) == ("gpu0003", 8)
    assert first.features["fabric sent"][0] >= TOLD
    assert time(7000) <= first.since <= first.at <= time(7200 + 2400)


def test_what_falls_into_one_window_is_not_enough():
    """Five minutes of anything."""

    def bursts(at: float, shown: dict[str, float]) -> None:
        if 7200 <= at < 7500:
            shown |= {"net_out": 1e9, "processes": 500, "read": 1e10}

    assert odd_ones(list(works(4, odd="gpu0003", change=bursts))) == []


def test_the_first_rank_may_do_more_and_is_found_when_it_changes():
    """It reports for all; that is its habit."""

    def reports(at: float, shown: dict[str, float]) -> None:
        shown |= {"net_out": shown["net_out"] * 6, "flows": shown["flows"] + 8}

    assert odd_ones(list(works(12, odd="gpu0001", change=reports))) == []

    def more(at: float, shown: dict[str, float]) -> None:
        reports(at, shown)
        shown["net_out"] *= 5 if at > 6 * 3600 else 1

    assert "sent" in odd_ones(list(works(8, odd="gpu0001", change=more)))[0].features


def test_three_ranks_have_no_middle():
    """Nothing is said of so few."""

    def doubles(at: float, shown: dict[str, float]) -> None:
        shown["ib_xmit"] *= 2

    assert odd_ones(list(works(3, 3, "gpu0002", doubles)), 3) == []


def test_late_early_and_foreign_rows_do_not_disturb():
    """A row of yesterday, of next year, of a host that is not of the job."""
    strange = [*works(0.1, 8, start=-90_000), *works(0.1, 8, start=3e7), *works(0.1, 12, start=3600)]
    assert odd_ones([*works(1), *strange, *works(2, start=3660)]) == []


def test_a_job_that_is_over_is_forgotten():
    """Nothing grows for ever."""
    seen, state = view([job("1", *ranks(8))]), Gangs()
    take(state, batch(*works(0.5)), seen.roster)
    assert state.jobs
    seen.roster.end("1", time(1800))
    assert list(judged(state, time(4000), seen.roster)) == []
    assert state.jobs == {}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e15), min_size=WIDTH, max_size=WIDTH), min_size=4, max_size=9))
def test_deviations_and_scores_are_finite_for_all_values(values: list[list[float]]):
    """And a score stays between nothing and its ceiling."""
    differing = differences(np.array(values), 10)
    middle, wide = spread(differing)
    deviations = (differing - middle) / wide
    assert np.isfinite(deviations).all()
    score = scored(np.zeros((2, 2, len(values), WIDTH)), np.stack([deviations, -deviations]))
    assert ((score >= 0) & (score <= CEILING)).all()


def test_every_feature_has_a_place_of_its_own():
    """By name."""
    assert list(AT) == [feature.name for feature in FEATURES]
