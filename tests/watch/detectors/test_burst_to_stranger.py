"""D43: many bytes at once to a place that was never used."""

from ringfence.watch.detectors import burst_to_stranger
from ringfence.watch.site import Data
from tests.watch.events import FakeSite, both_ways, flow
from tests.watch.hostile import LATER, hostile

WEIGHTS = Data("model:m", "/models/m", 1 << 30, frozenset({"identity:ada"}))
SITE = FakeSite(data=[WEIGHTS])
SAID = {"actor__user__name": "ada", "actor__process__name": "python3"}


def sent(at: float, out: int, target: str = "11.1.1.1", **said):
    """A part of an upload."""
    return flow(at, "gpu0001", target, 443, out, **(SAID | said))


BEFORE = sent(5, 10, "14.1.1.1")
"""Habits are learned from here on."""


def test_some_mebibytes_within_a_second_to_a_new_place_are_told_with_the_place():
    """Long before a hundredth of the weights has left."""
    found = both_ways(burst_to_stranger, [BEFORE, sent(LATER, 3 << 20), sent(LATER + 0.3, 3 << 20)], site=SITE)
    assert len(found) == 1
    assert found[0].peers == ("11.1.1.1",)
    assert found[0].holds == ("host:gpu0001#user", "identity:ada#use", "model:m#read")
    assert found[0].entities == ("host:gpu0001", "identity:ada", "model:m")


def test_the_same_bytes_at_leisure_or_to_a_known_place_or_fetched_are_silent():
    """So are bytes that stay inside."""
    slow = [sent(LATER + at * 5, 3 << 20) for at in range(50)]
    known = [sent(LATER - 7200, 100, "12.1.1.1"), sent(LATER, 50 << 20, "12.1.1.1")]
    fetched = [sent(LATER + at, 5 << 20, "13.1.1.1", traffic__bytes_in=50 << 20) for at in range(5)]
    inside = [sent(LATER + at, 1 << 30, "10.9.9.9") for at in range(5)]
    assert both_ways(burst_to_stranger, [BEFORE, *slow, *known, *fetched, *inside], site=SITE) == []


def test_a_place_that_many_accounts_use_is_no_stranger():
    """A mirror of packages is met by everybody."""
    others = [sent(LATER + at, 10, actor__user__name=f"user{at}") for at in range(6)]
    assert both_ways(burst_to_stranger, [BEFORE, *others, sent(LATER + 60, 50 << 20)], site=SITE) == []


def test_somebody_who_may_read_no_weights_has_none_to_send():
    """What they send is for the other detectors."""
    assert both_ways(burst_to_stranger, [BEFORE, sent(LATER, 50 << 20)], site=FakeSite()) == []


def test_before_habits_are_known_only_what_the_policy_forbids_is_told():
    """Every place is new in the first hours."""
    assert both_ways(burst_to_stranger, [sent(5, 50 << 20)], site=SITE) == []
    forbids = FakeSite(data=[WEIGHTS], rules={("gpu0001", "11.1.1.1"): False})
    assert len(both_ways(burst_to_stranger, [sent(5, 50 << 20)], site=forbids)) == 1


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(burst_to_stranger)
