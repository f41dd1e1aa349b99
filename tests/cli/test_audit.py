"""`ringfence audit` as a person and as a program call it."""

import json
import stat

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.store.saved import save


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """A small generated estate."""
    path = tmp_path_factory.mktemp("audit") / "made.estate"
    assert run(["generate", "--nodes", "32", "--seed", "5", "-o", str(path)]) == 0
    return str(path)


def told(capsys, *arguments, status=0):
    """The JSON that it prints."""
    capsys.readouterr()
    assert run(["audit", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_it_says_what_matters_first(estate, capsys):
    """And what could not be said, with what to collect."""
    capsys.readouterr()
    assert run(["audit", "--estate", estate]) == 0
    shown = capsys.readouterr().out
    parts = ["On a way to a jewel", "Unknown is never safe", "Families"]
    assert sorted(parts, key=shown.index) == parts
    assert "ringfence capture-script" in shown


def test_the_exit_status_is_3_where_something_is_so_severe(estate, capsys):
    """Of what is not accepted."""
    severities = told(capsys, "--estate", estate)["severities"]
    worst = next(name for name, count in severities.items() if count)
    assert told(capsys, "--estate", estate, "--fail-on", worst, status=3)
    assert told(capsys, "--estate", estate, "--fail-on", "info", status=3)


def test_accepting_everything_leaves_nothing_that_fails_the_run(estate, capsys, tmp_path):
    """Each finding stays in the answer."""
    before = told(capsys, "--estate", estate)
    risks = tmp_path / "risks.toml"
    checks = {one["check"] for one in before["findings"]}
    risks.write_text(
        "".join(
            f'[[accept]]\ncheck = "{name}"\nowner = "ann"\nreason = "a test"\nexpires = 9000-01-01\n' for name in checks
        )
    )
    after = told(capsys, "--estate", estate, "--accept", str(risks), "--fail-on", "info")
    assert after["findings"] == []
    assert sum(one["count"] for one in after["accepted"]) == sum(one["count"] for one in before["findings"])


def test_files_of_an_empty_estate_say_that_nothing_was_there(capsys, tmp_path):
    """And none is dated 1970."""
    save(estate_of([]), tmp_path / "empty.estate")
    names = {name: tmp_path / f"audit.{name}" for name in ("sarif", "oscal", "markdown")}
    options = [word for name, path in names.items() for word in (f"--{name}", str(path))]
    told(capsys, "--estate", str(tmp_path / "empty.estate"), *options, status=3)
    for path in names.values():
        assert b"Nothing was there to judge." in path.read_bytes()
        assert b"1970" not in path.read_bytes()


def test_files_are_their_owners_only_and_hold_the_same_findings(estate, capsys, tmp_path):
    """SARIF, OCSF, OSCAL, Markdown and the report."""
    names = {name: tmp_path / f"audit.{name}" for name in ("sarif", "ocsf", "oscal", "markdown", "html")}
    options = [word for name, path in names.items() for word in (f"--{name}", str(path))]
    found = told(capsys, "--estate", estate, *options)
    assert {stat.S_IMODE(path.stat().st_mode) for path in names.values()} == {0o600}
    (log,) = json.loads(names["sarif"].read_bytes())["runs"]
    assert sum(one["kind"] == "fail" for one in log["results"]) == len(found["findings"])
    events = [json.loads(line) for line in names["ocsf"].read_bytes().splitlines()]
    assert sum(one["compliance"]["status"] == "Fail" for one in events) == len(found["findings"])
    (result,) = json.loads(names["oscal"].read_bytes())["assessment-results"]["results"]
    assert len(result["risks"]) == len(found["findings"])
    assert names["markdown"].read_text().count("\n| ") >= len(found["findings"])
    assert b'"audit":{"as_of"' in names["html"].read_bytes()


@pytest.mark.parametrize(
    "wrong", [["--check", "RF-NONE"], ["--accept", "/nowhere/risks.toml"], ["--sarif", "/nowhere/at/all.sarif"]]
)
def test_what_does_not_exist_is_said(estate, capsys, wrong):
    """With what to do."""
    assert run(["audit", "--estate", estate, *wrong]) == 2
    assert len(capsys.readouterr().err.splitlines()) >= 2


def test_one_check_can_be_asked_for_by_name(estate, capsys):
    """By its id as well."""
    by_name = told(capsys, "--estate", estate, "--check", "scheduler_auth")
    assert by_name == told(capsys, "--estate", estate, "--check", "RF-S01")
    assert by_name == told(capsys, "--estate", estate, "--check", "rf-s01")
    assert [one["check"] for one in by_name["checks"]] == ["RF-S01"]


def test_the_check_of_accepted_risks_is_not_chosen_but_comes_with_them(estate, capsys):
    """And the answer says so, instead of that nothing is called that."""
    assert run(["audit", "--estate", estate, "--check", "rf-x01"]) == 2
    assert "--accept FILE" in capsys.readouterr().err


def test_the_screen_says_what_passes_by_assumption(tmp_path, capsys):
    """Two nodes of each class were captured; the others pass as these do."""
    where, path = str(tmp_path / "captures"), str(tmp_path / "found.estate")
    assert run(["generate", "--nodes", "16", "--seed", "7", "--captures", where]) == 0
    assert run(["collect", "--from", where, "-o", path]) == 0
    counts = told(capsys, "--estate", path)
    (logins,) = (one for one in counts["checks"] if one["check"] == "RF-H02")
    assert 0 < logins["assumed"] < logins["passed"]
    assert run(["audit", "--estate", path]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{counts['assumed']:,} passes are assumed from a sample: " in shown
    assert f"RF-H02 {logins['assumed']:,} of {logins['passed']:,}" in shown
