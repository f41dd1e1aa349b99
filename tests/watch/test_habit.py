"""What a class of jobs does all the time is held back, and counted; what is grave never is."""

import msgspec

from ringfence.watch.habit import BENIGN, CONFIRMED_WORD, DAY, HOUR, Habits, Verdict, class_of, held, judge, verdict
from ringfence.watch.values import DETECTOR, Signal
from tests.watch.events import T0, job, view


def signal(place: int, severity: int = 50, urgent: bool = False) -> Signal:
    """A signal of a host."""
    entities = (f"host:n{place}", "1")
    return Signal("RF.D03", DETECTOR, "odd", f"n{place}", T0, entities, (), "why", severity, urgent=urgent)


def flood(state: Habits, hours: int = 10, places: int = 20, start: int = T0, **said: int) -> list[bool]:
    """The same signal on many hosts, hour after hour; whether each was held back."""
    return [
        judge(state, signal(place, **said), "train/acme", start + hour * HOUR)
        for hour in range(hours)
        for place in range(places)
    ]


def test_what_is_everywhere_for_hours_is_held_back_and_counted():
    """Not before, and not without a number."""
    state = Habits()
    found = flood(state)
    assert not any(found[:100])
    assert all(found[-20:])
    assert held(state) == {"RF.D03|train/acme": sum(found)}


def test_a_few_places_or_a_single_hour_are_no_habit():
    """Few hosts for days; many hosts at once."""
    assert not any(flood(Habits(), hours=72, places=6))
    assert not any(flood(Habits(), hours=1, places=500))


def test_what_one_account_does_everywhere_is_no_habit_of_its_class():
    """An intruder who goes from host to host for days; what many accounts do is."""

    def moved(place: int, user: str) -> Signal:
        return msgspec.structs.replace(signal(place), entities=(f"host:n{place}", f"identity:{user}"))

    one, many = Habits(), Habits()
    for hour in range(24):
        when = T0 + hour * HOUR
        assert not any(judge(one, moved(place, "eve"), "", when) for place in range(20))
        last = [judge(many, moved(place, f"user{place}"), "", when) for place in range(20)]
    assert all(last)


def test_another_class_is_told_all_the_same():
    """A habit is one of a class."""
    state = Habits()
    flood(state)
    assert not judge(state, signal(1), "infer/acme", T0 + 10 * HOUR)


def test_grave_and_containable_signals_are_never_held_back():
    """However many."""
    assert not any(flood(Habits(), hours=48, severity=80))
    assert not any(flood(Habits(), hours=48, urgent=True))


def test_an_operators_word_counts():
    """Benign: held back sooner. Confirmed: told, for a month."""
    eased, firm = Habits(), Habits()
    verdict(eased, Verdict(("RF.D03",), "train/acme", BENIGN, T0))
    verdict(firm, Verdict(("RF.D03",), "train/acme", CONFIRMED_WORD, T0))
    assert any(flood(eased, hours=4, places=7))
    assert not any(flood(firm, hours=48))
    assert any(flood(firm, hours=48, start=T0 + 40 * DAY))


def test_what_stops_is_told_when_it_comes_again():
    """A habit of last week is none."""
    state = Habits()
    flood(state)
    assert not judge(state, signal(1), "train/acme", T0 + 9 * DAY)


def test_the_class_is_that_of_the_signals_job():
    """Its kind and account; without a job there is none."""
    roster = view([job("1", "n1", account="acme")]).roster
    assert class_of(signal(1), roster) == "train/acme"
    assert class_of(msgspec.structs.replace(signal(1), entities=("host:n1",)), roster) == ""


def test_state_is_saved_and_bounded():
    """A flood of names leaves room for others."""
    state = Habits()
    for at in range(25_000):
        judge(state, msgspec.structs.replace(signal(1), name=f"{'x' * 300}{at}"[-250:]), "", T0)
    assert len(state.known) <= 20_000
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Habits) == state
