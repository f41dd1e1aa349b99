"""What people said of cuts: kept in order, each once, of the very cuts that were shown."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from ringfence.app.guard import approve
from ringfence.errors import StateError, UsageError
from ringfence.respond.spent import Word
from ringfence.respond.values import Cut, action_id

CUTS = (Cut("drain", "cluster:lab", "gpu01"), Cut("isolate", "host:gpu01", "x"))


def test_an_approval_is_of_the_very_cuts_that_were_shown(tmp_path):
    """By the ids of their actions."""
    said = approve.approve(tmp_path, "RF-1", CUTS, os.getuid(), "alice", "seen")
    assert set(said.cuts) == {action_id("RF-1", one) for one in CUTS}
    assert approve.words(tmp_path) == (said,)
    with pytest.raises(UsageError, match="waits for a person"):
        approve.approve(tmp_path, "RF-1", (), 0, "alice")


def test_the_same_word_twice_is_one_and_the_order_is_kept(tmp_path):
    """Two people are two words."""
    for uid in (1, 1, 2):
        approve.approve(tmp_path, "RF-1", CUTS, uid, f"u{uid}")
    approve.undone(tmp_path, "RF-1", 1, "u1", "it was us")
    approve.approve(tmp_path, "RF-1", CUTS, 1, "u1")
    approve.released(tmp_path, "host:gpu01", ["ab"], 2, "u2")
    approve.judged(tmp_path, "RF-1", "benign", 2, "u2")
    said = [(one.what, one.uid) for one in approve.words(tmp_path)]
    assert said == [("approve", 1), ("approve", 2), ("undo", 1), ("approve", 1), ("release", 2), ("benign", 2)]
    with pytest.raises(UsageError, match="no word"):
        approve.judged(tmp_path, "RF-1", "perhaps", 2, "u2")


def test_people_who_speak_at_once_are_all_heard(tmp_path):
    """One after the other."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda uid: approve.approve(tmp_path, "RF-1", CUTS, uid, str(uid)), range(24)))
    assert {one.uid for one in approve.words(tmp_path)} == set(range(24))


def test_a_damaged_file_is_an_error_and_not_an_empty_one(tmp_path):
    """Else an undo would be forgotten, and the host cut again."""
    approve.undone(tmp_path, "RF-1", 1, "alice")
    (tmp_path / "words" / "said.json").write_bytes(b"[{")
    with pytest.raises(StateError, match="damaged"):
        approve.words(tmp_path)
    with pytest.raises(StateError, match="damaged"):
        approve.undone(tmp_path, "RF-1", 1, "alice")


def test_words_of_incidents_long_over_can_be_dropped(tmp_path):
    """Those of open incidents stay, however old."""
    for about in ("RF-old", "RF-open"):
        approve.say(tmp_path, Word("undo", about, 10.0, 1, "alice"))
    approve.undone(tmp_path, "RF-new", 1, "alice")
    assert approve.forget(tmp_path, ["RF-open"], 100.0) == 1
    assert [one.about for one in approve.words(tmp_path)] == ["RF-open", "RF-new"]
