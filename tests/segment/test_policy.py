"""What is derived from an estate: each need, and nothing that no need asks for."""

import random
from functools import cache

import pytest

from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.model import Policy
from ringfence.segment.policy import derive_policy
from ringfence.synth import Cluster, draw, facts, story


@cache
def plan() -> Cluster:
    """A cluster of forty nodes with one rack, run with care."""
    return draw(40, 3)


@cache
def said() -> tuple[Fact, ...]:
    return tuple(facts(plan()))


@cache
def policy() -> Policy:
    return derive_policy(estate_of(said()))


@cache
def told() -> Policy:
    """The policy of the story."""
    return derive_policy(estate_of(story.story()))


def test_the_policy_is_a_function_of_the_estate_however_its_facts_came() -> None:
    shuffled = list(said())
    random.Random(7).shuffle(shuffled)
    assert derive_policy(estate_of(shuffled)) == policy()


@pytest.mark.parametrize("part", [2, 5])
def test_jobs_that_came_and_went_leave_no_trace(part: int) -> None:
    mine = [fact for fact in said() if fact.subject.startswith("job:")][::part]
    estate: Estate = estate_of(said())
    less = estate.with_delta(removed=mine)
    assert derive_policy(less) == derive_policy(estate_of([fact for fact in said() if fact not in mine]))
    assert derive_policy(less.with_delta(added=mine)) == policy()
