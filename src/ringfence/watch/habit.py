"""What a class of jobs does all the time without harm: learned, held back, and counted.

        signal, class ─▶ on how many places, in how many hours? ─▶ few: told
                                                                └▶ many, and nobody confirmed it: held back, counted
        an operator's verdict ─▶ benign: it takes less to be held back · confirmed: it is told for a month

A grave or containable signal is never held back. What is held back is not lost: `held` counts it by name and class,
and it comes again when it stops being everywhere.
"""

import msgspec

from ringfence.watch.bounded import cut, put
from ringfence.watch.roster import Roster
from ringfence.watch.values import Signal

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
PLACES, HOURS = 12, 6
"""Distinct hosts, jobs or persons, and distinct hours, from which a signal of a class is its habit."""
REMEMBERED = 3 * DAY
CONFIRMED = 30 * DAY
GRAVE = 80
_NOBODY = ("identity:root", "identity:*")
BENIGN, CONFIRMED_WORD = "benign", "confirmed"
_MOST, _MOST_PLACES, _MOST_DISMISSED = 20_000, 64, 8


class Verdict(msgspec.Struct, frozen=True):
    """What an operator says of an incident: names of its signals, class of its jobs, `benign` or `confirmed`."""

    names: tuple[str, ...]
    job_class: str
    said: str
    at: int


class Habit(msgspec.Struct):
    """One name in one class. `places` → when last; `hours` since the epoch; when an operator confirmed it."""

    places: dict[str, int] = {}
    hours: list[int] = []
    dismissed: int = 0
    confirmed: int = 0
    held: int = 0


class Habits(msgspec.Struct):
    """`name|class` → habit."""

    known: dict[str, Habit] = {}


def class_of(signal: Signal, roster: Roster) -> str:
    """The class that a signal is a habit of: kind and account of its job, else none."""
    jobs = (roster.jobs.get(entity) for entity in signal.entities)
    job = next((job for job in jobs if job is not None), None)
    return f"{cut(job.kind)}/{cut(job.account or job.user)}" if job else ""


def judge(state: Habits, signal: Signal, job_class: str, now: int) -> bool:
    """Whether a signal is held back as a habit of its class. It is counted either way."""
    habit = _habit(state, signal.name, job_class)
    put(habit.places, cut(_place(signal)), now, _MOST_PLACES)
    if now // HOUR not in habit.hours:
        habit.hours = [*habit.hours[-REMEMBERED // HOUR :], now // HOUR]
    if signal.severity >= GRAVE or signal.urgent or not _is_habit(habit, now):
        return False
    habit.held += signal.count
    return True


def verdict(state: Habits, said: Verdict) -> None:
    """Learn what an operator said."""
    for name in said.names:
        habit = _habit(state, name, said.job_class)
        if said.said == BENIGN:
            habit.dismissed, habit.confirmed = min(habit.dismissed + 1, _MOST_DISMISSED), 0
        elif said.said == CONFIRMED_WORD:
            habit.dismissed, habit.confirmed = 0, said.at


def held(state: Habits) -> dict[str, int]:
    """`name|class` → how many were held back."""
    return {key: habit.held for key, habit in state.known.items() if habit.held}


def _place(signal: Signal) -> str:
    """Where it was noticed: at the account that it names, else at its first entity.

    What one account does on many hosts is that account's doing and no habit of its class: an intruder who goes about
    would else teach that he is usual.
    """
    named = (one for one in signal.entities if one.startswith("identity:") and one not in _NOBODY)
    return next(named, signal.entities[0] if signal.entities else signal.key)


def _habit(state: Habits, name: str, job_class: str) -> Habit:
    key = f"{cut(name)}|{cut(job_class)}"
    habit = state.known.get(key)
    if habit is None:
        habit = Habit()
        put(state.known, key, habit, _MOST)
    return habit


def _is_habit(habit: Habit, now: int) -> bool:
    if habit.confirmed and now - habit.confirmed < CONFIRMED:
        return False
    places = sum(1 for when in habit.places.values() if now - when <= REMEMBERED)
    hours = sum(1 for hour in habit.hours if now // HOUR - hour <= REMEMBERED // HOUR)
    eased = 1 + habit.dismissed
    return places >= max(2, PLACES // eased) and hours >= max(2, HOURS // eased)
