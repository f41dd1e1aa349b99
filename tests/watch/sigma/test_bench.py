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
