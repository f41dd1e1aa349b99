"""The counts of rules and correlations on a file of events."""

import json
from pathlib import Path

from ringfence.app.watch.sigma_check import Checked, check

RULE = """
title: {name}
name: {name}
id: 00000000-0000-4000-8000-00000000000{last}
logsource: {{product: linux}}
detection: {{s: {{did: {name}}}, condition: s}}
"""
BASE = [RULE.format(name=name, last=at) for at, name in enumerate(("login", "copy", "never"))]


def correlation(name: str, type_: str, rules: str, condition: str, group: str = "User") -> str:
    """A correlation over a minute."""
    asked = f"type: {type_}, rules: [{rules}], group-by: [{group}], timespan: 1m, condition: {condition}"
    return f"title: {name}\nname: {name}\ncorrelation: {{{asked}}}\n"


EVERY = [
    correlation("many", "event_count", "login", "{gte: 3}"),
    correlation("wide", "value_count", "login", "{gte: 3, field: host}"),
    correlation("large", "value_sum", "copy", "{gt: 100, field: size}"),
    correlation("mean", "value_avg", "copy", "{gt: 1000, field: size}"),
    correlation("both", "temporal", "login, copy", "{gte: 2}"),
    correlation("order", "temporal_ordered", "copy, login", "{gte: 2}"),
    correlation("chain", "temporal", "many, large", "{gte: 2}"),
]


def event(second: float, did: str, **said: object) -> dict[str, object]:
    """What one user did, as a tool that nobody knows writes it."""
    return {"timestamp": f"2026-01-01T{int(second) // 3600:02}:{int(second) // 60 % 60:02}:{second % 60:02}Z"} | {
        "did": did,
        "User": "bob",
        **said,
    }


SEEN = [event(10 + at, "login", host=f"h{at % 2}") for at in range(3)]
SEEN += [event(20, "copy", size=70), event(21, "copy", size=70)]


def checked(folder: Path, documents: list[str], events: list[dict[str, object]]) -> Checked:
    """All documents in one file."""
    rules, seen = folder / "rules.yml", folder / "events.json"
    rules.write_text("---\n".join(documents))
    seen.write_text("\n".join(map(json.dumps, events)))
    return check([rules], seen)


def counts(found: Checked) -> dict[str, int]:
    """By title."""
    return {rule.title: count for rule, count in found.counts}


def test_rules_and_correlations_of_every_kind_are_counted_zero_too(tmp_path):
    """In whatever order the lines stand."""
    for lines in (SEEN, SEEN[::-1]):
        found = checked(tmp_path, EVERY + BASE, lines)
        assert not found.problems
        assert counts(found) == {
            "login": 3,
            "copy": 2,
            "never": 0,
            "many": 1,
            "wide": 0,
            "large": 1,
            "mean": 0,
            "both": 1,
            "order": 0,
            "chain": 1,
        }


def test_a_window_counts_again_when_it_comes_again(tmp_path):
    """Every ten minutes three, and once two; more hits than are taken at once."""
    lines = [event(600 * at + second, "login") for at in range(30) for second in range(3)]
    lines += [event(40_000, "login"), event(40_001, "login")]
    lines += [event(50_000, "copy", User=f"u{at}", size=1) for at in range(5000)]
    found = counts(checked(tmp_path, BASE + EVERY, lines))
    assert (found["many"], found["login"], found["copy"]) == (30, 92, 5000)


def test_a_correlation_that_cannot_run_is_a_problem_that_names_it(tmp_path):
    """The others are counted."""
    found = checked(tmp_path, [*BASE, EVERY[0], correlation("lost", "event_count", "nowhere", "{gte: 1}")], SEEN)
    assert counts(found) == {"login": 3, "copy": 2, "never": 0, "many": 1}
    assert [one.what for one in found.problems] == ["lost: it names nowhere, which is not among the rules"]


def test_hits_without_a_time_count_together_and_it_is_said(tmp_path):
    """They are of one moment."""
    found = checked(tmp_path, [*BASE, EVERY[0]], [{"did": "login", "User": "bob"}] * 3)
    assert counts(found)["many"] == 1
    assert "3 hits that correlations count tell no time" in found.problems[0].what
