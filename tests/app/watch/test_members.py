"""Who shares the work, worked out by each for itself."""

from ringfence.app.watch.members import JOINT, NODE, Here, Members, owner

NAMES = [f"host{at}-4711-ab" for at in range(5)]


def test_a_slot_moves_only_to_one_that_came_or_from_one_that_left():
    """The others keep theirs, and each has a fair share."""
    before = {slot: owner(str(slot), NAMES) for slot in range(64)}
    after = {slot: owner(str(slot), NAMES[:-1]) for slot in range(64)}
    moved = {slot for slot in before if before[slot] != after[slot]}
    assert moved == {slot for slot in before if before[slot] == NAMES[-1]}
    assert all(4 <= list(before.values()).count(name) <= 26 for name in NAMES)


def test_whoever_is_silent_for_four_seconds_has_left():
    """Whoever says goodbye, at once."""
    members = Members(Here("a", (NODE, JOINT)))
    assert members.heard(Here("b", (NODE,)), 0.0)
    assert not members.heard(Here("b", (NODE,)), 1.0)
    assert [one.name for one in members.here(4.9)] == ["a", "b"]
    assert [one.name for one in members.here(5.1)] == ["a"]
    members.heard(Here("c", (NODE,)), 6.0)
    assert members.heard(Here("c", (NODE,), leaving=True), 6.1)
    assert [one.name for one in members.here(6.2)] == ["a"]


def test_roles_say_who_may_have_which_slot():
    """An intake has none; the joint stage is one process's."""
    worker, joint = Members(Here("w", (NODE,))), Members(Here("j", (JOINT,)))
    worker.heard(joint.me, 0.0)
    joint.heard(worker.me, 0.0)
    assert worker.mine(4, 1.0) == {"0", "1", "2", "3"}
    assert joint.mine(4, 1.0) == {"joint"}


def test_while_this_process_is_cut_off_nobody_elses_silence_counts():
    """It heard nothing because it could not."""
    members = Members(Here("a", (NODE,)))
    members.heard(Here("b", (NODE,)), 0.0)
    members.deaf(30.0)
    assert [one.name for one in members.here(33.0)] == ["a", "b"]
