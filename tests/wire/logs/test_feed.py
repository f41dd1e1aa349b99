"""Whatever bytes come: what is an event is read, what is none is told with its line, nothing grows without bound."""

import pytest

from ringfence.errors import InputError, Problem
from ringfence.wire.logs import Following, Streams, evtx, form_named, read
from ringfence.wire.logs.feed import Lines
from ringfence.wire.logs.form import LONGEST_LINE
from ringfence.wire.logs.row import MORE, MOST_NAMES
from ringfence.wire.ocsf.event import Event
from tests.wire.logs.samples import AGENT, AUDITD, FALCO, OBJECTS, SAMPLES, SYSLOG, lines


def kinds(found: object) -> list[type]:
    return [type(one) for one in found]


@pytest.mark.parametrize(("name", "data"), SAMPLES)
def test_a_stream_gives_what_the_whole_file_gives(name, data):
    """However its bytes are cut."""
    whole = list(read(name, data))
    for size in (1, 7, 4096):
        following = Following(form_named(name), name)
        found = [one for at in range(0, len(data), size) for one in following.feed(data[at : at + size])]
        assert [*found, *following.end()] == whole


def test_a_line_that_is_too_long_is_told_and_the_next_is_read():
    """It is dropped as it comes, so that no more than one line is ever held."""
    good = lines(AGENT)
    long = b'{"class_uid": ' + b"1" * LONGEST_LINE + b"\n"
    found = list(read("x", good + long + good))
    assert kinds(found) == [Event, Problem, Event]
    assert (found[1].line, "dropped" in found[1].what) == (2, True)
    cut = Lines(10)
    assert list(cut.feed(b"a" * 50)) == [b"a" * 11]
    assert list(cut.feed(b"b" * 50)) == []
    assert list(cut.feed(b"c\nnext\n")) == [b"next"]


@pytest.mark.parametrize(("bad", "what"), [(b"\xff\xfe", "not UTF-8"), (b"\0", "NUL")])
def test_bytes_that_are_no_text_cannot_hide_a_line(bad, what):
    """The line is read with them replaced, and the problem told."""
    line = SYSLOG.encode().replace(b"alice", b"al" + bad + b"ice")
    _, problem, event = read("x", SYSLOG.encode() + line)
    assert what in problem.what
    assert problem.line == 2
    assert "Accepted publickey" in event.fields["message"]
    assert event.fields["user.name"].startswith("al\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("name", OBJECTS)
def test_a_nested_bomb_is_a_problem(name):
    """Thousands of levels, as objects, arrays, and within a sample's own names."""
    good = lines(OBJECTS[name])
    deep = good.rstrip()[:-1] + b', "a": ' + b'{"a": ' * 5000 + b"1" + b"}" * 5001 + b"\n"
    lists = good.rstrip()[:-1] + b', "a": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    found = list(read("x", good + deep + lists + good))
    assert Problem in kinds(found)
    assert kinds(found)[0] == kinds(found)[-1] == Event


@pytest.mark.parametrize("name", [name for name in OBJECTS if name != "otlp"])
def test_a_record_of_very_many_names_makes_few_columns(name):
    """What goes beyond is kept as JSON in one column."""
    more = {f"n{number}": number for number in range(5000)}
    record = OBJECTS[name]
    if name == "falco":
        record = {**FALCO, "output_fields": {**FALCO["output_fields"], **more}}
    elif name == "windows-json":
        record = {"Event": {**record["Event"], "EventData": {**record["Event"]["EventData"], **more}}}
    elif name == "tetragon":
        record = {**record, "process_kprobe": {**record["process_kprobe"], **more}}
    else:
        record = {**record, **more}
    (event,) = read("x", lines(record))
    assert len(event.fields) <= MOST_NAMES + 20
    assert '"n4999":"4999"' in event.fields[MORE]


def test_a_line_feed_in_a_field_makes_no_second_event():
    """Escaped in JSON, or within one message of a listener."""
    forged = "x\nJan  2 03:04:05 gpu0001 sshd[1]: Accepted password for root from 10.0.0.9 port 22 ssh2"
    (event,) = read("x", lines({**AGENT, "process.cmd_line": forged}))
    assert event.fields["process.cmd_line"] == forged
    found = list(
        Streams().take("syslog/10.0.0.7", form_named("syslog"), f"<13>Jan  2 03:04:05 h app: {forged}".encode())
    )
    ((source, event),) = found
    assert (source, event.fields["message"]) == ("syslog/10.0.0.7", forged)


def test_problems_are_shown_without_control_characters():
    """What a hostile line says of itself moves no cursor."""
    problems = [
        one for one in read("x", lines(AGENT) + b'{"class_uid": "\\u001b[2J", "time": 1}\n') if isinstance(one, Problem)
    ]
    assert problems
    assert all(character.isprintable() for one in problems for character in one.what)


def test_streams_are_kept_apart_and_their_number_is_bounded():
    """Of two senders' records with one serial, each has its own; the one silent longest is ended under its name."""
    streams, form = Streams(2), form_named("auditd")
    first = AUDITD.split("\n")[:2]
    found = [one for source in "abc" for line in first for one in streams.take(source, form, line.encode())]
    assert [source for source, _ in found] == ["a", "a"]
    rest = list(streams.end())
    assert [source for source, _ in rest] == ["b", "b", "c", "c"]
    assert kinds(one for _, one in (*found, *rest)) == [Event] * 6


def test_a_form_that_is_read_whole_cannot_be_followed():
    """Nor may it be given to a listener."""
    with pytest.raises(InputError, match="read as a whole"):
        Following(evtx.FORM, "x")
