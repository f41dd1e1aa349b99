"""The audit: one fault on many things is one group, an acceptance hides nothing, and order of facts changes nothing."""

import random

import pytest

from ringfence.app.assess import audit as desk
from ringfence.app.questions import Questions
from ringfence.assess.accepted import EXPIRED, Accepted
from ringfence.assess.check import Verdict
from ringfence.assess.checks import CHECK
from ringfence.assess.finding import EXAMPLES, grade, grouped
from ringfence.assess.judge import judge, results
from ringfence.assess.severity import ORDER, Severity
from ringfence.estate.estate import estate_of
from tests.assess.estates import cluster, measured, unproven

ASKED = cluster()
NOW = 1_790_000_000.0
AUTH = (CHECK["RF-S01"],)


def bear(subject: str = "*", expires: float = NOW + 60, check: str = "RF-S01") -> Accepted:
    return Accepted(check, subject, "ann", "for a while", expires, "risks.toml:1")


def test_every_failure_stands_in_one_group_and_in_no_other() -> None:
    """Counted over all checks of a generated cluster."""
    found = desk.run(ASKED)
    for judged in judge(ASKED.estate):
        failed = sorted(one.subject for one in results(ASKED.estate, judged, (Verdict.FAILED,)))
        named = sorted(s for group in found.groups if group.check is judged.check for s in group.subjects)
        assert named == failed
    assert found.counts()["failed"] == sum(found.by_severity().values()) > 0


def test_the_position_of_a_finding_is_one_that_its_result_opens() -> None:
    """Columns and values agree; of several, the worst is taken."""
    ground = measured(ASKED)
    some = 0
    for judged in judge(ASKED.estate):
        for group in grouped(ASKED.estate, ground, grade(ground, judged)):
            for one in group.findings:
                assert one.position in ("", *one.result.opened)
                assert one.severity is group.severity
                some += bool(one.position)
    assert some > 5


def test_many_things_with_one_fault_are_one_line() -> None:
    """With a count and a few examples."""
    asked = Questions(unproven(2_000))
    (group,) = desk.run(asked, AUTH).groups
    assert len(group.subjects) == 2_000
    assert len(group.findings) == EXAMPLES
    assert group.subjects[0] == "cluster:c00000"


def test_a_way_to_a_jewel_makes_it_worse_than_the_weight_would() -> None:
    """The superuser of the scheduler reads the model; without the model only the weight is left."""
    (near,) = desk.run(Questions(unproven(1)), AUTH).groups
    (far,) = desk.run(Questions(unproven(1, model=False)), AUTH).groups
    worst = near.findings[0]
    assert worst.position == "cluster:c00000#admin"
    assert (worst.jewels, worst.minutes is not None) == (1, True)
    assert worst.first is not None
    assert worst.first[0].startswith("RF-M")
    assert far.findings[0].minutes is None
    assert "weighs 10 of 10" in far.findings[0].why


def test_an_accepted_risk_stays_in_the_list_and_no_longer_fails_the_run() -> None:
    """Only what it covers."""
    asked = Questions(unproven(3))
    found = desk.run(asked, AUTH, [bear("cluster:c00001")], NOW)
    assert [group.subjects for group in found.accepted] == [("cluster:c00001",)]
    assert [group.subjects for group in found.groups] == [("cluster:c00000", "cluster:c00002")]
    assert found.counts() == {"failed": 2, "accepted": 1, "passed": 0, "unknown": 0}
    everything = desk.run(asked, AUTH, [bear()], NOW)
    assert not desk.meets(everything, Severity.INFO)
    assert desk.meets(found, found.groups[0].severity)


def test_an_acceptance_past_its_end_is_a_finding_and_covers_nothing() -> None:
    """The fault counts again."""
    asked = Questions(unproven(2))
    found = desk.run(asked, AUTH, [bear(expires=NOW)], NOW)
    assert found.accepted == ()
    (expired,) = (group for group in found.groups if group.check is EXPIRED)
    assert "ann accepted RF-S01" in expired.findings[0].result.reason
    assert found.counts()["failed"] == 3


def test_an_acceptance_of_nothing_is_told() -> None:
    """Repaired or misspelt; past its end or not, it is no finding."""
    asked = Questions(unproven(1))
    found = desk.run(asked, AUTH, [bear("cluster:zzz"), bear("cluster:yyy", NOW)], NOW)
    assert {one.subject for one in found.idle} == {"cluster:zzz", "cluster:yyy"}
    assert [group.check.id for group in found.groups] == ["RF-S01"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_in_which_facts_came_changes_no_verdict_and_no_severity(seed: int) -> None:
    """Which of several equal ways is told may differ."""
    facts = list(ASKED.estate.facts())
    random.Random(seed).shuffle(facts)
    other = Questions(estate_of(facts))
    one, two = (desk.shown(desk.run(asked), asked.estate, with_unknown=True) for asked in (ASKED, other))
    for told in (one, two):
        for group in (*told["findings"], *told["accepted"]):
            del group["examples"]
    assert one == two


def test_what_is_unknown_says_what_to_collect() -> None:
    """Every gap has a remedy, and names what it is about."""
    told = desk.shown(desk.run(ASKED), ASKED.estate, with_unknown=True)
    assert told["unknown"]
    for gap in told["unknown"]:
        assert gap["collect"]
        assert len(gap["subjects"]) == gap["count"]


def test_the_worst_comes_first() -> None:
    """And, of one severity, what lies on a way to a jewel."""
    ranks = [(ORDER.index(group.severity), not group.on_way) for group in desk.run(ASKED).groups]
    assert ranks == sorted(ranks)


def test_within_one_severity_stands_first_from_where_most_falls() -> None:
    """Jewels, then hosts, then how many fail; of a group the worst is its first example."""
    found = desk.run(ASKED).groups
    keys = [
        (ORDER.index(one.severity), not one.on_way, -worst.jewels, -worst.hosts, -len(one.subjects))
        for one in found
        for worst in one.findings[:1]
    ]
    assert keys == sorted(keys)
    assert len({key[0] for key in keys}) > 1
    for one in found:
        assert [-few.jewels for few in one.findings] == sorted(-few.jewels for few in one.findings)
