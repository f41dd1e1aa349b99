"""A folder of surveys: what is none is named, and the rest goes on; who leaves things out is named too."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.app.assess.debt import History, history
from ringfence.app.assess.debt_demo import estates
from ringfence.app.assess.debt_history import estates_in, named
from ringfence.app.assess.debt_report import debt_page
from ringfence.app.assess.debt_retired import retired_of
from ringfence.app.assess.debt_shown import shown
from ringfence.assess.checks import CHECK
from ringfence.assess.debt.verdict import Pace
from ringfence.errors import EstateError, UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save

NOW = named("2026-06-01") or 0.0
CHECKS = (CHECK["RF-D03"], CHECK["RF-B04"])


def host(at: float = NOW) -> Estate:
    return estate_of([Fact("host:a", "asked", "users", {"answered": True}, "hosts/a", at)])


def read(folder: Path, since: str = "") -> tuple[list[float | None], list[str]]:
    """(times that were read, what was said of the others)."""
    surveys = estates_in(folder, since=since, now=NOW)
    times: list[float | None] = [at for at, _ in surveys]
    return times, [str(one) for one in surveys.problems]


@pytest.mark.parametrize(
    ("name", "said"),
    [("1970-01-01", "1970-01-01, before there were"), ("2062-06-01", "2062-06-01, which has not come yet")],
)
def test_a_survey_of_no_time_that_was_is_named_and_counts_as_no_window(tmp_path: Path, name: str, said: str) -> None:
    save(host(day("2026-05-01")), tmp_path / "2026-05-01.estate")
    save(host(day(name)), tmp_path / f"{name}.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-05-01")]
    assert len(problems) == 1
    assert said in problems[0]
    assert "2026-03-01.estate" in problems[0]  # the way on


def test_the_day_of_today_counts_in_every_time_zone(tmp_path: Path) -> None:
    save(host(day("2026-06-02")), tmp_path / "2026-06-02.estate")
    assert read(tmp_path) == ([named("2026-06-02")], [])


def test_facts_without_a_time_date_no_survey(tmp_path: Path) -> None:
    save(host(0.0), tmp_path / "site.estate")
    save(host(day("2026-05-01")), tmp_path / "2026-05-01.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-05-01")]
    assert "by its newest fact it is of 1970-01-01" in problems[0]


@pytest.mark.parametrize("name", ["2026-02-30", "site-20261301", "2026-03-01T25:00"])
def test_a_name_that_is_no_date_is_named_and_takes_no_other(tmp_path: Path, name: str) -> None:
    save(host(day("2026-05-01")), tmp_path / "2026-05-01.estate")
    save(host(day(name)), tmp_path / f"{name}.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-05-01")]
    assert len(problems) == 1
    assert f"{name.removeprefix('site-')} is no date" in problems[0]


def test_a_number_that_is_no_date_at_all_says_no_time(tmp_path: Path) -> None:
    save(host(), tmp_path / "cluster-77451234.estate")
    assert read(tmp_path) == ([NOW], [])


def day(name: str) -> float:
    return named(name) or 0.0


def test_old_facts_under_a_new_name_are_no_survey(tmp_path: Path) -> None:
    """Nobody looked anew in February and in May; in April somebody did, though some days before."""
    save(host(day("2026-01-05")), tmp_path / "2026-01-05.estate")
    save(host(day("2026-01-05")), tmp_path / "2026-02-05.estate")
    save(host(day("2026-03-20")), tmp_path / "2026-04-05.estate")
    save(host(day("2026-01-05")), tmp_path / "2026-05-01.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-01-05"), named("2026-04-05")]
    assert [one.partition(":")[0] for one in problems] == ["2026-02-05.estate", "2026-05-01.estate"]
    for said in ("its newest fact is of 2026-01-05", "stale", "collect again"):
        assert said in problems[1]


def test_facts_newer_than_the_name_are_no_survey_of_that_day(tmp_path: Path) -> None:
    """Neither as a window nor for who asks what was known then; a survey that ended the day after is one."""
    save(host(day("2026-01-05")), tmp_path / "2026-01-05.estate")
    save(host(day("2026-02-06T20:00")), tmp_path / "2026-02-05.estate")
    save(host(day("2026-05-23")), tmp_path / "2026-03-01.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-01-05"), named("2026-02-05")]
    (said,) = problems
    for part in ("2026-03-01.estate", "its newest fact is of 2026-05-23: of a later time", "name it by the day"):
        assert part in said
    surveys = estates_in(tmp_path, now=NOW)
    found = surveys.last(day("2026-03-02"))
    assert found is not None
    assert found[0] == named("2026-02-05")
    assert [one.file for one in surveys.problems] == ["2026-03-01.estate"]


def test_a_first_survey_of_old_facts_is_held_against_the_next(tmp_path: Path) -> None:
    save(host(day("2025-01-05")), tmp_path / "2026-04-05.estate")
    save(host(day("2026-05-05")), tmp_path / "2026-05-05.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-05-05")]
    assert "stale" in problems[0]


def test_of_two_surveys_of_one_time_the_second_is_named_and_left_out(tmp_path: Path) -> None:
    for name in ("2026-05-01", "b-2026-05-01", "2026-04-01"):
        save(host(day(name)), tmp_path / f"{name}.estate")
    times, problems = read(tmp_path)
    assert times == [named("2026-04-01"), named("2026-05-01")]
    assert len(problems) == 1
    assert problems[0].startswith("b-2026-05-01.estate: left out: of the same time as 2026-05-01.estate")


def broken(path: Path) -> None:
    path.write_bytes(b"ARROW1 and then nothing")


def cut(path: Path) -> None:
    save(host(), path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("make", [broken, cut, Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize("name", ["2026-04-01.estate", "undated.estate"])
def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    save(host(day("2026-03-01")), tmp_path / "2026-03-01.estate")
    save(host(day("2026-05-01")), tmp_path / "2026-05-01.estate")
    make(tmp_path / name)
    times, problems = read(tmp_path)
    assert times == [named("2026-03-01"), named("2026-05-01")]
    assert len(problems) == 1
    assert problems[0].startswith(f"{name}: ")
    assert str(tmp_path) not in problems[0]


def test_where_nothing_can_be_read_there_is_no_answer(tmp_path: Path) -> None:
    broken(tmp_path / "2026-03-01.estate")
    broken(tmp_path / "2026-04-01.estate")
    with pytest.raises(EstateError, match=r"2026-03-01.estate: not a saved estate.*and 1 more"):
        read(tmp_path)


def test_since_begins_later_and_says_how_many_were_left_out(tmp_path: Path) -> None:
    for month in (1, 2, 3):
        save(host(day(f"2026-0{month}-05")), tmp_path / f"2026-0{month}-05.estate")
    surveys = estates_in(tmp_path, since="2026-02-05", now=NOW)
    assert [at for at, _ in surveys] == [named("2026-02-05"), named("2026-03-05")]
    assert surveys.earlier == 1
    with pytest.raises(UsageError, match="no date"):
        read(tmp_path, "last spring")
    with pytest.raises(EstateError, match="of that day or later"):
        read(tmp_path, "2026-05-01")


# what vanishes, by use


def renamed(estate: Estate, kind: str) -> Estate:
    """The same estate, its things of one kind called otherwise."""

    def other(name: str) -> str:
        return f"{kind}:new-{name.partition(':')[2]}" if name.startswith(f"{kind}:") else name

    return estate_of(
        Fact(other(one.subject), one.predicate, other(one.object), one.attributes, one.source, one.observed_at)
        for one in estate.facts()
    )


def without(estate: Estate, kind: str) -> Estate:
    """The same estate, its things of one kind left out of the inventory."""
    return estate_of(
        one for one in estate.facts() if not (one.subject.startswith(f"{kind}:") or one.object.startswith(f"{kind}:"))
    )


GROWS = list(estates(4))
"""Four months of a cluster that grows, and of which all that was there once stays."""


def surveyed(change: Callable[[Estate, str], Estate], kind: str, retired: frozenset[str] = frozenset()) -> History:
    """From the third month on somebody changes what is surveyed."""
    told = ((at, one if month < 2 else change(one, kind)) for month, (at, one) in enumerate(GROWS))
    return history(told, CHECKS, retired)


@pytest.mark.parametrize("kind", ["workstation", "checkpoint", "model", "bmc", "host"])
@pytest.mark.parametrize("change", [renamed, without])
def test_what_vanishes_between_surveys_lowers_coverage_by_name_and_nothing_good_is_said(
    change: Callable[[Estate, str], Estate], kind: str
) -> None:
    found = surveyed(change, kind)
    third = found.points[2].coverage
    assert found.points[1].coverage.share - third.share > 0.02
    assert any(name.startswith(f"{kind}:") for name in third.missing)
    verdict = found.verdict
    assert verdict.pace is Pace.REFUSED
    for said in (f"{kind}:", "--retired", "--since 2026-03-06"):
        assert said in verdict.reasons[0]


def test_where_the_verdict_is_refused_no_elasticity_and_no_forecast_is_given() -> None:
    """Debt that fell because nobody looked would go on falling in both."""
    told = shown(surveyed(without, "bmc"))
    assert told["verdict"]["pace"] == "refused"
    assert told["forecast"] == []
    for one in told["trends"].values():
        assert (one["epsilon"], one["interval"]) == (None, None)
        assert told["verdict"]["reasons"][0] in one["why_not"]
    (note,) = (note for note in told["notes"] if "no forecast" in note)
    page = debt_page(told)
    assert note in page
    assert "as it went (90 %)" not in page
    assert shown(surveyed(lambda estate, _: estate, ""))["forecast"]


def test_a_cluster_whose_things_stay_is_covered_in_every_survey() -> None:
    found = surveyed(lambda estate, _: estate, "")
    assert [point.coverage.share for point in found.points] == [1.0] * 4
    assert not found.missing


def test_what_was_retired_is_not_missed() -> None:
    gone = surveyed(without, "bmc").points[-1].coverage.missing
    assert gone
    assert surveyed(without, "bmc", retired=frozenset(gone)).verdict.pace is not Pace.REFUSED


# footholds


def test_where_no_foothold_is_known_nothing_is_decided() -> None:
    """Findings are open in every survey, and nobody is seen to come: that is no reason to be content."""
    found = history(((at, without(one, "workstation")) for at, one in GROWS), CHECKS)
    assert [point.debt.total for point in found.points] == [0.0] * 4
    assert all(point.open for point in found.points)
    assert found.verdict.pace is Pace.OPEN
    assert "no foothold is known" in found.verdict.reasons[0]
    assert "logs_in_from" in found.verdict.reasons[0]  # what to collect


PEOPLE = frozenset(fact.object for _, one in GROWS for fact in one.facts("logs_in_from"))


def test_whoever_retires_all_footholds_is_refused_and_it_is_told() -> None:
    found = surveyed(without, "workstation", PEOPLE)
    assert [point.coverage.share for point in found.points] == [1.0] * 4
    assert found.points[-1].debt.total == 0.0 < found.points[1].debt.total
    assert found.verdict.pace is Pace.REFUSED
    assert "12 of 12 footholds were retired" in found.verdict.reasons[0]
    told = shown(found)
    assert told["retired"]["footholds"] == sorted(PEOPLE)
    assert told["retired"]["named"] == len(PEOPLE)
    (note,) = (note for note in told["notes"] if "--retired" in note)
    assert "12 footholds" in note
    assert note in debt_page(told)


def test_few_retired_footholds_are_told_and_no_reason_to_refuse() -> None:
    one = sorted(PEOPLE)[0]

    def gone(estate: Estate, _: str) -> Estate:
        return estate_of(fact for fact in estate.facts() if one not in (fact.subject, fact.object))

    found = surveyed(gone, "", frozenset((one,)))
    assert found.verdict.pace is not Pace.REFUSED
    assert any(one in note for note in shown(found)["notes"])
    assert shown(surveyed(lambda estate, _: estate, ""))["retired"]["footholds"] == []


def seen(*sizes: int) -> list[frozenset[str]]:
    return [frozenset(f"workstation:{number}" for number in range(size)) for size in sizes]


def test_retiring_bit_by_bit_is_refused_too_and_replacing_is_not() -> None:
    named_all = frozenset(f"workstation:{number}" for number in range(20))
    assert retired_of(named_all, seen(20, 14, 9), []).refused
    assert not retired_of(named_all, seen(20, 17, 15), []).refused
    replaced = [frozenset(f"workstation:{number}" for number in range(at, at + 20)) for at in (0, 6, 12, 18)]
    assert not retired_of(named_all, replaced, []).refused
    assert retired_of(named_all, [], seen(20, 9)).refused  # jewels alike
