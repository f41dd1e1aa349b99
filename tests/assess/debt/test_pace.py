"""When debt keeps pace with compute, when that is not decided, and every way to game it that is refused."""

import math

import numpy as np
import pytest

from ringfence.assess.debt.compute import charged_per_day, compute_of
from ringfence.assess.debt.coverage import coverage_of, moved
from ringfence.assess.debt.flops import FLOPS, TERA, flops_of
from ringfence.assess.debt.forecast import forecast
from ringfence.assess.debt.terms import CLASSES, YEAR, service_class, weights
from ringfence.assess.debt.trend import Trend, trend
from ringfence.assess.debt.verdict import Pace, judge_pace
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact, Scalar

YEARS = [at / 12 for at in range(10)]
GROWING = [100.0 * 1.1**at for at in range(10)]


def power(exponent: float) -> Trend:
    """D = C ** exponent, with a little noise."""
    owed = [size**exponent * (1 + 0.01 * math.sin(at)) for at, size in enumerate(GROWING)]
    return trend(YEARS, owed, GROWING)


def verdict(*trends: Trend, coverage: tuple[float, ...] = (1.0,) * 10, flow: tuple[float, float] = (1.0, 2.0)) -> Pace:
    return judge_pace([(str(at), one) for at, one in enumerate(trends)], coverage, *flow).pace


@pytest.mark.parametrize("exponent", [-0.5, 0.5, 1.0, 2.0])
def test_elasticity_is_the_exponent_and_its_interval_holds_it(exponent: float) -> None:
    found = power(exponent)
    assert found.epsilon == pytest.approx(exponent, abs=0.05)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 0.02 <= exponent <= found.high + 0.02
    assert found == power(exponent)


def test_keeps_pace_needs_both_measures_and_arrivals_within_capacity() -> None:
    assert verdict(power(0.5), power(0.5)) is Pace.KEEPS
    assert verdict(power(-0.5), power(-0.5)) is Pace.PAYS_DOWN
    assert verdict(power(0.5), power(2.0)) is Pace.FALLS_BEHIND
    assert verdict(power(0.5), power(0.5), flow=(3.0, 2.0)) is Pace.FALLS_BEHIND


def test_while_compute_stands_or_falls_there_is_no_elasticity_and_no_verdict() -> None:
    for sizes in ([100.0] * 10, GROWING[::-1], [100.0 + 0.1 * at for at in range(10)]):
        found = trend(YEARS, [1.0 + at for at in range(10)], sizes)
        assert found.epsilon is None
        assert found.why
        assert found.per_year == pytest.approx(12.0)
        assert verdict(found, power(0.5)) is Pace.OPEN


def test_windows_that_owe_nothing_follow_the_stated_rule() -> None:
    """Half of the least that is owed; none of it where they are many; nothing owed at all is said as that."""
    one = trend(YEARS, [0.0, *GROWING[1:]], GROWING)
    assert one.zeros == 1
    assert one.epsilon is not None
    assert trend(YEARS, [0.0] * 4 + GROWING[4:], GROWING).epsilon is None
    none = trend(YEARS, [0.0] * 10, GROWING)
    assert verdict(none, none) is Pace.NOTHING


def test_fewer_than_eight_windows_are_labelled_estimated() -> None:
    few = trend(YEARS[:7], [size**0.5 for size in GROWING[:7]], GROWING[:7])
    assert judge_pace([("a", few)], [1.0] * 7, 0.0, 0.0).estimated
    assert not judge_pace([("a", power(0.5))], [1.0] * 10, 0.0, 0.0).estimated
    assert judge_pace([("a", power(0.5))], [1.0] * 10, 0.0, 0.0, estimated=True).estimated


def test_one_window_alone_decides_nothing_and_says_why() -> None:
    found = trend([0.0], [1.0], [1.0])
    assert (found.epsilon, found.windows) == (None, 1)
    assert verdict(found) is Pace.OPEN


# gaming


def test_looking_at_less_is_refused() -> None:
    assert verdict(power(0.5), coverage=(1.0, 0.97)) is Pace.REFUSED
    assert verdict(power(0.5), coverage=(1.0, 0.985)) is Pace.KEEPS


def hosts(*names: str, silent: tuple[str, ...] = ()) -> Estate:
    return estate_of(Fact(f"host:{name}", "asked", "users", {"answered": name not in silent}) for name in names)


def test_a_host_that_vanishes_lowers_coverage_for_good_however_slowly() -> None:
    """One of a hundred at a time would be under the bound each time; known hosts are never forgotten."""
    names = [f"h{number}" for number in range(100)]
    known: set[str] = set()
    shares = []
    for left in (100, 99, 98, 97):
        found, known = coverage_of(hosts(*names[:left]), known)
        shares.append(found.share)
    assert moved(shares) > 0.02
    retired = frozenset(f"host:{name}" for name in names[97:])
    assert coverage_of(hosts(*names[:97]), known, retired)[0].share == 1.0


def test_renaming_a_host_lowers_coverage_and_a_retired_one_that_still_answers_counts() -> None:
    _, known = coverage_of(hosts("a", "b"), set())
    assert coverage_of(hosts("a", "c"), known)[0].known == 3
    assert coverage_of(hosts("a"), {"host:a"}, frozenset(("host:a",)))[0].known == 1


def test_a_host_that_does_not_answer_is_not_covered() -> None:
    assert coverage_of(hosts("a", "b", silent=("b",)), set())[0].share == pytest.approx(0.25)


def test_a_jewel_that_is_called_none_any_more_is_refused() -> None:
    found = judge_pace([("a", power(0.5))], [1.0] * 10, 0.0, 0.0, jewels_left=["model:x"])
    assert found.pace is Pace.REFUSED
    assert "model:x" in found.reasons[0]


# compute


def test_figures_are_found_by_whole_words_and_unknown_models_are_told_not_guessed() -> None:
    assert flops_of("NVIDIA H100 80GB HBM3") == 989.5 * TERA
    assert flops_of("NVIDIA H100 PCIe") == 756.5 * TERA
    assert flops_of("NVIDIA H200 NVL") == 835.5 * TERA
    assert flops_of("NVIDIA H200") == 989.5 * TERA
    assert flops_of("NVIDIA A100-SXM4-40GB") == 312.0 * TERA
    assert flops_of("NVIDIA GB200") == 2500.0 * TERA
    assert flops_of("Quadro P2000") == flops_of("") == flops_of("A1000") == 0.0
    assert all(source and figure > 0 for _, _, figure, source in FLOPS)


def test_installed_compute_counts_each_accelerator_once() -> None:
    facts = [
        Fact("host:a", "has_gpu", "gpu:1", {"model": "NVIDIA A100-SXM4-40GB"}),
        Fact("host:a", "has_gpu", "gpu:2", {"model": "Quadro P2000"}),
        Fact("host:a", "has_gpu", "gpu:alias"),
        Fact("gpu:alias", "same_as", "gpu:1"),
        Fact("host:a", "has_gpu", "gpu:MIG-1", {"model": "1g.5gb"}),
        Fact("job:slurm/c/1", "uses_gpu", "gpu:1"),
    ]
    found = compute_of(estate_of(facts))
    assert (found.flops, found.gpus, found.unknown) == (312.0 * TERA, 2, {"Quadro P2000": 1})
    assert (found.gpu_hours, found.estimated) == (24.0, True)


def test_charged_hours_are_those_of_the_coarsest_kind_and_the_last_span() -> None:
    day = 86_400.0
    span = {"since": 0, "until": 10 * day}
    last = {"since": 10 * day, "until": 20 * day}
    facts = [
        Fact("tenant:a", "used_gpu_hours", "100", span),
        Fact("tenant:a", "used_gpu_hours", "300", last),
        Fact("tenant:b", "used_gpu_hours", "100", last),
        Fact("identity:x", "used_gpu_hours", "999", last),
        Fact("tenant:c", "used_gpu_hours", "nan", last),
    ]
    hours, refused = charged_per_day(estate_of(facts))
    assert hours == pytest.approx(40.0)
    assert refused == ("tenant:c: 'nan' hours, as no accounting says it",)
    assert charged_per_day(estate_of([Fact("tenant:a", "used_gpu_hours", "many", span)]))[0] is None


MONTH = {"since": 1e9, "until": 1e9 + 30 * 86_400.0}
GPUS = [Fact("host:a", "has_gpu", f"gpu:{number}", {"model": "NVIDIA H100 80GB HBM3"}) for number in range(4)]


@pytest.mark.parametrize(
    ("hours", "span"),
    [
        *((hours, MONTH) for hours in ("inf", "-inf", "nan", "-1", "1e400", "1e300", "", "many", "28801", "9" * 5000)),
        *(("10", MONTH | odd) for odd in ({"since": "nan"}, {"until": 1e300}, {"until": 1e9}, {"since": -5.0})),
        *(("10", MONTH | odd) for odd in ({"until": True}, {"since": None}, {"until": 1e9 + 1e-3}, {"until": 3e9})),
        *(("10", MONTH | odd) for odd in ({"since": "2026-02-31"}, {"until": "0001-01-01T00:00+14:00"}, {"since": ""})),
    ],
)
def test_hours_that_nobody_could_have_used_reach_no_sum_and_are_told(hours: str, span: dict[str, Scalar]) -> None:
    """Four accelerators work 2,880 hours in thirty days; slices of them count up to ten times that."""
    seen = 1e9 + 30 * 86_400.0
    good = Fact("tenant:good", "used_gpu_hours", "300", MONTH, "sacct", seen)
    bad = Fact("tenant:bad", "used_gpu_hours", hours, span, "sacct", seen)
    found = compute_of(estate_of([*GPUS, good, bad]))
    assert (found.gpu_hours, found.estimated) == (pytest.approx(10.0), False)
    assert len(found.refused) == 1
    assert found.refused[0].startswith("tenant:bad: ")
    assert len(found.refused[0]) < 200
    alone = compute_of(estate_of([*GPUS, bad]))
    assert (alone.gpu_hours, alone.estimated) == (0.0, True)


def test_a_span_is_told_as_slurm_tells_it_and_usage_of_no_span_is_of_no_day() -> None:
    span = {"since": "2026-10-01T00:00:00", "until": "2026-10-31T00:00:00"}
    so_far = Fact("identity:alice", "used_gpu_hours", "77", {"account": "vision"})
    found = compute_of(estate_of([*GPUS, Fact("cluster:hpc", "used_gpu_hours", "600.00", span), so_far]))
    assert (found.gpu_hours, found.estimated, found.refused) == (pytest.approx(20.0), False, ())


def test_many_claims_that_are_too_much_together_are_refused_together() -> None:
    claims = [Fact(f"tenant:{number}", "used_gpu_hours", "20000", MONTH) for number in range(9)]
    found = compute_of(estate_of([*GPUS, *claims]))
    assert found.estimated
    assert found.refused == ("the hours of every tenant: together more than the accelerators there are could work",)


def test_hours_of_slices_and_of_accelerators_that_are_gone_count() -> None:
    found = compute_of(estate_of([*GPUS, Fact("tenant:a", "used_gpu_hours", "20160", MONTH)]))
    assert (found.gpu_hours, found.refused) == (pytest.approx(672.0), ())


# weights and forecast


def test_interest_begins_after_the_service_level_and_a_year_overdue_weighs_twice() -> None:

    _, service = service_class(9)
    ages = np.array([0.0, service, service + YEAR, service + 100 * YEAR])
    assert weights(ages, np.full(4, service)).tolist() == [1.0, 1.0, 2.0, 9.0]
    assert len(CLASSES) <= 25
    assert [service_class(weight)[0] for weight in (10, 8, 5, 1)] == ["critical", "high", "medium", "low"]


def test_a_forecast_goes_on_as_the_windows_went() -> None:
    found = forecast([0.0, 0.5, 1.0], [1.0, 2.0, 3.0], lambda years: 3.0 + years)
    assert found.untouched == (3.25, 3.5, 4.0)
    assert found.middle is not None
    assert found.middle[-1] == pytest.approx(5.0)
    assert forecast([0.0], [1.0], lambda years: years).middle is None


def named(*names: str) -> Estate:
    """One host that answers, and these things."""
    return estate_of(
        (
            Fact("host:a", "asked", "users", {"answered": True}),
            *(Fact(name, "asked", "there", {"answered": True}) for name in names),
        )
    )


def test_footholds_jewels_and_subjects_of_findings_that_vanish_lower_coverage_and_are_named() -> None:
    names = ["workstation:w1", "workstation:w2", "model:m", "bmc:b", "storage:s"]
    _, known = coverage_of(named(*names), set(), watched=names)
    for gone in names:
        found, _ = coverage_of(named(*(name for name in names if name != gone)), known)
        assert found.share < 0.98
        assert found.missing == (gone,)
        retired, _ = coverage_of(named(*(name for name in names if name != gone)), known, frozenset((gone,)))
        assert retired.share == 1.0


def test_a_question_that_is_asked_no_more_lowers_coverage() -> None:
    """The answers are then as many as the questions: the question itself is known."""
    both = estate_of(Fact("host:a", "asked", aspect, {"answered": True}) for aspect in ("users", "devices"))
    _, known = coverage_of(both, set())
    found, _ = coverage_of(estate_of([Fact("host:a", "asked", "users", {"answered": True})]), known)
    assert found.missing == ("question:devices",)
    assert found.share == pytest.approx(0.5)


def test_a_refusal_names_what_is_missing_and_how_to_go_on() -> None:
    one = [("a", power(0.5))]
    fell = judge_pace(one, [1.0, 0.5], 0.0, 0.0, missing=["host:x", "host:y"], since="2026-05-01").reasons[0]
    for said in ("vanished: host:x, host:y.", "--retired", "--since 2026-05-01"):
        assert said in fell
    rose = judge_pace(one, [0.5, 1.0], 0.0, 0.0, since="2026-05-01").reasons[0]
    assert "coverage rose" in rose
    assert "--since 2026-05-01" in rose


def test_of_many_that_vanished_every_kind_is_named() -> None:
    missing = ["bmc:a", *(f"host:h{number}" for number in range(9)), "model:m"]
    said = judge_pace([("a", power(0.5))], [1.0, 0.5], 0.0, 0.0, missing=missing).reasons[0]
    assert "bmc:a; host:h0, host:h1, host:h2 and 6 more; model:m." in said


NOTHING = trend(YEARS, [0.0] * 10, GROWING)


@pytest.mark.parametrize("share", [0.0, 0.006, 0.09, 0.49])
@pytest.mark.parametrize("one", [power(0.5), power(-0.5), NOTHING])
def test_nothing_good_is_said_where_most_was_not_looked_at(share: float, one: Trend) -> None:
    found = judge_pace([("a", one)], [share] * 10, 0.0, 0.0, collect=["`users` is not known of 9"])
    assert found.pace is Pace.OPEN
    assert "owe nothing. To collect: `users` is not known of 9" in found.reasons[0]


def test_falling_behind_is_said_however_little_was_looked_at() -> None:
    assert judge_pace([("a", power(2.0))], [0.1] * 10, 0.0, 0.0).pace is Pace.FALLS_BEHIND


def test_what_to_collect_is_what_was_asked_for_and_not_answered() -> None:
    told = [("a", "users", True), ("a", "devices", False), ("b", "users", False), ("b", "devices", False)]
    found, _ = coverage_of(
        estate_of(Fact(f"host:{host}", "asked", aspect, {"answered": said}) for host, aspect, said in told), set()
    )
    assert found.to_collect == (
        "1 of 2 hosts answered nothing",
        "`devices` is not known of 2",
        "`users` is not known of 1",
    )


def test_nothing_is_owed_only_where_there_is_something_to_lose() -> None:
    found = judge_pace([("a", NOTHING)], [1.0] * 10, 0.0, 0.0, lacking=["no crown jewel is known"])
    assert (found.pace, found.reasons) == (Pace.OPEN, ("no crown jewel is known",))


@pytest.mark.parametrize(
    ("exponent", "said"),
    [
        (-0.5, "the upper bound, {0.high:.2f}, is below 0"),
        (0.5, "the upper bound, {0.high:.2f}, is below 1"),
        (1.0, "the upper bound, {0.high:.2f}, is not below 1"),
        (2.0, "the lower bound, {0.low:.2f}, is not below 1"),
    ],
)
def test_the_bound_that_decides_is_told_with_the_flow(exponent: float, said: str) -> None:
    one = power(exponent)
    reasons = judge_pace([("a", one)], [1.0] * 10, 2.0, 3.0).reasons
    assert said.format(one) in reasons[0]
    assert reasons[1] == "2.00 findings a day arrive, 3.00 can be closed: within that"
    assert "more than can be closed" in judge_pace([("a", one)], [1.0] * 10, 3.0, 2.0).reasons[1]
