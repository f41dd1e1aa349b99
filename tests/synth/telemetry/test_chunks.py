"""Generated telemetry: the same in every partition, in order, numbered, and at the rate that is said."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ringfence.synth import draw
from ringfence.synth.telemetry import BENIGN, World, chunks, world
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.columns import COLUMNS, HEADER


@pytest.fixture(scope="module")
def days() -> World:
    """A small cluster over a day."""
    return world(draw(32, 5), 5, 86400)


@pytest.fixture(scope="module")
def whole(days: World) -> list[pa.RecordBatch]:
    """Its second hour."""
    return list(chunks(days, BENIGN, 3600, 7200))


def _rows(batches: list[pa.RecordBatch], source: str = "") -> list[dict[str, Any]]:
    found = []
    for batch in batches:
        rows = [row for row in batch.to_pylist() if row["source"].startswith(source)]
        found += [{name: value for name, value in row.items() if value is not None} for row in rows]
    return found


def test_a_host_has_the_same_events_in_every_partition(days: World, whole: list[pa.RecordBatch]):
    """Whoever generates it with whom, a host's events are the same to the last number."""
    for host in ("gpu0001", "sched01", "mgmt01", "login01"):
        alone = list(chunks(days, BENIGN, 3600, 7200, hosts=[days.at[host]]))
        assert _rows(alone, f"host:{host}/") == _rows(whole, f"host:{host}/")


def test_a_partition_tells_of_no_other_host(days: World):
    """Every event has a source of the hosts that were asked for."""
    mine = [days.at["gpu0002"], days.at["gpu0003"]]
    found = {row["source"].partition("/")[0] for row in _rows(list(chunks(days, BENIGN, 0, 1200, hosts=mine)))}
    assert found == {"host:gpu0002", "host:gpu0003"}


def test_events_are_in_order_and_numbered_without_gaps_but_for_those_that_are_meant(days: World):
    """Numbers at a source go up by one, and time never goes back, where nothing was lost."""
    last: dict[str, int] = {}
    missing = 0
    for batch in chunks(days, BENIGN, 0, 7200):
        received = batch.column("received").to_numpy()
        assert len(received) == batch.num_rows
        for source, seq in zip(batch.column("source").to_pylist(), batch.column("seq").to_pylist(), strict=True):
            missing += seq - last.get(source, 0) - 1
            assert seq > last.get(source, 0)
            last[source] = seq
    assert missing == sum(gap.count for gap in days.happenings.gaps if gap.at < 7200)


def test_columns_are_those_of_the_vocabulary_with_their_types(whole: list[pa.RecordBatch]):
    """Text is coded, numbers are 64 bits, and no column is unknown."""
    kinds = {"int": pa.int64(), "real": pa.float64(), "text": pa.dictionary(pa.int32(), pa.string())}
    for batch in whole:
        for field in batch.schema:
            assert field.type == kinds[COLUMNS[field.name].type], field.name
        batch.validate(full=True)
        for name in HEADER:
            assert batch.column(name).null_count == 0


def test_a_text_column_holds_each_value_once(whole: list[pa.RecordBatch]):
    """Codes can be asked about instead of rows."""
    for batch in whole[:5]:
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if pa.types.is_dictionary(field.type):
                values = column.dictionary.to_pylist()
                assert len(values) == len(set(values)), field.name


def test_about_one_event_a_second_and_node(whole: list[pa.RecordBatch]):
    """Four fifths of them are samples of accelerators."""
    rate = sum(batch.num_rows for batch in whole) / 3600 / 32
    assert 0.6 < rate < 1.8
    uids = np.concatenate([batch.column("class_uid").to_numpy() for batch in whole])
    assert (uids == classes.GPU).mean() > 0.4


def test_the_ranks_of_a_gang_go_through_their_phases_together(days: World):
    """A training run's hosts save at the same time and are alike within a few percent while they step."""
    run = next(run for run in days.runs if run.kind == "train" and len(run.hosts) > 3 and run.end - run.start > 7200)
    start = (run.start + run.load) // 60 * 60 + 120
    batches = list(chunks(days, BENIGN, start, start + 120, hosts=run.hosts))
    rows = [row for row in _rows(batches) if row["class_uid"] == classes.GPU and row["activity_id"] == 1]
    power: dict[str, list[float]] = {}
    for row in rows:
        power.setdefault(row["device.hostname"], []).append(float(row["gpu.power"]))
    means = [float(np.mean(found)) for found in power.values()]
    assert len(means) == len(run.hosts)
    assert (max(means) - min(means)) / max(means) < 0.6


def test_jobs_hold_each_accelerator_one_at_a_time(days: World):
    """No two runs have the same accelerator at once."""
    for runs in days.by_host.values():
        held = [run for run in runs if run.kind != "cpu"]
        for at, one in enumerate(held):
            for other in held[at + 1 :]:
                apart = one.end <= other.start or other.end <= one.start
                assert apart or one.first + one.gpus <= other.first or other.first + other.gpus <= one.first
