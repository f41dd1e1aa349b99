"""Each line tells one thing, is the same when it is told again, and fits the journal whatever stands in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.respond import evidence
from ringfence.respond.values import Cut, action_id
from ringfence.store.journal import lines
from tests.respond import evidence_story


def test_all_that_a_containment_does_is_a_line_of_its_incident():
    """Every line is the journal's, names its incident, and has an event id that no other has."""
    story = evidence_story.story()
    assert all(lines.decode(lines.encode(one)) == one for one in story)
    assert {found for one in story for found in evidence.incident_of(one)} == {"RF-0123456789ab"}
    assert len({one.detail[evidence.EVENT] for one in story}) == len(story)
    assert [one.what for one in story[:3]] == ["respond.signal", "respond.signal", "respond.plan"]


def test_the_same_thing_told_later_is_the_same_event():
    """The time of writing is no part of what happened."""
    once, again = evidence_story.story(), evidence_story.story(seconds=50)
    fixed = [at for at, one in enumerate(once) if one.what != evidence.PAGE]
    assert [once[at].detail["event"] for at in fixed] == [again[at].detail["event"] for at in fixed]


def test_a_second_order_a_second_approval_and_a_second_undo_are_other_events():
    """What is done twice on purpose stands twice."""
    cut = Cut("block", "host:a", "10.0.0.9")
    for first, second in (
        (
            evidence.commanded("contain", "host:a", "x", 1.0, (), 1),
            evidence.commanded("contain", "host:a", "x", 2.0, (), 2),
        ),
        (evidence.approved("RF-1", cut, "identity:a", 1.0), evidence.approved("RF-1", cut, "identity:b", 1.0)),
        (evidence.undone("RF-1", cut, 1.0), evidence.undone("RF-1", cut, 1.0, attempt=1)),
        (evidence.stopped("identity:a", 1.0), evidence.stopped("identity:a", 2.0)),
    ):
        assert first.detail["event"] != second.detail["event"]


def test_a_line_about_a_cut_names_its_action():
    """The id is the one that the queue has."""
    cut = Cut("cancel", "cluster:lab", "41")
    found = evidence.undone("RF-1", cut, 1.0)
    assert found.detail["action"] == action_id("RF-1", cut)
    assert evidence.cut_of(found) == cut
    assert found.detail["stays"] == "a cancelled job stays cancelled; it can be submitted again"
    assert evidence.cut_of(evidence.stopped("identity:a", 1.0)) is None


def test_an_order_tells_the_digest_of_its_document_and_the_read_back_whether_it_holds():
    """The document itself stays where it is; "" is the document of nothing."""
    ordered = evidence.commanded("contain", "host:a", "{}", 1.0, ["RF-2", "RF-1"], 1)
    assert ordered.detail["document"] == evidence.digest("{}")
    assert evidence.incident_of(ordered) == ("RF-1", "RF-2")
    assert evidence.read_back("contain", "host:a", "{}", "{}", 1.0, (), 1).detail["holds"]
    assert not evidence.read_back("contain", "host:a", "{}", "", 1.0, (), 1).detail["holds"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(st.lists(TEXTS, max_size=40), st.integers(1, 800))
@settings(max_examples=50, deadline=None)
def test_a_line_fits_the_journal_however_much_it_tells(texts, times):
    """What is cut is told by its digest."""
    found = evidence.line("respond.signal", "host:a", 1.0, ("k",), {"incident": "RF-1", "all": texts * times})
    data = lines.encode(found)
    assert len(data) <= evidence.LONGEST
    if list(found.detail.get("all", ())) != texts * times:
        assert len(found.detail[evidence.WHOLE]) == 64


@pytest.mark.parametrize("text", ["\x00" * 9000, "\U0001f4a5" * 9000, '"' * 9000])
def test_a_text_that_grows_when_it_is_written_fits_too(text):
    """Escapes make six bytes of one."""
    detail = {str(at): [text] * 40 for at in range(20)}
    assert len(lines.encode(evidence.line("respond.plan", "RF-1", 1.0, (), detail))) <= evidence.LONGEST
