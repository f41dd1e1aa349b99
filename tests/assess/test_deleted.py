"""Whatever is deleted from a generated estate, a verdict can only move towards unknown.

`test_checks.py` holds this on each check's own sample. Here facts of a whole cluster are taken away, with all that say
the same of the same two things, so that no second source stands in for the first.
"""

import random
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from ringfence.app.assess.audit import prepared
from ringfence.assess.check import Check, Result, Verdict
from ringfence.assess.checks import CHECK, CHECKS
from ringfence.assess.judge import judge, judge_one, result, results
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import Rates, draw, facts
from ringfence.synth.rates import UNITS
from tests.assess.test_checks import ITSELF, sample

BY_SETTING = {"RF-D02", "RF-G14", "RF-G18", "RF-S12", "RF-W12"}
"""What such a thing is, no other fact says: a file system with nodemaps, an accelerator's maker, a shared queue, what
a secret is for."""
STEPS = 40
"""So often may a pass find another fact to rest on; each is deleted in turn."""


@cache
def estate(seed: int) -> Estate:
    """Sixteen to forty nodes with some flaws, beside the samples of all checks for what no generated cluster has: those
    that pass with odd seeds, those that fail with even ones.
    """
    draws = random.Random(seed)
    rates = Rates(**{name: draws.choice((0.0, 0.3)) for name in UNITS})
    told = [*facts(draw(draws.randrange(16, 40), seed, rates))]
    told += [fact for check in CHECKS for fact in sample(check.name, "passed" if seed % 2 else "failed")]
    return prepared(estate_of(told))


def drawn(seed: int, verdict: Verdict, each: int) -> Iterator[Result]:
    """Some results of every check."""
    draws, whole = random.Random(seed), estate(seed)
    for one in judge(whole):
        found = [*results(whole, one, [verdict])] if len(one.subjects) < 100 else []
        if not found:  # of many only the first hundred
            at = [*range(min(len(one.subjects), 100))]
            found = [told for told in (result(whole, one, k) for k in at) if told.verdict is verdict]
        yield from draws.sample(found, min(each, len(found)))


def without(whole: Estate, gone: Fact) -> Estate:
    """The estate less a fact, and less every other that says the same, whoever said it."""
    same = [
        fact
        for fact in whole.about(gone.subject, gone.predicate)
        if fact.object == gone.object and fact.subject == gone.subject
    ]
    assert gone in same
    return whole.with_delta([], same)


def again(whole: Estate, of: Result) -> Result | None:
    """The same check of the same thing; None where the check is about it no more."""
    check: Check = CHECK[of.check]
    term = whole.terms.codes.get(of.subject)
    if term is None:
        return None
    one = judge_one(whole, check, np.array([term], np.int32))
    return next((told for told in results(whole, one) if told.subject == of.subject), None)


def passes(told: Result | None) -> bool:
    return told is not None and told.verdict is Verdict.PASSED


def dropped_out(told: Result | None, passed: Result, gone: Fact, left: Estate) -> bool:
    """Whether the check is about it no more, though more is left of it than its name."""
    there = left.terms.codes[passed.subject] in left.entities
    return told is None and there and (passed.check, gone.predicate) not in ITSELF


def a_pass_falls(seed: int, each: int) -> int:
    """Without coverage at once; without a control at the latest once every fact that shows one is gone. To unknown:
    what was checked is there as before.
    """
    tried = 0
    for passed in drawn(seed, Verdict.PASSED, each):
        assert passed.facts, passed
        for gone in random.Random(f"{seed}{passed.key}").sample(passed.facts, min(3, len(passed.facts))):
            left = without(estate(seed), gone)
            told = again(left, passed)
            assert not (passes(told) and gone.predicate == "asked"), (passed.key, gone)
            for _ in range(STEPS):
                assert not dropped_out(told, passed, gone, left), (passed.key, gone)
                if told is None or told.verdict is not Verdict.PASSED:
                    break
                assert gone not in told.facts
                gone = told.facts[0]
                left = without(left, gone)
                told = again(left, passed)
            assert not passes(told), (passed.key, gone)
            tried += 1
    return tried


def a_failure_does_not_turn_well(seed: int, each: int) -> int:
    """Without the facts that fail it passes only by coverage: take that away as well, and it is unknown."""
    tried = 0
    for failed in drawn(seed, Verdict.FAILED, each):
        left, told = estate(seed), failed
        for _ in range(STEPS):  # of many ways to fail, each
            left = without(left, told.facts[0])
            found = again(left, failed)
            if found is None or found.verdict is not Verdict.FAILED:
                break
            told = found
        tried += 1
        if not passes(found):
            continue
        assert found is not None
        for answer in [fact for fact in found.facts if fact.predicate == "asked"] or found.facts[:1]:
            assert not passes(again(without(left, answer), failed)), (failed.key, answer)
    return tried


@pytest.mark.parametrize("seed", [1, 2])
def test_a_pass_does_not_outlive_what_it_rests_on(seed: int) -> None:
    assert a_pass_falls(seed, 2) > 100


@pytest.mark.parametrize("seed", [1, 2])
def test_a_failure_turns_well_only_where_somebody_answered(seed: int) -> None:
    assert a_failure_does_not_turn_well(seed, 2) > 20


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 23))
def test_no_deletion_makes_better_news_of_many_clusters(seed: int) -> None:
    assert a_pass_falls(seed, 12) > 100
    assert a_failure_does_not_turn_well(seed, 12) > 20


def test_every_check_but_two_rests_on_somebody_s_answer() -> None:
    """A version with its fixes is an answer itself; so is what the fence proved."""
    apart = {c.id for c in CHECKS if not any(a.predicate == "asked" for when in c.rests for a in when.facts)}
    assert apart == {"RF-G30", "RF-S03"}


@pytest.mark.parametrize("check", ["RF-H01", "RF-H02"])
def test_a_host_that_nobody_asked_about_its_sshd_is_unknown(check: str) -> None:
    """One of them, or all: none is out of scope, and what its settings say stays said."""
    whole = prepared(estate_of(facts(draw(16, 5))))
    before = judge_one(whole, CHECK[check])
    hosts = [fact for fact in whole.facts("asked") if fact.object == "sshd"]
    assert len(hosts) == len(before.subjects)
    one = judge_one(whole.with_delta([], hosts[:1]), CHECK[check])
    assert len(one.subjects) == len(hosts)
    (unknown,) = results(whole, one, [Verdict.UNKNOWN])
    assert unknown.subject == hosts[0].subject
    none = judge_one(whole.with_delta([], hosts), CHECK[check])
    assert none.counts()[Verdict.UNKNOWN] == len(hosts) - before.counts()[Verdict.FAILED]


def test_what_is_there_to_check_is_no_matter_of_who_was_asked() -> None:
    """Each check but these finds its things by their kind, or by a role that no coverage and no control tells."""
    by_role = {
        check.id
        for check in CHECKS
        if any({"asked", "setting"}.isdisjoint(atom.predicate for atom in when.facts) for when in check.each)
    }
    assert {check.id for check in CHECKS} - by_role == BY_SETTING
