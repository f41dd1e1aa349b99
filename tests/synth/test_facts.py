"""Generated estates are of the vocabulary, reproducible, and of the size asked for."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from ringfence.errors import UsageError
from ringfence.estate.kinds import PREDICATES, kind_of
from ringfence.synth import SAFE, Rates, draw, facts, generate
from ringfence.synth.rates import UNITS


@pytest.mark.parametrize("nodes", [16, 40, 300])
def test_every_fact_says_what_its_predicate_allows(nodes: int) -> None:
    """Subjects and objects are of the kinds that the predicate's row names."""
    for fact in generate(nodes, seed=3, rates=Rates(**dict.fromkeys(UNITS, 0.5))):
        row = PREDICATES[fact.predicate]
        assert row.subject == ("any",) or kind_of(fact.subject) in row.subject, fact
        assert row.object in (("any",), ("value",)) or kind_of(fact.object) in row.object, fact


def test_the_same_seed_gives_the_same_facts_in_every_process() -> None:
    """Byte for byte, under two hash seeds; another seed gives others."""
    say = (
        "import hashlib; from ringfence.synth import generate;"
        "print(hashlib.sha256(repr([*generate(64, 5)]).encode()).hexdigest())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", say],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert [*generate(64, 5)] != [*generate(64, 6)]


@pytest.mark.parametrize("nodes", [16, 17, 72, 500])
def test_there_are_as_many_gpu_nodes_as_asked_for(nodes: int) -> None:
    """HGX hosts with eight and trays with four accelerators, eighteen trays to a domain."""
    plan = draw(nodes, 1)
    found = plan.of_role("hgx", "nvl")
    assert len(found) == nodes
    assert {host.gpus for host in plan.of_role("hgx")} == {8}
    assert set(Counter(host.domain for host in plan.of_role("nvl")).values()) <= {18}
    assert len({host.number for host in plan.hosts}) == len({host.name for host in plan.hosts}) == len(plan.hosts)


def test_an_estate_without_misconfigurations_states_none() -> None:
    """The safe rates plant nothing: no open device, no default key, no squash left off."""
    said = {(fact.predicate, fact.object) for fact in generate(100, 1, SAFE)}
    assert not {row for row in said if row[0] in ("vulnerable_to", "trusts_host", "root_runs_from", "may_use_runtime")}
    assert not {("device_open", "umad"), ("device_open", "imex")} & said
    assert ("setting", "no_root_squash") not in said
    assert ("authenticates", "default-password") not in said


def test_one_changed_rate_changes_nothing_else() -> None:
    """Each misconfiguration is drawn from a stream of its own."""
    one, other = draw(100, 1, SAFE), draw(100, 1, Rates(**{**dict.fromkeys(UNITS, 0.0), "toolkit_old": 1.0}))
    assert one.hosts == other.hosts
    assert one.jobs == other.jobs
    texts = [{(fact.predicate, repr(fact)) for fact in facts(plan)} for plan in (one, other)]
    assert {predicate for predicate, _ in texts[0] ^ texts[1]} == {"runs_software", "vulnerable_to"}


@pytest.mark.parametrize("nodes", [0, 15, 50_001])
def test_a_size_out_of_range_is_refused(nodes: int) -> None:
    """With the range in the remedy."""
    with pytest.raises(UsageError) as told:
        draw(nodes)
    assert "16" in told.value.remedy


def test_a_rate_outside_zero_to_one_is_refused() -> None:
    """By name."""
    with pytest.raises(ValueError, match="toolkit_old"):
        Rates(toolkit_old=1.5)
