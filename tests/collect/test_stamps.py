"""Times that no calendar shows are refused where facts are read, and kill no answer that comes later."""

import json
import os

import pytest

from ringfence.app.survey import survey_tree
from ringfence.cli import run
from ringfence.collect.base import CapturedFile, Scope, read_file
from ringfence.collect.ndjson import COLLECTOR
from ringfence.errors import Problem
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.stamps import LATEST, utc
from ringfence.store.saved import save

LINE = '{"subject": "host:a", "predicate": "in_rack", "object": "R1", "observed_at": %s}\n'


@pytest.mark.parametrize("stamp", ["5e18", "-1", "-0.5", "253402300800", "NaN", "1e999", "Infinity"])
def test_a_time_that_is_none_is_a_problem_with_file_and_line(stamp):
    """The lines beside it count."""
    data = (LINE % "1.5e9" + LINE % stamp).encode()
    fact, problem = COLLECTOR.collect("facts/ndjson", [CapturedFile("own.ndjson", data)], Scope())
    assert isinstance(fact, Fact)
    assert isinstance(problem, Problem)
    assert (problem.file, problem.line) == ("own.ndjson", 2)


@pytest.mark.parametrize("stamp", ["0", "1", "253402300799"])
def test_times_of_the_calendar_are_taken(stamp):
    """Both ends belong to it."""
    (fact,) = COLLECTOR.collect("facts/ndjson", [CapturedFile("own.ndjson", (LINE % stamp).encode())], Scope())
    assert fact.observed_at == float(stamp)


def test_the_remedy_says_the_unit(tmp_path):
    """Nanoseconds are the usual mistake."""
    (tmp_path / "own.ndjson").write_text(LINE % "1767225600000000000")
    (problem,) = [one for one in survey_tree(tmp_path, Scope()).problems if one.line]
    assert "no time between 1970 and 9999" in problem.what
    assert "seconds" in problem.remedy


def test_a_file_from_before_1970_has_no_time(tmp_path):
    """A clock that stood wrong when the file was written says nothing of its facts."""
    path = tmp_path / "a.txt"
    path.write_text("x")
    os.utime(path, (-5, -5))
    assert read_file(path, tmp_path).observed_at == 0.0


def test_an_estate_saved_with_such_a_time_is_audited(tmp_path, capsys):
    """Estates were saved before times were bounded."""
    path = tmp_path / "old.estate"
    save(
        estate_of([Fact("host:a", "in_rack", "R1", {}, "x", 5e18), Fact("host:a", "in_rack", "R2", {}, "x", 60.0)]),
        path,
    )
    assert run(["audit", "--estate", str(path), "--json"]) == 3  # nothing of it can be judged
    assert json.loads(capsys.readouterr().out)["as_of"] == "1970-01-01T00:01:00Z"
    assert utc(LATEST) == "9999-12-31T23:59:59Z"
