"""`ringfence debt` from the command line: text, JSON, the report, and what it refuses."""

import json
from pathlib import Path

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.store.saved import save
from ringfence.synth import facts
from ringfence.synth.draw import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three surveys of a cluster that grows."""
    path = tmp_path_factory.mktemp("history")
    for month in (1, 2, 3):
        save(estate_of(facts(draw(40 + 24 * month, 3))), path / f"2026-0{month}-05.estate")
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
