"""The bench of rules runs, on a size too small to time."""

import json

import pytest

from bench import sigma as bench_sigma
from tests.shared_data import shared


@pytest.mark.long
def test_the_bench_of_rules_prints_one_json_object_and_the_hits_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """No time is asserted, and no peer installed."""
    sizes = ["--events", "4096", "--sample", "5", "--repeat", "1", "--peer-seconds", "0"]
    assert bench_sigma.main(["--data", str(shared("sigma")), *sizes, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["check"]["equal"] is True
    assert result["rules"]["on_every_event"] >= 1500


def test_a_small_run_is_not_held_up_by_what_it_is_compared_with() -> None:
    """The check goes by the number of events and the peer is left out, unless they are asked for."""
    assert bench_sigma._bounds(20_000, None, None) == (5, 0)
    assert bench_sigma._bounds(1_048_576, None, None) == (100, 20)
    assert bench_sigma._bounds(20_000, 200, 3.5) == (200, 3.5)


def test_help_says_what_takes_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    with pytest.raises(SystemExit):
        bench_sigma.main(["--help"])
    assert "What takes how long" in capsys.readouterr().out
