"""What correlations take from the hits of a batch: by time, grouped, with the events behind them."""

import numpy as np
import pytest

from ringfence.watch.batch import of_events
from ringfence.watch.correlate import Points, Ref, Source, plans
from ringfence.watch.sigma.match import Hits
from ringfence.watch.sigma.ruleset import Ruleset
from ringfence.watch.sigma.tree import Atom, Correlation, Rule
from ringfence.wire.ocsf.event import Event

RULE = Rule("a", "A", "low", (), "linux", "process_creation", "", "a.yml", Atom("x", "null"))


def points(type_: str, fields: tuple[str, ...], *events: Event) -> Points:
    """The points of events that all hit the rule, for a correlation by user."""
    one = Correlation("c", "C", "low", (), "c.yml", type_, ("a",), 60, group_by=("User",), fields=fields)
    made, problems = plans(Ruleset((RULE,), (one,)))
    assert problems == []
    rows = np.arange(len(events), dtype=np.int32)
    (found,) = Source(made, (RULE,)).points(of_events(events), Hits(rows, np.zeros(len(events), np.int32)))
    return found


def started(time: int, user: str | None, **fields: str | int) -> Event:
    """A process of a user is started."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    if user is not None:
        named["process.user.name"] = user
    return Event(1007, 1, time, "gpu0001", "linux/process_creation/", named, "host:gpu0001/agent", time)


def test_hits_come_by_time_with_the_events_behind_them():
    """Whatever their order in the batch; a field goes by the name that Sigma has for it."""
    found = points("event_count", (), started(9, "eve", job__uid="job:slurm/c/1"), started(5, "bob"))
    assert found.times == [5, 9]
    assert found.groups == [("bob",), ("eve",)]
    assert found.refs == [
        Ref("host:gpu0001/agent", 5, ("host:gpu0001", "identity:bob")),
        Ref("host:gpu0001/agent", 9, ("host:gpu0001", "job:slurm/c/1", "identity:eve")),
    ]


def test_who_has_no_group_or_no_value_is_counted_and_left_out():
    """A user who is not told is nobody, not one user."""
    found = points(
        "value_count", ("CommandLine",), started(1, None), started(2, "eve"), started(3, "eve", CommandLine="x")
    )
    assert (found.times, found.ungrouped, found.unmeasured) == ([], 1, 2)
    found = points("value_count", ("CommandLine",), started(1, "eve"), started(3, "eve", process__cmd_line="ls"))
    assert (found.times, found.values, found.unmeasured) == ([3], [("ls",)], 1)


@pytest.mark.parametrize(
    ("said", "number"), [("12", 12), ("-1.5", -1.5), ("twelve", None), ("nan", None), ("1e999", None), ("9" * 30, 1e30)]
)
def test_a_number_may_stand_in_text(said, number):
    """What is none, or not finite, is counted and left out; a huge one counts as a real number."""
    found = points("value_sum", ("size",), started(1, "eve", unmapped__size=said))
    assert found.values == ([] if number is None else [pytest.approx(number)])
    assert found.unmeasured == (number is None)


def test_long_names_are_cut():
    """A hostile name makes no long key."""
    found = points("event_count", (), started(1, "e" * 10_000))
    assert len(found.groups[0][0]) <= 200
