"""The loop of the guard: what waits, what is looked at again, what comes of an incident that a person judged."""

import threading
import time
from pathlib import Path

import pytest

from ringfence.app.guard import approve, commands, switch
from ringfence.app.guard.inbox import Inbox
from ringfence.app.guard.run import Guard
from ringfence.app.guard.spoken import Spoken
from ringfence.app.watch import incidents
from ringfence.errors import StateError
from ringfence.store import actions
from ringfence.watch.values import Incident
from tests.app.guard.parts import Site, leak
from tests.live.netns import settled

# the inbox


def test_of_each_incident_the_latest_version_is_looked_at_once_the_first_come_first():
    inbox = Inbox()
    for one in (leak("RF-a"), leak("RF-b"), leak("RF-a", version=3), leak("RF-a", version=2)):
        inbox.put(one)
    assert [(one.id, one.version) for one in (inbox.take(0), inbox.take(0))] == [("RF-a", 3), ("RF-b", 1)]
    assert inbox.take(0.01) is None


def test_what_is_to_be_looked_at_again_keeps_nobody_waiting_and_comes_once():
    """Not at all where it was looked at meanwhile."""
    inbox = Inbox()
    for _ in range(3):
        inbox.again(leak("RF-a"), 0.05)
    inbox.put(leak("RF-b"))
    assert inbox.take(1).id == "RF-b"
    assert inbox.take(1).id == "RF-a"
    assert inbox.take(0.1) is None
    inbox.again(leak("RF-a"), 0.05)
    inbox.put(leak("RF-a", version=2))
    assert inbox.take(1).version == 2
    assert inbox.take(0.1) is None


def test_whoever_waits_can_be_woken():
    inbox = Inbox()
    threading.Timer(0.05, inbox.wake).start()
    began = time.monotonic()
    assert inbox.take(30) is None
    assert time.monotonic() - began < 20


# the loop


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_a_stop_held_is_done_after_the_resume_without_anybody_asking(site):
    with site.acting() as (_guard, inbox, _):
        switch.stop(site.folder, "alice", "a drill")
        inbox.put(leak("RF-a"))
        assert settled(lambda: site.states() == {"RF-a": actions.HELD})
        switch.resume(site.folder, "alice")
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})
    assert site.fake.applies


def test_what_was_approved_during_a_stop_is_done_after_the_resume_though_the_guard_held_it_for_a_person(site):
    """Nothing new of the incident comes: the word itself and the end of the stop have it looked at."""
    site.settings('protected = ["host:*"]\n')
    incidents.keep(site.where.home, [leak("RF-a")], {})
    with site.acting() as (guard, _, _):
        assert settled(lambda: site.states() == {"RF-a": actions.HELD})
        switch.stop(site.folder, "alice", "a drill")
        approved(guard, leak("RF-a"))
        switch.resume(site.folder, "alice")
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})


def test_a_word_alone_has_the_guard_look_again_also_after_an_undo(site):
    incidents.keep(site.where.home, [leak("RF-a")], {})
    with site.acting() as (guard, _, _):
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})
        commands.taken_back(site.where, None, "RF-a")
        assert settled(lambda: site.states() == {"RF-a": actions.UNDONE})
        approved(guard, leak("RF-a"))
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})


def approved(guard: Guard, one: Incident) -> None:
    """A person approves all that its plan holds, from another process."""
    cuts = [it.cut for it in guard.responder.think(one).decisions]
    approve.approve(guard.room.folder, one.id, cuts, 1001, "bob")


def test_what_people_said_names_whom_it_is_about_and_a_stop_is_about_each(tmp_path):
    approve.undone(tmp_path, "RF-old", 1, "alice")
    spoken = Spoken(tmp_path)
    assert spoken.news() == ()
    approve.undone(tmp_path, "RF-a", 1, "alice")
    assert spoken.news() == {"RF-a"}
    switch.stop(tmp_path, "alice", "")
    assert spoken.news() is None
    approve.released(tmp_path, "host:gpu01", [], 1, "alice")
    assert spoken.news() is None
    (tmp_path / "words" / "said.json").write_text("{")
    assert spoken.news() is None
    assert spoken.news() == ()


def test_what_is_dismissed_is_taken_back_also_where_the_guard_was_away(site):
    incidents.keep(site.where.home, [leak("RF-a")], {})
    with site.acting():
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})
    incidents.judge(site.where.home, "RF-a", "benign", "a drill")
    with site.acting() as (_, _, said):
        assert settled(lambda: site.states() == {"RF-a": actions.UNDONE})
        assert "RF-a was dismissed: its cuts are taken back" in said
    assert site.fake.there == ""
    with site.acting() as (_, _, said):
        assert not [one for one in said if "dismissed" in one]


def test_one_incident_that_cannot_be_answered_keeps_no_other_waiting_and_is_told_once(site):
    """Its version of the body is none that a journal takes: a fault, and not of the next one."""
    broken = leak("RF-broken", severity="no number")
    with site.acting() as (_, inbox, said):
        inbox.put(broken)
        inbox.put(leak("RF-a"))
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})
        assert settled(lambda: any("RF-broken" in one for one in said))
        time.sleep(1.2)
        assert len([one for one in said if "RF-broken" in one]) == 1


def test_in_shadow_mode_nothing_is_queued_and_the_decision_is_in_the_journal(site):
    with site.acting(apply=False) as (_guard, inbox, _said):
        inbox.put(leak("RF-a"))
        assert settled(lambda: bool(site.answers))
    assert [one.verdict for one in site.answers[0].decisions] == ["shadow"]
    assert site.states() == {}
    assert "respond.decision" in site.told()


def test_settings_that_do_without_shadow_act_without_being_asked_to(site):
    site.settings("shadow = false\n")
    with site.acting(apply=False) as (_, inbox, _):
        inbox.put(leak("RF-a"))
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})


def test_a_guard_that_says_the_same_again_writes_it_once(site):
    with site.acting() as (guard, _, _):
        guard.responder.take(leak("RF-a"))
        assert settled(lambda: site.states() == {"RF-a": actions.DONE})
        guard.responder.take(leak("RF-a", version=2))
        before = len(site.told())
        assert not guard.responder.take(leak("RF-a", version=3)).news
        assert len(site.told()) == before


def test_a_stop_is_said_to_be_one_although_the_journal_cannot_have_it(site):
    commands.stopped(site.where, "a drill")
    (site.folder / "journal").rename(site.folder / "away")
    (site.folder / "journal").write_text("no folder")
    with pytest.raises(StateError, match="it IS stopped, but"):
        commands.stopped(site.where, "another")
    assert switch.stopped(site.folder).endswith("another")
