"""The quality bench in small: generated, replayed, scored, written."""

import json
from pathlib import Path

import pytest
from bench.quality.__main__ import main
from bench.quality.churn import described
from bench.quality.run import SETS, Options, Result, attacks_of, run
from bench.quality.write import write

from ringfence.app.watch.made import Made
from ringfence.app.watch.quality import score_files
from ringfence.app.watch.truth import read_truth

KINDS = ("firmware_replaced", "hold_up_by_reservation", "subnet_manager_takeover", "rank_runs_processes")
SMALL = Options("tuning", nodes=16, hours=0.5, kinds=KINDS)


def _run(workers: int) -> Result:
    return run(Options(SMALL.set_name, SMALL.nodes, SMALL.hours, workers=workers, kinds=KINDS), lambda said: None)


@pytest.fixture(scope="module")
def alone() -> Result:
    """Replayed by one worker."""
    return _run(1)


def test_every_kind_that_was_replayed_is_in_the_table(alone: Result):
    """Found or not, stealthy and loud."""
    assert alone.skipped == ()
    shown = {(one.kind, one.loudness) for one in alone.quality.groups}
    assert shown == {(kind, loudness) for kind in KINDS for loudness in ("stealthy", "loud")}


def test_something_is_found_and_no_detector_fails(alone: Result):
    """Firmware that nobody announced is not hard to see."""
    found = {one.kind for one in alone.quality.outcomes if one.found}
    assert "firmware_replaced" in found
    assert alone.faults == {}


def test_two_workers_come_to_the_same_as_one(alone: Result):
    """Hosts are told apart, the scheduler is heard by all: same events, same attacks found, none false in either."""
    both = _run(2)
    assert both.events == alone.events
    assert {one.id for one in both.quality.outcomes if one.found} == {
        one.id for one in alone.quality.outcomes if one.found
    }
    assert both.quality.false == alone.quality.false


def test_what_is_written_can_be_scored_by_anyone(tmp_path: Path):
    """Logs of each source, the truth and the estate, in a folder."""
    kinds = ("firmware_replaced",)
    count = write(Options("tuning", nodes=16, hours=0.2, kinds=kinds), tmp_path / "day")
    truth = read_truth(tmp_path / "day" / "truth.jsonl")
    assert [one.kind for one in truth] == ["firmware_replaced"] * 2
    scored = score_files(Made(None, [], []).single(), tmp_path / "day" / "events", truth)
    assert scored.events == count
    assert scored.problems == ()
    assert scored.quality.found == 2


def test_the_sets_hold_every_kind_stealthy_and_loud():
    """At least thirty kinds; scored sets are other draws than the one to develop with."""
    for name in SETS:
        drawn = attacks_of(name)
        assert len({one.kind for one in drawn}) >= 30
        assert {one.loudness for one in drawn} == {"stealthy", "loud"}
    ids = [{one.id for one in attacks_of(name)} for name in SETS]
    assert not ids[0] & ids[1] | ids[0] & ids[2] | ids[1] & ids[2]


def test_the_benign_days_are_described(capsys: pytest.CaptureFixture[str]):
    """With the rates that they are made with."""
    assert main(["--describe"]) == 0
    assert capsys.readouterr().out.splitlines() == list(described())


def test_the_bench_prints_one_json_object(capsys: pytest.CaptureFixture[str]):
    """The goals beside what was reached."""
    main(["--nodes", "16", "--hours", "0.1", "--workers", "1", "--kinds", "firmware_replaced", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["targets"] == {"recall": 0.95, "false_a_day": 1.0}
    assert {"recall", "false_a_day_most", "groups", "faults", "events_a_second"} <= set(said)
