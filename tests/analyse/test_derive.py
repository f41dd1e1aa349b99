"""Derivation against nested loops, on random rules and estates."""

import random

import pytest

from ringfence.analyse.derive import check, derive
from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule
from ringfence.estate.estate import estate_of
from tests.analyse.plain_rules import instances_of, plain_instances, random_fact, random_move


def test_random_rules_on_random_estates_meet_nested_loops() -> None:
    """Constants, prefixes, attributes, repeated variables, unequal pairs, holes, cross products, dead facts."""
    rng, seen = random.Random(6), 0
    for _ in range(400):
        moves = [random_move(rng, number) for number in range(3)]
        check(moves)
        facts = [random_fact(rng) for _ in range(rng.randint(0, 50))]
        gone = rng.sample(facts, min(len(facts), rng.randint(0, 4)))
        estate = estate_of(facts).with_delta(removed=gone, added=[random_fact(rng)])
        derived = instances_of(estate, derive(estate, moves))
        assert derived == plain_instances(list(estate.facts()), moves)
        seen += len(derived)
    assert seen > 3_000


def test_rules_that_no_estate_could_meet_are_refused() -> None:
    """A fault of ours, not of the user's."""
    start, to = (At("x", "root"),), At("y", "root")
    for facts in ((Atom("same_as", "x", "z"),), (Atom("likes", "x", "y"),), ()):
        move = Move("RF-M1", "m", "", "", (Rule(start, to, facts),), Minutes(1, 2, ""), "", "")
        with pytest.raises(ValueError, match="RF-M1"):
            check([move])
