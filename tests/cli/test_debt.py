"""`ringfence debt` from the command line: text, JSON, the report, and what it refuses."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ringfence.app.assess.debt import history
from ringfence.app.assess.debt_demo import estates
from ringfence.app.assess.debt_history import named
from ringfence.app.assess.debt_shown import shown
from ringfence.app.assess.debt_window import jewel_values
from ringfence.cli import run
from ringfence.cli.debt import tell_picture, tell_plan
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.synth import facts
from ringfence.synth.draw import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three surveys of a cluster that grows."""
    path = tmp_path_factory.mktemp("history")
    for month in (1, 2, 3):
        day = f"2025-0{month}-05"
        seen = (replace(fact, observed_at=named(day)) for fact in facts(draw(40 + 24 * month, 3)))
        save(estate_of(seen), path / f"{day}.estate")
    return path


def test_the_answer_holds_every_window_and_sums(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["debt", "--history", str(folder), "--fixes", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["windows"]) == 3
    last = told["windows"][-1]
    assert last["debt"] > 0
    assert last["principal"] + last["interest"] == pytest.approx(last["debt"], abs=1e-3)
    assert sum(row["owes"] for row in told["contributors"]) == pytest.approx(last["debt"], abs=1e-2)
    assert told["verdict"]["estimated"]
    assert 1 <= len(told["next"]) <= 3


def test_the_text_names_the_verdict_and_the_report_is_private(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "debt.html"
    assert run(["debt", "--history", str(folder), "--report", str(report)]) == 0
    assert "against compute" in capsys.readouterr().out
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.read_text("utf-8").startswith("<!doctype html>")


def test_a_folder_without_estates_is_a_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["debt", "--history", str(tmp_path)]) == 2
    assert "holds no estate" in capsys.readouterr().err


@pytest.mark.parametrize("fixes", ["0", "-3", "many"])
def test_a_number_of_fixes_that_is_none_is_a_wrong_use(
    folder: Path, fixes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["debt", "--history", str(folder), "--fixes", fixes]) == 2
    assert "--fixes" in capsys.readouterr().err


def test_a_file_that_is_no_survey_is_named_and_the_exit_status_tells(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "2025-01-20.estate").write_bytes(b"ARROW1 or not")
    (tmp_path / "1970-01-01.estate").write_bytes((folder / "2025-01-05.estate").read_bytes())
    assert run(["debt", "--history", str(tmp_path), "--json"]) == 3
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert len(told["windows"]) == 3
    assert [one["file"] for one in told["left_out"]] == ["1970-01-01.estate", "2025-01-20.estate"]
    assert "2025-01-20.estate: not a saved estate" in printed.err


def test_since_begins_later(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["debt", "--history", str(folder), "--since", "2025-02-01"]) == 0
    told = capsys.readouterr().out
    assert "1 earlier surveys were left out" in told
    assert "2025-01-05" not in told
    assert run(["debt", "--history", str(folder), "--since", "soon"]) == 2


def test_a_name_from_a_capture_steers_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpus = [Fact("host:a", "has_gpu", f"gpu:{at}", {"model": f"\x1b[2J{at}"}) for at in range(9)]
    save(estate_of([Fact("host:a", "asked", "users", {"answered": True}), *gpus]), tmp_path / "2025-01-05.estate")
    assert run(["debt", "--history", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "4 of 4 other models" in told


def test_the_demonstration_tells_why_its_verdict_is_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(history(estates(4)), 3)
    assert told["trends"]["installed FLOP/s"]["interval"]
    tell_picture(told)
    printed = capsys.readouterr().out
    for said in ("installed FLOP/s: debt grows by", "bound, ", "findings a day arrive", *told["verdict"]["reasons"]):
        assert said in printed


def test_fixes_that_buy_only_together_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"check": "RF-A", "findings": 1_000, "remedy": "do this", "buys": 2.0, "after": 0.5}
    other = {"check": "RF-B", "findings": 2, "remedy": "and that"}
    idle = {"check": "RF-C", "title": "hardly anything", "findings": 3, "owes": 0.001}
    rows = [one | {"together": [other]}, one | {"check": "RF-D", "buys": 0.001, "after": 0.499, "together": []}]
    tell_plan({"contributors": [idle], "contributors_exact": True, "next": rows, "next_exact": True})
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert " ".join(first.split()) == "2.00 0.50 1,002 RF-A + RF-B Only together. RF-A: do this RF-B: and that"
    assert second.startswith("< 0.01")


def test_what_a_plan_leaves_is_not_said_to_be_all(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen and in the report."""
    report = tmp_path / "debt.html"
    assert run(["debt", "--history", str(folder), "--report", str(report)]) == 0
    for told in (capsys.readouterr().out, report.read_text("utf-8")):
        assert "beyond what work itself lets in" in " ".join(told.split())


def test_where_so_few_fixes_buy_nothing_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    owing = {"check": "RF-A", "title": "doubled", "findings": 3, "owes": 1.0}
    tell_plan({"contributors": [owing], "contributors_exact": True, "next": [], "next_exact": True})
    assert "plan more of them with --fixes" in capsys.readouterr().out


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, 1e300, "much", True])
def test_a_worth_that_is_none_counts_as_one_and_is_told(
    value: float | str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [Fact("model:m", "jewel", "dear", {"value": value}), Fact("tenant:t", "used_gpu_hours", "inf", {"since": 1})]
    surveyed = estate_of([Fact("host:a", "asked", "users", {"answered": True}), *told])
    assert jewel_values(surveyed) == {}
    (found,) = history([(1.7e9, surveyed)]).points
    assert [one.partition(":")[0] for one in found.refused] == ["tenant", "model"]
    if isinstance(value, str):
        save(surveyed, tmp_path / "2025-01-05.estate")
        assert run(["debt", "--history", str(tmp_path)]) == 0
        printed = capsys.readouterr().out
        assert "not counted, 2025-01-05: model:m: 'much' is no worth" in printed
        assert "not counted, 2025-01-05: tenant:t: 'inf' hours" in printed
