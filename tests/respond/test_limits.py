"""Limits as values: hours through the year, globs, what a minute is when clocks jump."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.respond.hours import ALWAYS, parse, within
from ringfence.respond.limits import GRADES, Limits, matching
from ringfence.respond.spent import Clock, Did, felt, spent
from ringfence.respond.values import Cut
from ringfence.respond.verbs import Grade
from tests.respond.guarded import NOW

ZURICH = ZoneInfo("Europe/Zurich")


def at(text: str, fold: int = 0) -> float:
    """Seconds since the epoch of a local time in Zurich; `fold` 1 is the second time that an hour comes."""
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("Mon-Fri 08:00-18:00", ("2026-11-23 08:00", "2026-07-03 17:59"), ("2026-11-23 18:00", "2026-11-22 12:00")),
        ("Fri 22:00-06:00", ("2026-11-27 23:00", "2026-11-28 05:59"), ("2026-11-27 05:00", "2026-11-28 22:30")),
        ("Sat,Sun 00:00-24:00", ("2026-11-28 00:00", "2026-11-29 23:59"), ("2026-11-27 23:59", "2026-11-30 00:00")),
        ("Fri-Mon 09:00-10:00", ("2026-11-27 09:30", "2026-11-30 09:30"), ("2026-11-26 09:30", "2026-12-01 09:30")),
        ("Wed 07:00-07:00", ("2026-11-25 07:00", "2026-11-26 06:59"), ("2026-11-25 06:59", "2026-11-26 07:00")),
        ("Sun 02:00-03:00", ("2026-10-25 02:30", "2026-11-29 02:30"), ("2026-10-25 03:00", "2026-03-29 03:30")),
    ],
)
def test_a_window_is_of_local_time_in_summer_and_winter(window, inside, outside):
    """Also over midnight, and where its ends are equal."""
    one = parse(f"{window} Europe/Zurich")
    assert all(one.has(at(text)) for text in inside)
    assert not any(one.has(at(text)) for text in outside)


def test_an_hour_that_comes_twice_is_inside_both_times():
    """The night of 25 October 2026 has 02:30 twice; that of 29 March has none."""
    one = parse("Sun 02:00-03:00 Europe/Zurich")
    first, second = at("2026-10-25 02:30"), at("2026-10-25 02:30", fold=1)
    assert second - first == 3600
    assert one.has(first)
    assert one.has(second)
    midnight = at("2026-03-29 00:00")
    assert not any(one.has(midnight + minute * 60) for minute in range(24 * 60 - 60))


def test_a_window_without_a_zone_is_of_utc_and_always_is_always():
    """And a clock that is out of its mind is outside every window."""
    assert parse("Fri 08:00-09:00").has(NOW)
    assert within(ALWAYS, NOW)
    assert not any(within(ALWAYS, wrong) for wrong in (-1e12, 0.0, 1e12, float("inf"), float("nan")))


@pytest.mark.parametrize(
    "text",
    [
        *("", "08:00-18:00", "Mon 8-18", "Mon 08:00-25:00", "Mon 08:61-09:00", "Mun 08:00-18:00", "Mon- 08:00-09:00"),
        *("Mon 08:00-09:00 ../../etc/passwd", "Mon 08:00-09:00 Nowhere/City", "Mon 08:00-09:00 UTC UTC"),
    ],
)
def test_what_is_no_window_is_refused(text):
    """With the form that is meant."""
    with pytest.raises(ValueError, match=r"window|day|zone"):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_window_or_refused(text):
    """Nothing else comes of it."""
    try:
        parse(text).has(NOW)
    except ValueError:
        return


def test_globs_name_entities_with_their_kind():
    """Case and all."""
    assert matching(("host:login*", "tenant:board"), ("host:gpu01", "tenant:board")) == ("tenant:board", "tenant:board")
    assert matching(("host:login*",), ("host:Login1", "identity:login")) == ("", "")
    assert set(GRADES.values()) == set(Grade)
    with pytest.raises(ValueError, match="names no kind"):
        Limits(never=("login*",))


def did(when: float, host: str = "host:a", incident: str = "RF-1", verb: str = "isolate", **more) -> Did:
    """A cut that was begun."""
    return Did(incident, Cut(verb, host, "x"), when, **more)


def test_a_minute_counts_what_was_begun_in_it_and_what_stands_counts_longer():
    """Each host once, however often it was cut; counting packets is no cut."""
    done = (
        did(NOW - 300, "host:old", stands=True),
        did(NOW - 10, "host:a"),
        did(NOW - 5, "host:a", "RF-2", jobs=("job:slurm/lab/1",)),
        did(NOW - 5, "host:gone", "RF-2", stands=False),
        did(NOW - 5, "host:seen", "RF-3", verb="watch-closer"),
    )
    used = spent(done, NOW)
    assert used.hosts == {"host:a", "host:gone"}
    assert used.jobs == {"job:slurm/lab/1"}
    assert used.incidents == {"RF-1", "RF-2"}
    assert used.standing_hosts == {"host:a", "host:old"}
    assert ("RF-3", Cut("watch-closer", "host:seen", "x")) in used.standing


def test_a_clock_that_jumps_gives_no_new_minute():
    """Back: what lies in the future was done just now. Ahead: the minute is as much longer."""
    assert spent((did(NOW),), NOW - 86_400).hosts == {"host:a"}
    assert spent((did(NOW),), NOW + 3600).hosts == set()
    assert spent((did(NOW),), NOW + 3600, jumped=3600).hosts == {"host:a"}


def test_a_jump_is_known_for_a_minute_after_it():
    """Small corrections hardly show; a clock that goes back has not gone ahead."""
    clock = Clock()
    assert clock.jumped(NOW, 10.0) == 0
    assert clock.jumped(NOW + 3605, 15.0) == 3600
    assert clock.jumped(NOW + 3655, 65.0) == 3600
    assert clock.jumped(NOW + 3680, 90.0) == 0
    assert clock.jumped(NOW, 95.0) == 0


def test_a_cut_is_felt_at_its_place_where_that_is_a_host():
    """A cluster feels nothing; the hosts that the plan names do."""
    assert felt(Cut("isolate", "host:a", "x"), ("host:b",)) == ("host:b", "host:a")
    assert felt(Cut("drain", "cluster:lab", "a"), ("host:a",)) == ("host:a",)
