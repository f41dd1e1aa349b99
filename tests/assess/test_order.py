"""The order in which facts came changes no verdict, no reason and no evidence."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.app.assess.audit import prepared
from ringfence.assess.check import Result
from ringfence.assess.judge import judge, results
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import generate
from tests.assess.test_checks import BY_NAME, NAMES, judged, sample

Told = list[tuple[object, ...]]


def told(found: list[Result]) -> Told:
    """All but the rows, which are the estate's own numbers."""
    return [(one.check, one.subject, one.verdict, one.reason, one.facts, one.opened) for one in found]


def twice(facts: list[Fact]) -> list[Fact]:
    """The same facts from another source as well: ways that are alike but for who said it."""
    return [*facts, *(Fact(one.subject, one.predicate, one.object, one.attributes, "another") for one in facts)]


@pytest.mark.parametrize("name", NAMES)
@given(order=st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_a_check_says_the_same_of_a_sample_in_any_order(name: str, order: random.Random) -> None:
    """Of what fails and of what passes, at once and twice over."""
    facts = twice([*sample(name, "failed"), *sample(name, "passed")])
    shuffled = facts.copy()
    order.shuffle(shuffled)
    assert told(judged(BY_NAME[name], shuffled)) == told(judged(BY_NAME[name], facts))


def all_told(estate: Estate) -> Told:
    return [row for one in judge(estate) for row in told(list(results(estate, one)))]


def test_all_checks_say_the_same_of_a_generated_estate_in_any_order() -> None:
    facts = list(generate(16, 5))
    shuffled = facts.copy()
    random.Random(7).shuffle(shuffled)
    assert all_told(prepared(estate_of(shuffled))) == all_told(prepared(estate_of(facts)))
