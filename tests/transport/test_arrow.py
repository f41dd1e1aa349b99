"""Record batches as bytes."""

import hashlib
import random
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.transport.arrow import joined, packed, split, unpacked

RECORD = pa.RecordBatch.from_pydict({"time": [1, 2, 3], "name": ["a", None, "a"]})


def test_a_batch_comes_back_as_it_was():
    """Coded columns too."""
    coded = pa.RecordBatch.from_arrays([RECORD["time"], RECORD["name"].dictionary_encode()], ["time", "name"])
    assert unpacked(packed(RECORD)).equals(RECORD)
    assert unpacked(packed(coded)).equals(coded)


def test_batches_of_different_columns_become_one():
    """What one lacks is null there; coded and plain text fit together."""
    coded = pa.RecordBatch.from_arrays([pa.array(["b"]).dictionary_encode(), pa.array([1.5])], ["name", "power"])
    whole = joined([RECORD, coded])
    assert whole.to_pydict() == {
        "time": [1, 2, 3, None],
        "name": ["a", None, "a", "b"],
        "power": [None, None, None, 1.5],
    }


def test_a_large_batch_is_split_and_a_large_row_is_refused():
    """Every part is within the bound, in order."""
    parts = list(split(pa.RecordBatch.from_pydict({"at": list(range(4000))}), 9000))
    assert all(len(body) <= 9000 for _, body in parts)
    assert [one for record, _ in parts for one in record["at"].to_pylist()] == list(range(4000))
    long = random.Random(1).randbytes(4000).hex()
    with pytest.raises(InputError, match="an event of"):
        list(split(pa.RecordBatch.from_pydict({"text": [long]}), 2000))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_an_input_error_or_a_batch(data):
    """Never a crash: every byte may be another."""
    body = bytearray(packed(RECORD))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    with suppress(InputError):
        assert isinstance(unpacked(bytes(body[:cut])), pa.RecordBatch)


def test_parts_of_coded_columns_leave_the_texts_of_other_rows_behind():
    """Or a batch with many texts could not be made small enough."""
    texts = [hashlib.sha256(str(at).encode()).hexdigest() * 4 for at in range(400)]
    record = pa.RecordBatch.from_arrays([pa.array(texts).dictionary_encode()], ["text"])
    parts = list(split(record, 20_000))
    assert all(len(payload) <= 20_000 for _, payload in parts)
    assert [one for _, payload in parts for one in unpacked(payload).column(0).to_pylist()] == texts
