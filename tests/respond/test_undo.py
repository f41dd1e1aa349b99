"""Taking back: each, an incident, or all, until what is there equals what was there before; what cannot is told."""

import pytest

from ringfence.errors import UsageError
from ringfence.respond.desired import Wanted, desired
from ringfence.respond.evidence import UNDO, VERIFY
from ringfence.respond.undo import stands, undo
from ringfence.respond.values import HOLD, Cut
from ringfence.store import actions
from tests.respond.acting import BLOCK, CLUSTER, ENDED, FABRIC, HOST, JOB, KEY, NODE, PLAN, PORT, USER, Site, do
from tests.respond.fakes import FakeEnforcer, LyingFake, RaisingFake


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def acted(site, *plans):
    act = site.act()
    for number, cuts in enumerate(plans, 1):
        act.submit(f"incident-{number}", do(cuts))
    assert act.settle(10)
    return act


def test_all_is_taken_back_to_what_was_there_before(site):
    """Rules, keys, limits, node states; and what stays is listed."""
    before = {lane: site.enforcer(*lane).there for lane in [(one.target, one.place) for one in PLAN]}
    with acted(site, PLAN) as act:
        act.undo(who="identity:alice")
        assert act.settle(10)
        found = stands(site.database)
    assert {lane: one.there for lane, one in site.lanes.items()} == before
    assert found.over
    assert {(one.verb, what) for one, what in found.stays} == {
        ("end-flows", "ended connections stay ended"),
        ("cancel", "a cancelled job stays cancelled; it can be submitted again"),
    }
    assert actions.before(site.database, ("contain", HOST)) is None


def test_one_cut_or_one_incident_is_taken_back_and_the_rest_stays(site):
    """The document is that of the others."""
    other = Cut("block", HOST, "203.0.113.7")
    with acted(site, (BLOCK, other), (USER,)) as act:
        undo(site.database, "incident-1", other)
        assert act.settle(10)
        assert "203.0.113.7" not in site.there(BLOCK)
        assert BLOCK.subject in site.there(BLOCK)
        undo(site.database, "incident-1")
        assert act.settle(10)
        assert (site.there(BLOCK), "bob" in site.there(USER)) == ("", True)


def test_what_another_open_incident_wants_too_stays_and_is_told(site):
    """Until that one is taken back as well."""
    with acted(site, (BLOCK, NODE), (BLOCK,)) as act:
        undo(site.database, "incident-1")
        assert act.settle(10)
        found = stands(site.database, "incident-1")
        assert [(one.verb, why) for one, why in found.shared] == [("block", "it stays: incident-2 wants it too")]
        assert (found.over, BLOCK.subject in site.there(BLOCK), site.there(NODE)) == (True, True, "")
        undo(site.database, "incident-2")
        assert act.settle(10)
    assert site.there(BLOCK) == ""


def test_it_goes_in_the_reverse_order_at_each_host(site):
    """The key first, the block last."""
    order = []

    class Noting(FakeEnforcer):
        def restore(self, before):
            order.append(self.target)
            super().restore(before)

    site.lanes = {(one, HOST): Noting(one, HOST) for one in ("contain", "flows", "keys")}
    with acted(site, (BLOCK, ENDED, KEY)) as act:
        act.undo()
        assert act.settle(10)
    assert order == ["keys", "flows", "contain"]


def test_what_was_there_before_us_comes_back(site):
    """Somebody's own entries in the same place, which our document replaced."""
    theirs = desired("keys", HOST, [Wanted(Cut("revoke-key", HOST, "SHA256:theirs"))])
    site.lanes["keys", HOST] = FakeEnforcer("keys", HOST, theirs)
    with acted(site, (KEY,)) as act:
        assert site.there(KEY) != theirs
        act.undo()
        assert act.settle(10)
    assert site.there(KEY) == theirs


def test_a_place_that_is_not_as_it_was_is_named_and_tried_again(site):
    """A driver that says that it took it back, and did not."""
    liar = site.lanes["keys", HOST] = LyingFake("keys", HOST)
    liar.honest = True
    with acted(site, (KEY,)) as act:
        liar.honest = False
        act.undo()
        assert not act.settle(0.2)
        ((left, why),) = stands(site.database).left
        assert (left.verb, why) == ("revoke-key", "it is still there")
        liar.honest = True
        assert act.settle(10)
    assert stands(site.database).over


def test_differences_from_before_are_named(site):
    """What was there before us and does not come back."""
    theirs = desired("keys", HOST, [Wanted(Cut("revoke-key", HOST, "SHA256:theirs"))])

    class Forgetful(FakeEnforcer):
        def restore(self, before):
            super().restore("")

    site.lanes["keys", HOST] = Forgetful("keys", HOST, theirs)
    with acted(site, (KEY,)) as act:
        act.undo()
        assert not act.settle(0.2)
        ((_, why),) = stands(site.database).left
    assert why == "it is not as it was: revoked SHA256:theirs was there before, and is not there"


def test_it_works_while_everything_is_stopped(site):
    """The stop holds cuts, never the way back."""
    acted(site, (BLOCK, USER)).close()
    with site.act(stopped=lambda: True) as act:
        act.submit("incident-2", do([NODE]))
        act.undo("incident-1")
        assert act.settle(10)
        assert (site.there(BLOCK), site.there(USER)) == ("", "")
    assert actions.counted(site.database) == {"planned": 1, "undone": 2}


def test_a_place_that_does_not_answer_stays_undoing_and_is_told(site):
    """The others are taken back; this one when it answers."""
    with acted(site, (BLOCK, PORT)) as act:
        silent = RaisingFake("quarantine", FABRIC, times=1_000_000)
        silent.there, site.lanes["quarantine", FABRIC] = site.there(PORT), silent
        act.undo()
        assert not act.settle(0.3)
        ((left, why),) = stands(site.database).left
        assert (left.state, left.place, site.there(BLOCK)) == (actions.UNDOING, FABRIC, "")
        assert "a fault of the driver" in why
        silent.times = 0
        assert act.settle(10)
    assert stands(site.database).over


def test_what_was_not_begun_is_undone_with_that(site):
    """Nothing is touched for it, and it is told apart."""
    with site.act() as act:
        act.submit("one", do([NODE], HOLD))
        act.undo("one")
        assert act.settle(10)
    found = stands(site.database, "one")
    assert ([one.verb for one in found.never], found.over, site.lanes) == (["drain"], True, {})


def test_an_undo_that_was_asked_for_while_nobody_acts_is_done_by_who_comes(site):
    """The rows say so."""
    acted(site, (USER, JOB)).close()
    assert not undo(site.database, "incident-1").over
    with site.act() as act:
        assert act.settle(10)
    assert stands(site.database, "incident-1").over
    assert site.enforcer("scheduler", CLUSTER).there == ""
    assert [one.what for one in site.evidence.lines].count("respond.undo") == 2


def test_what_is_not_there_cannot_be_undone(site):
    """An incident that nobody knows."""
    with pytest.raises(UsageError, match="nothing of nobody"):
        undo(site.database, "nobody")


def test_what_is_done_undone_and_done_again_is_told_each_time(site):
    """An action that begins anew is no retry: its lines are others, in a journal that keeps each event once."""
    told = []
    with site.act() as act:
        for again in (False, True):
            act.submit("RF-1", do([BLOCK]), again)
            assert act.settle(5)
            act.undo("RF-1")
            assert act.settle(5)
            told.append({(one.what, one.detail["event"]) for one in site.evidence.lines if one.what in (VERIFY, UNDO)})
    assert len(told[0]) == 2
    assert len(told[1]) == 4
