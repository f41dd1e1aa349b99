"""The endpoints bench in small: nothing is lost, every attack is found, and the object says what it should."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench.endpoints_batches import JOBS, prepare, read, stamped

from bench import endpoints
from ringfence.watch.loss import Loss, take


def test_rounds_go_on_in_numbers_and_time(tmp_path: Path):
    """No round is a repeat of the one before, and none leaves a gap."""
    prepared = prepare(tmp_path, 48, 1, 1, 1, 53.0)
    files = sorted((tmp_path / "0").glob("*.arrow"))
    assert len(files) == prepared.batches
    assert sum(read(file).num_rows for file in files) == prepared.events
    assert read(tmp_path / JOBS).num_rows
    loss = Loss()
    for turn in range(3):
        for file in files:
            now = 1_800_000_000_000_000 + turn * 10_000_000
            batch = stamped(read(file), turn, now, 53.0)
            assert take(loss, batch) == (None, [])
            assert batch.times.max() <= now
            assert np.all(batch.numbers("received") == now)


def test_the_bench_prints_one_json_object_and_loses_nothing(capsys: pytest.CaptureFixture[str]):
    """Small clusters are no measure of the figures."""
    given = ["--nodes", "48", "--minutes", "1", "--seconds", "4", "--workers", "1", "--json"]
    assert endpoints.main(given) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["highest"]["events"] == said["highest"]["events_processed"] > 0
    assert said["highest"]["lost"] == said["half"]["lost"] == 0
    assert said["highest"]["faults"] == said["half"]["faults"] == {}
    assert {one["missed"] for one in said["event_to_incident"].values()} == {0}
    assert set(said["figures"]) == set(endpoints.GOALS)
    assert said["wanted"]["cores"] > 0
