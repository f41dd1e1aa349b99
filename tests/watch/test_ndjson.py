"""Agents' lines as a batch: the quick way and the slow way say the same, and nothing that a line says breaks either."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch import ndjson
from ringfence.watch.batch import type_of
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.line import line

ME, NOW = "host:gpu0001/processes", 1_800_000_000_000_000


def a_line(**more):
    """One event as an agent writes it."""
    fields = {"process.pid": 7, "process.name": "sh", "gpu.power": 1.5, "unmapped.x": "y"} | more
    return line(Event(1007, 1, NOW - 5, "gpu0001", "linux/process_creation/", fields))


def rows(data, first=5):
    """The rows, without columns that are null, and how many lines were none: the same in a long block as in a short."""
    batch, problems = ndjson.batch(data, ME, first, NOW)
    many = ndjson.batch(data + a_line() * ndjson.FEW, ME, first, NOW)[0] if data.endswith(b"\n") else batch
    assert batch.record.to_pylist() == [
        {name: row.get(name) for name in batch.names} for row in many.record.to_pylist()[: len(batch)]
    ]
    found = [{name: value for name, value in row.items() if value is not None} for row in batch.record.to_pylist()]
    return found, problems


def test_lines_become_rows_stamped_with_who_sent_them():
    """Types are those of the columns; a number for each line."""
    found, problems = rows(a_line() + a_line(**{"process.pid": 8}))
    assert problems == []
    assert found[0] == {
        "source": ME,
        "seq": 5,
        "time": NOW - 5,
        "received": NOW,
        "class_uid": 1007,
        "activity_id": 1,
        "device.hostname": "gpu0001",
        "logsource": "linux/process_creation/",
        "process.pid": 7,
        "process.name": "sh",
        "gpu.power": 1.5,
        "unmapped.x": "y",
    }
    assert (found[1]["seq"], found[1]["process.pid"]) == (6, 8)


def test_what_a_line_says_of_its_source_does_not_count():
    """Nor of its number, nor of when it was received, one way or the other."""
    forged = (
        b'{"source":"host:gpu0666/x","seq":99,"received":1,"class_uid":1,"activity_id":1,"time":2,"logsource":""}\n'
    )
    for data in (forged, forged + b"no json\n"):
        found, _ = rows(data)
        assert (found[0]["source"], found[0]["seq"], found[0]["received"]) == (ME, 5, NOW)
        assert found[0]["device.hostname"] == "gpu0001"


def test_a_bad_line_keeps_its_place_as_an_event_and_is_told():
    """The lines beside it count, and the numbers have no gap."""
    bad = (b"no json", b'{"time":', b"[1]", b"", b"\xff\xfe", b'{"a":' + b"[" * 100_000, b'"text"')
    found, problems = rows(a_line() + b"\n".join(bad) + b"\n" + a_line())
    assert [row["seq"] for row in found] == [*range(5, 5 + len(bad) + 2)]
    assert [row["class_uid"] for row in found] == [1007, *[99906002] * len(bad), 1007]
    assert {row["activity_id"] for row in found[1:-1]} == {6}
    assert [problem.line for problem in problems] == [*range(2, len(bad) + 2)]


def test_many_bad_lines_are_counted_and_not_all_listed():
    """A hundred, and the count of the rest."""
    _, problems = rows(b"x\n" * 1000)
    assert len(problems) == 101
    assert problems[-1].what.startswith("900 more")


def test_a_value_of_another_type_is_kept_as_text_beside_its_column():
    """As every other reader does."""
    found, problems = rows(a_line() + a_line(**{"process.pid": "seven"}))
    assert problems == []
    assert found[1]["unmapped.process.pid"] == "seven"
    assert "process.pid" not in found[1]


def test_columns_that_nobody_knows_stand_apart():
    """Under `unmapped.`, one way or the other, and without taking another's place."""
    strange = b'{"class_uid":1,"activity_id":1,"time":2,"logsource":"","novel":"a","unmapped.novel":"b"}\n'
    for data in (strange.replace(b',"unmapped.novel":"b"', b""), strange + b"x\n"):
        assert rows(data)[0][0]["unmapped.novel"] in ("a", "b")


def test_deep_nesting_cannot_reach_the_reader_that_calls_itself():
    """Arrow's parser overflows its stack some way down."""
    for depth in (200, 5000, 1_000_000):
        found, _ = rows(b'{"class_uid":1,"x":' + b"[" * depth + b"]" * depth + b"}\n")
        assert len(found) == 1


def test_nothing_is_no_rows():
    """And a last line without its end is a line."""
    assert rows(b"") == ([], [])
    assert len(rows(a_line()[:-1])[0]) == 1


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5))
ANY = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2))
NAMES = st.sampled_from(["time", "class_uid", "activity_id", "logsource", "device.hostname", "process.pid", "gpu.power",
                         "user.name", "source", "seq", "unmapped.a", "novel", "", "a b"])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(NAMES, ANY, max_size=5), min_size=1, max_size=4))
def test_whatever_lines_say_each_is_one_row_of_the_right_types(values):
    """Stamped, numbered, and equal however many stand beside it."""
    data = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    rows(data)
    record = ndjson.batch(data, ME, 5, NOW)[0].record
    assert record.num_rows == len(values)
    assert record.column("seq").to_pylist() == [*range(5, 5 + len(values))]
    assert set(record.column("source").to_pylist()) == {ME}
    assert all(record.column(name).type == type_of(name) for name in record.schema.names)
    assert all(record.column(name).null_count == 0 for name in ("time", "class_uid", "device.hostname", "logsource"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_bytes_of_any_kind_are_rows_too(pieces):
    """A line a row."""
    data = b"\n".join(pieces) + b"\n"
    assert ndjson.batch(data, ME, 1, NOW)[0].record.num_rows == data.count(b"\n")
