"""The checks' patterns of Slurm's versions against the table of its flaws: one must not say what the other denies."""

import re

import pytest

from ringfence.analyse.rule import Like
from ringfence.assess.advisories.by_table import judge
from ringfence.assess.advisories.verdict import Install, Verdict
from ringfence.assess.check import When
from ringfence.assess.checks import scheduler_operators, scheduler_version

SERIES = ("20.02", "20.11", "21.08", "22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05", "26.11")
VERSIONS = [f"{series}.{patch}{end}" for series in SERIES for patch in range(15) for end in ("", "-1.2")]


def verdicts(version: str) -> dict[str, Verdict]:
    return {one.cve: one.verdict for one in judge(Install("slurm", version)).said}


def matches(ways: tuple[When, ...], version: str) -> bool:
    """Whether the pattern that these ways hold a version against, and it is one, matches."""
    found = [dict(atom.where or {}).get("version") for way in ways for atom in way.facts]
    (like,) = {one.pattern for one in found if isinstance(one, Like)}
    return re.fullmatch(like, version) is not None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_check_fails_where_the_table_has_a_flaw_and_passes_where_it_has_none(version: str) -> None:
    flawed = set(verdicts(version).values()) != {Verdict.FIXED}
    check = scheduler_version.CHECK
    assert (matches(check.fails, version), matches(check.rests, version)) == (flawed, not flawed)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_coordinator_makes_administrators_only_where_that_flaw_is(version: str) -> None:
    flawed = verdicts(version)["CVE-2025-43904"] is not Verdict.FIXED
    assert matches(scheduler_operators.CHECK.fails, version) == flawed
