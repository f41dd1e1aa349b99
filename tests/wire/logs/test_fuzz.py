"""No reader raises, whatever it is fed, and none takes more than linear time."""

import random
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import Problem
from ringfence.wire.logs import FORMS, Following, form_named, read, read_as, recognise
from ringfence.wire.logs.frames import Frames
from ringfence.wire.ocsf.event import Event
from tests.wire.logs.samples import OBJECTS, SAMPLES
from tests.wire.test_linear import FILLERS, filled

FOLLOWED = [form for form in FORMS if form.reader is not None]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def only_events_and_problems(found: object) -> None:
    assert all(isinstance(one, (Event, Problem)) for one in found)


@pytest.mark.parametrize("form", FOLLOWED, ids=lambda form: form.name)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=30, deadline=None)
def test_a_reader_takes_any_bytes(form, data):
    """Events or problems, nothing else."""
    only_events_and_problems(read_as(form, "x", data))


@pytest.mark.parametrize(("name", "data"), SAMPLES)
@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=25, deadline=None)
def test_a_damaged_sample_is_read_or_told(name, data, seed):
    """Bytes flipped, dropped and doubled."""
    draw = random.Random(seed)
    broken = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(broken))
        what = draw.randrange(3)
        if what == 0:
            broken[at] = draw.randrange(256)
        elif what == 1:
            del broken[at : at + draw.randint(1, 9)]
        else:
            broken[at:at] = broken[at : at + draw.randint(1, 40)]
        broken = broken or bytearray(b"x")
    only_events_and_problems(read_as(form_named(name), "x", bytes(broken)))
    only_events_and_problems(read("x", bytes(broken)))


@pytest.mark.parametrize("name", OBJECTS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_values_of_any_kind_may_stand_anywhere(name, data):
    """A sample in which some value, at any depth, is of another kind."""
    record = msgspec.json.decode(msgspec.json.encode(OBJECTS[name]))
    inner = record
    while isinstance(inner, dict) and inner:
        key = data.draw(st.sampled_from(sorted(inner)))
        if data.draw(st.booleans()) or not isinstance(inner[key], dict):
            inner[key] = data.draw(JSON)
            break
        inner = inner[key]
    only_events_and_problems(read_as(form_named(name), "x", msgspec.json.encode(record)))


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_frames_give_the_same_however_the_bytes_come(data, cuts):
    """And never more than they may hold."""
    whole, pieces = Frames(40), Frames(40)
    expected = [*whole.feed(data), *whole.end()]
    found, at = [], 0
    while at < len(data):
        size = cuts[len(found) % len(cuts)]
        found += pieces.feed(data[at : at + size])
        at += size
    found += pieces.end()
    assert found == expected
    assert all(len(one) <= 41 or at == len(expected) - 1 for at, one in enumerate(found))


@pytest.mark.parametrize("form", FOLLOWED, ids=lambda form: form.name)
def test_a_reader_is_linear_in_every_filler(form):
    """A line of 64 KiB of one thing, behind the form's own beginning and alone."""
    start = next((data for name, data in SAMPLES if name == form.name), b"")[:60].replace(b"\n", b" ")
    begun = time.process_time()
    for unit in FILLERS:
        for before in (b"", start):
            following = Following(form, "x")
            only_events_and_problems(following.record(before + filled(unit, 65536)))
            only_events_and_problems(following.end())
    assert time.process_time() - begun < 20


def test_recognition_is_linear_in_every_filler():
    """Heads of 64 KiB."""
    begun = time.process_time()
    for unit in FILLERS:
        recognise(filled(unit, 65536))
        recognise(b"{" + filled(unit, 65536))
    assert time.process_time() - begun < 10
