"""The queue of containment: asked twice is one row, a plan is queued whole, and nothing begun is forgotten."""

import msgspec
import pytest

from ringfence.errors import StateError
from ringfence.respond import values
from ringfence.store import actions
from ringfence.store.actions import Action, Mark, Waiting
from ringfence.store.state import Database

NOW = 1000.0
LANE = ("contain", "host:a")


@pytest.fixture
def database(tmp_path):
    with Database.open(tmp_path / "state.sqlite") as opened:
        yield opened


def action(id, **more):
    said = {"incident": "one", "verb": "block", "target": "contain", "place": "host:a", "subject": "10.0.0.1"}
    return Action(id=id, **(said | more))


def done(database, *ids):
    actions.claim(database, [LANE], NOW)
    actions.mark(database, [Mark(one, actions.DONE, (actions.DOING,), took=1.0) for one in ids], NOW)


def test_the_states_are_those_that_respond_names():
    """The queue knows them as plain words."""
    named = (values.HELD, values.PLANNED, values.DOING, values.DONE, values.FAILED, values.UNDOING, values.UNDONE)
    assert (*named, values.LAPSED) == actions.STATES


def test_the_same_cut_twice_is_one_row(database):
    """Also once it is done: then it stays done."""
    actions.submit(database, [action("a")], NOW)
    done(database, "a")
    (again,) = actions.submit(database, [action("a")], NOW + 1)
    assert (again.state, again.planned_at, actions.counted(database)) == (actions.DONE, NOW, {"done": 1})


def test_a_plan_is_queued_whole_or_not_at_all(database):
    """One that cannot be: none is."""
    with pytest.raises(StateError, match="begins as"):
        actions.submit(database, [action("a"), action("b", state=actions.DONE)], NOW)
    assert actions.counted(database) == {}


def test_what_is_held_waits_until_it_is_released(database):
    """By a person, or because the guard now says that it may be done."""
    held = [action(one, state=actions.HELD, lasts=300, until=1300) for one in "abc"]
    actions.submit(database, held, NOW)
    assert actions.waiting(database, NOW) == []
    assert actions.release(database, ["a", "unknown"], NOW + 500) == 1
    assert actions.refuse(database, ["b"], "a person said no", NOW) == 1
    actions.submit(database, [msgspec.structs.replace(held[2], state=actions.PLANNED, until=1400)], NOW)
    assert {one.id: (one.state, one.until) for one in actions.listed(database)} == {
        "a": (actions.PLANNED, 1800), "b": (actions.UNDONE, 1300), "c": (actions.PLANNED, 1300),
    }  # fmt: skip


def test_what_was_taken_back_is_done_again_only_when_that_is_asked(database):
    """A plan that is made anew does not fight with a person."""
    actions.submit(database, [action("a")], NOW)
    assert actions.take_back(database, ["a"], "", NOW) == 1
    assert actions.submit(database, [action("a")], NOW)[0].state == actions.UNDONE
    assert actions.submit(database, [action("a")], NOW, again=True)[0].state == actions.PLANNED


def test_a_claim_takes_all_that_is_pending_in_a_lane(database):
    """What failed is tried again; what was begun goes on with the same count of tries."""
    actions.submit(database, [action("a"), action("b"), action("c", place="host:b")], NOW)
    (mine,) = actions.claim(database, [LANE], NOW)
    assert [(one.id, one.state, one.tries) for one in mine] == [("a", "doing", 1), ("b", "doing", 1)]
    actions.mark(database, [Mark("a", actions.FAILED, (actions.DOING,), "no answer")], NOW)
    (mine,) = actions.claim(database, [LANE], NOW)
    assert [(one.id, one.tries) for one in mine] == [("a", 2), ("b", 1)]


def test_a_mark_does_not_overrule_who_took_it_back_meanwhile(database):
    """The worker comes too late, and sees that at its next claim."""
    actions.submit(database, [action("a")], NOW)
    actions.claim(database, [LANE], NOW)
    actions.take_back(database, ["a"], "", NOW)
    assert actions.mark(database, [Mark("a", actions.DONE, (actions.DOING,))], NOW) == 0
    assert actions.listed(database)[0].state == actions.UNDOING


def test_waiting_lanes_say_which_rank_comes_first(database):
    """Of what was not tried, what is being tried, and what is taken back; with the stop, what was not begun waits."""
    actions.submit(database, [action("a", rank=4), action("b", rank=2), action("c", rank=5)], NOW)
    assert actions.waiting(database, NOW) == [Waiting(*LANE, first=2, fresh=True)]
    assert actions.waiting(database, NOW, begin=False) == []
    done(database, "a", "b", "c")
    assert actions.waiting(database, NOW) == []
    actions.take_back(database, ["a", "c"], "", NOW)
    assert actions.waiting(database, NOW, begin=False) == [Waiting(*LANE, undo=5, fresh=True)]


def test_a_renewal_makes_a_lane_wait_until_it_is_read_back(database):
    """Only what lapses by itself is renewed, and what has lapsed begins anew while its incident is open."""
    rows = [action("a", lasts=300, until=1300), action("b"), action("c", lasts=300, until=1300, incident="two")]
    actions.submit(database, rows, NOW)
    actions.claim(database, [LANE], NOW)
    actions.mark(database, [Mark(one, "done", ("doing",), stands=1300 * (one != "b")) for one in "abc"], NOW)
    assert actions.waiting(database, NOW) == []
    assert actions.renew(database, ["one"], 300, NOW + 100) == 1
    assert [one.lane for one in actions.waiting(database, NOW + 100)] == [LANE]
    actions.mark(database, [Mark("c", actions.LAPSED, (actions.DONE,))], NOW)
    actions.renew(database, ["two"], 300, NOW + 100)
    assert {one.id: (one.state, one.until) for one in actions.listed(database)} == {
        "a": ("done", 1400), "b": ("done", 0), "c": ("planned", 1400),
    }  # fmt: skip


def test_what_was_there_before_is_kept_once_and_forgotten_when_nothing_of_ours_is_left(database):
    """A second look may see half of ours, and must not pass for what was before."""
    actions.submit(database, [action("a")], NOW)
    actions.claim(database, [LANE], NOW)
    actions.keep_before(database, [(LANE, b"theirs")], NOW)
    actions.keep_before(database, [(LANE, b"half ours")], NOW)
    assert actions.before(database, LANE) == b"theirs"
    assert actions.forget_before(database, [LANE]) == []
    actions.take_back(database, ["a"], "", NOW)
    actions.mark(database, [Mark("a", actions.UNDONE, (actions.UNDOING,))], NOW)
    assert actions.forget_before(database, [LANE]) == [LANE]
    assert actions.before(database, LANE) is None


def test_seconds_are_told_once_there_are_enough(database):
    """What 99 of 100 stayed below, of the last thousand."""
    actions.submit(database, [action(f"{at:04}") for at in range(100)], NOW)
    actions.claim(database, [LANE], NOW)
    assert actions.measured(database) == {}
    marks = [Mark(f"{at:04}", "done", ("doing",), took=float(at)) for at in range(100)]
    actions.mark(database, marks, NOW)
    assert actions.measured(database) == {"contain": 98.0}


def test_what_ended_is_dropped_once_evidence_says_so(database):
    """And not before."""
    actions.submit(database, [action("a"), action("b")], NOW)
    actions.take_back(database, ["a"], "", NOW)
    assert actions.forget(database, NOW + 1) == 0
    assert [one.id for one in actions.untold(database)] == ["a"]
    actions.tell(database, {"a": actions.UNDONE})
    assert actions.forget(database, NOW + 1) == 1
    assert actions.counted(database) == {"planned": 1}
