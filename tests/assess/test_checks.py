"""Every check fails on its sample, passes on its twin, and never passes on what it did not see."""

import re
from pathlib import Path

import msgspec
import pytest

from ringfence.analyse.derive import derive
from ringfence.assess.accepted import EXPIRED
from ringfence.assess.check import Check, Result, Verdict
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import check_checks, judge_one, results
from ringfence.collect import ndjson
from ringfence.collect.base import CapturedFile, Scope
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import CAPABILITIES, kind_of

SAMPLES = Path(__file__).parents[1] / "checks"
BY_NAME = {check.name: check for check in CHECKS}
NAMES = sorted(BY_NAME)
ITSELF = {
    ("RF-D19", "stores_credential"),
    ("RF-S12", "stores_credential"),
    ("RF-W12", "stores_credential"),
    ("RF-F02", "in_pkey"),
}
"""(check, predicate): facts that a pass names and that are the thing itself: the file of a key, which has its mode, and
of a host without accelerators the tenant's partition that it is in. Without them there is nothing to check."""


def sample(name: str, which: str) -> list[Fact]:
    """The facts of a sample; its first fact is about the subject of the check or leads to it."""
    lines = (SAMPLES / name / f"{which}.ndjson").read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Fact) for line in lines if line.strip()]


def judged(check: Check, facts: list[Fact]) -> list[Result]:
    estate = estate_of(facts)
    return list(results(estate, judge_one(estate, check)))


@pytest.mark.parametrize("name", NAMES)
def test_the_check_fails_on_its_sample(name: str) -> None:
    """With the facts that make it fail."""
    verdicts = judged(BY_NAME[name], sample(name, "failed"))
    assert Verdict.FAILED in {one.verdict for one in verdicts}
    assert all(one.facts and one.reason for one in verdicts if one.verdict is Verdict.FAILED)


@pytest.mark.parametrize("name", NAMES)
def test_the_check_passes_on_the_twin(name: str) -> None:
    """All of it, with the facts that the pass rests on."""
    verdicts = judged(BY_NAME[name], sample(name, "passed"))
    assert verdicts
    assert {one.verdict for one in verdicts} == {Verdict.PASSED}
    assert all(one.facts and one.reason for one in verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_without_a_fact_that_it_rests_on_is_unknown(name: str) -> None:
    """Coverage or control: whichever fact is gone, the thing is still there, and nobody knows whether it is well."""
    facts = sample(name, "passed")
    for passed in judged(BY_NAME[name], facts):
        for gone in passed.facts:
            if (passed.check, gone.predicate) in ITSELF:
                continue
            left = [fact for fact in facts if fact != gone]
            again = {one.subject: one for one in judged(BY_NAME[name], left)}
            assert passed.subject in again, gone
            assert again[passed.subject].verdict is Verdict.UNKNOWN, gone
            assert again[passed.subject].reason


@pytest.mark.parametrize("name", NAMES)
def test_a_thing_that_nobody_was_asked_about_is_unknown_and_not_out_of_scope(name: str) -> None:
    """All coverage of the sample is gone at once: each thing that passed is still there, and none passes."""
    facts = sample(name, "passed")
    before = judged(BY_NAME[name], facts)
    again = {one.subject: one.verdict for one in judged(BY_NAME[name], [f for f in facts if f.predicate != "asked"])}
    assert {one.subject for one in before} <= again.keys()
    silent = {f.subject for f in facts if f.predicate == "asked"}
    assert not silent or Verdict.PASSED not in again.values()


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_without_its_fact_passes_only_where_coverage_says_that_all_was_read(name: str) -> None:
    """Without coverage as well, it is unknown."""
    facts = sample(name, "failed")
    for failed in (one for one in judged(BY_NAME[name], facts) if one.verdict is Verdict.FAILED):
        for gone in failed.facts:
            left = [fact for fact in facts if fact not in (gone,) and fact.predicate != "asked"]
            again = {one.subject: one for one in judged(BY_NAME[name], left)}
            assert again.get(failed.subject, failed).verdict is not Verdict.PASSED


def test_every_check_can_be_met() -> None:
    """No check names a predicate that does not exist, or a condition without its subject."""
    check_checks(CHECKS)


def test_ids_are_one_each() -> None:
    assert len({check.id for check in CHECKS}) == len({check.name for check in CHECKS}) == len(CHECKS)


def test_files_registrations_headings_and_samples_are_the_same_set() -> None:
    """One check = one file = one line of registration = one heading = one sample."""
    folder = Path(check_checks.__code__.co_filename).parent / "checks"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text("utf-8")
    headings = re.findall(r"^### (RF-\w+) `(\w+)`", page, re.MULTILINE)
    assert files == set(BY_NAME) == {path.name for path in SAMPLES.iterdir() if path.is_dir()}
    assert sorted(headings) == sorted((check.id, check.name) for check in (*CHECKS, EXPIRED))


def test_what_a_failure_opens_can_be_held() -> None:
    """Capabilities are those of the vocabulary; severity is judged from them."""
    for check in CHECKS:
        for one in (*check.opens, *(one for when in check.fails for one in when.opens or ())):
            assert one.rpartition("#")[2] in CAPABILITIES, check.id


@pytest.mark.parametrize("name", [name for name in NAMES if BY_NAME[name].by_hand])
def test_what_a_person_states_is_read_and_is_what_the_samples_hold(name: str) -> None:
    """Word for word as the page of the checks prints it; each stands in a sample, with another name."""
    known = {(fact.predicate, fact.object) for which in ("failed", "passed") for fact in sample(name, which)}
    for fact in BY_NAME[name].by_hand:
        line = msgspec.json.encode(fact)
        (read,) = ndjson.collect("facts/ndjson", [CapturedFile("own.ndjson", line)], Scope())
        assert isinstance(read, Fact)
        assert (read.predicate, read.object) in known or kind_of(read.object)


@pytest.mark.parametrize("name", NAMES)
def test_samples_hold_only_facts_that_could_be(name: str) -> None:
    """An estate refuses what it does not know; moves can be derived from it."""
    for which in ("failed", "passed"):
        derive(estate_of(sample(name, which)))
