"""Every form is recognised by its content, in whatever dress a file has, and nothing else is."""

import msgspec
import pytest

from ringfence.errors import Problem
from ringfence.wire.logs import FORMS, form_named, read, recognise
from ringfence.wire.ocsf.classes import CLASSES
from ringfence.wire.ocsf.columns import COLUMNS, HEADER, UNMAPPED
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.names import NAMES
from tests.wire.logs.samples import OBJECTS, SAMPLES, lines


def events(data: bytes) -> list[Event]:
    found = list(read("x", data))
    assert [one for one in found if isinstance(one, Problem)] == []
    return found


@pytest.mark.parametrize(("name", "data"), SAMPLES)
def test_a_sample_is_recognised_as_what_it_is(name, data):
    """By its first bytes alone."""
    form = recognise(data)
    assert form is not None
    assert form.name == name


@pytest.mark.parametrize(("name", "data"), SAMPLES)
def test_a_sample_gives_events_with_columns_that_exist(name, data):
    """A known class, a column of the table or a name under `unmapped.`, and a log source of three parts."""
    for event in events(data):
        assert event.class_uid in CLASSES
        assert event.time > 1_700_000_000_000_000
        assert event.logsource.count("/") == 2
        assert all(column in COLUMNS or column.startswith(UNMAPPED) for column in event.fields)
        assert not set(event.fields) & set(HEADER)
        for column, value in event.fields.items():
            kind = {"int": int, "real": float}.get(COLUMNS[column].type if column in COLUMNS else "text", str)
            assert isinstance(value, kind), column


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_may_be_a_line_or_pretty_printed_or_one_of_an_array(name):
    """All four files give the same events."""
    record = OBJECTS[name]
    one = events(lines(record))
    assert events(msgspec.json.format(msgspec.json.encode(record), indent=2)) == one
    assert events(msgspec.json.format(msgspec.json.encode([record, record]), indent=2)) == one + one
    assert events(b"\xef\xbb\xbf" + lines([record])) == one


def test_what_is_no_log_is_told_so_and_an_empty_file_is_nothing():
    """Prose, binaries and other formats are nobody's."""
    for data in (
        b"hello world\nit is a fine day\n",
        b"\x7fELF\0\0",
        b"a,b,c\n1,2,3\n",
        b'{"a": 1}\n',
        b"[1, 2]",
        b"<x/>",
    ):
        (problem,) = read("x", data)
        assert isinstance(problem, Problem)
        assert recognise(data) is None
    assert list(read("x", b" \n")) == []


def test_a_damaged_first_line_does_not_hide_the_others():
    """The next lines tell the form as well."""
    for name, record in OBJECTS.items():
        found = list(read("x", b'{"cut": \n' + lines(record)))
        assert [type(one) for one in found][:2] == [Problem, Event], name


@pytest.mark.parametrize(("name", "data"), SAMPLES)
def test_garbage_above_a_log_is_a_problem_and_hides_nothing(name, data):
    """A line that is nothing, then the log; a document is no log below something else."""
    form = form_named(name)
    assert recognise(b"garbage line\n" * 3 + data) is (None if form.whole else form)
    if form.json and data.lstrip().startswith(b'{"'):
        found = list(read("x", b"garbage line\n" + data))
        assert isinstance(found[0], Problem)
        assert found[0].line == 1
        assert found[1:] == list(read("x", data))


def test_an_object_longer_than_the_head_is_recognised_by_its_names():
    """An audit event with a large object in it."""
    record = {**OBJECTS["kubernetes-audit"], "responseObject": {"data": "x" * 100_000}}
    assert recognise(lines(record)).name == "kubernetes-audit"


def test_names_of_forms_differ_and_are_found_by_name():
    """A name leads back to its form."""
    names = [form.name for form in FORMS]
    assert len(set(names)) == len(names)
    assert all(form_named(name).name == name for name in names)
    assert form_named("nothing") is None


def test_every_name_of_sigma_leads_to_a_column_of_a_class_that_exists():
    """The table of names is of use to rules only if the columns are there."""
    for uid, names in NAMES.items():
        assert uid in CLASSES
        assert set(names.values()) <= set(COLUMNS)
