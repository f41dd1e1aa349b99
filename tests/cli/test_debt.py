"""`ringfence debt` from the command line: text, JSON, the report, and what it refuses."""

import json
from pathlib import Path

import pytest

from ringfence.cli import run
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
        save(estate_of(facts(draw(40 + 24 * month, 3))), path / f"2025-0{month}-05.estate")
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
