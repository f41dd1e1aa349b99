"""Events as columns: types, codes, nulls, and what a hostile batch may cost."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch.batch import MORE, MOST_COLUMNS, Batch, fitting, of_events
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.columns import HEADER
from ringfence.wire.ocsf.event import Event, Value
from tests.watch.events import event


def _coded(*texts: str | None) -> Batch:
    return Batch(pa.RecordBatch.from_arrays([pa.array(texts, pa.string()).dictionary_encode()], ["user.name"]))


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("user.name", "eve", ("user.name", "eve")),
        ("user.name", 7, ("user.name", "7")),
        ("process.pid", 7, ("process.pid", 7)),
        ("process.pid", 7.9, ("process.pid", 7)),
        ("process.pid", "7", ("unmapped.process.pid", "7")),
        ("process.pid", True, ("unmapped.process.pid", "True")),
        ("process.pid", 2**63, ("unmapped.process.pid", str(2**63))),
        ("process.pid", float("nan"), ("unmapped.process.pid", "nan")),
        ("gpu.power", 3, ("gpu.power", 3.0)),
        ("gpu.power", "much", ("unmapped.gpu.power", "much")),
        ("unmapped.colour", 3, ("unmapped.colour", "3")),
    ],
)
def test_a_value_fits_its_column_or_stands_beside_it_as_text(name: str, value: Any, kept: tuple[str, Any]):
    """Nothing is lost for being of another type."""
    assert fitting(name, value) == kept


def test_texts_are_read_by_code_however_the_column_is_stored():
    """Plain or with a dictionary; null is -1 and reads as nothing."""
    for found in (_coded("a", None, "b", "a"), _coded("a", None, "b", "a").having("x", pa.nulls(4, pa.string()))):
        codes = found.codes("user.name")
        assert [codes.of(row) for row in range(4)] == ["a", "", "b", "a"]
        assert codes.listed(np.array([3, 1])) == ["a", ""]
        assert codes.codes[1] == -1
        assert codes.codes[0] == codes.codes[3]


def test_a_slice_has_only_the_values_of_its_own_rows():
    """The dictionary of the whole may be long."""
    whole = _coded(*(str(at) for at in range(100)), None)
    part = Batch(whole.record.slice(98, 3)).codes("user.name")
    assert sorted(part.values) == ["98", "99"]
    assert part.listed(np.arange(3)) == ["98", "99", ""]


def test_numbers_have_what_is_asked_for_where_they_are_null():
    """Whole or real, by the column."""
    found = of_events([event(classes.GPU, 1, 0, gpu__power=3), event(classes.GPU, 1, 1, process__pid=4)])
    assert found.numbers("gpu.power").tolist() == [3.0, 0.0]
    assert found.numbers("gpu.power", -1.0).tolist() == [3.0, -1.0]
    assert found.numbers("process.pid").tolist() == [0, 4]
    assert found.numbers("gpu.power").dtype == np.float64
    assert found.numbers("process.pid").dtype == np.int64


def test_a_column_that_is_lacking_is_null_in_all_rows():
    """As a batch of other sensors has none of it."""
    found = of_events([event(classes.GPU, 1, 0)])
    assert found.array("file.path") is None
    assert found.text("file.path", 0) == ""
    assert found.numbers("file.bytes").tolist() == [0]
    assert found.value("file.path", 0) is None


@given(st.lists(st.sampled_from([classes.GPU, classes.FILE, classes.JOB, 0, -5, 2**40]), max_size=30))
@settings(max_examples=50, deadline=None)
def test_rows_are_found_by_class_in_their_order(uids: list[int]):
    """Whatever numbers are sent as classes."""
    found = of_events([event(uid, 1, at) for at, uid in enumerate(uids)])
    assert found.present == frozenset(uids)
    for those in ((classes.GPU,), (classes.FILE, -5), (0, classes.JOB, 2**40)):
        assert found.rows(*those).tolist() == [at for at, uid in enumerate(uids) if uid in those]


def test_another_column_in_place_of_one_is_read_anew():
    """What was read of the others stays."""
    found = of_events([event(classes.FILE, 2, 0, user__name="a", file__data="x")])
    assert (found.text("file.data", 0), found.text("user.name", 0)) == ("x", "a")
    other = found.having("file.data", pa.array(["y"]))
    assert (other.text("file.data", 0), other.text("user.name", 0)) == ("y", "a")
    assert other.rows(classes.FILE).tolist() == [0]
    assert found.text("file.data", 0) == "x"


def test_names_without_end_become_one_column_and_nothing_is_lost():
    """Rows times names would be the cost otherwise."""
    events = [
        event(classes.FILE, 2, at, user__name="eve", **{f"unmapped__{at}_{number}": "v" for number in range(600)})
        for at in range(8)
    ]
    found = of_events(events)
    assert len(found.names) == MOST_COLUMNS + 1
    kept = {}
    for row in range(8):
        said: dict[str, Value] = {name: found.value(name, row) for name in found.names if name not in HEADER}
        kept = {name: value for name, value in said.items() if value is not None and name != MORE}
        if text := found.text(MORE, row):
            kept |= msgspec.json.decode(text)
        assert kept == events[row].fields
    assert found.text("user.name", 7) == "eve"


def test_who_names_that_column_himself_is_kept_too():
    """As one of its names."""
    found = of_events([Event(classes.FILE, 2, 1, "h", "", {MORE: '{"user.name":"root"}'})])
    assert msgspec.json.decode(found.text(MORE, 0)) == {MORE: '{"user.name":"root"}'}
