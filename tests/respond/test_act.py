"""Acting: what is decided is done once, in its order, and read back; nothing waits for what is slow."""

import threading

import msgspec
import pytest

from ringfence.errors import EnforceError, StateError
from ringfence.respond.act import Options
from ringfence.respond.values import HOLD, SHADOW, Cut
from ringfence.store import actions
from tests.respond.acting import (
    BLOCK,
    CLUSTER,
    ENDED,
    FABRIC,
    HOST,
    JOB,
    KEY,
    NODE,
    PLAN,
    PORT,
    QUICK,
    USER,
    Clocks,
    Site,
    do,
)
from tests.respond.fakes import FakeEnforcer, HalfFake, HangingFake, LyingFake, RaisingFake


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def states(site):
    return {one.verb: one.state for one in actions.listed(site.database)}


def test_a_plan_is_done_and_read_back_everywhere(site):
    """Each place gets one document with all that is for it."""
    with site.act() as act:
        act.submit("one", do(PLAN))
        assert act.settle(10)
    assert set(states(site).values()) == {actions.DONE}
    for cut in PLAN:
        assert len(site.enforcer(cut.target, cut.place).applies) == 1
    assert all(one.subject in site.there(cut) for cut in (USER, JOB, NODE) for one in (cut,))


def test_what_is_decided_twice_is_done_once(site):
    """The plan made anew has the same cuts."""
    with site.act() as act:
        for _ in range(3):
            act.submit("one", do(PLAN))
            assert act.settle(10)
    assert sum(len(one.applies) for one in site.lanes.values()) == len(site.lanes)
    assert actions.counted(site.database) == {"done": len(PLAN)}


def test_at_one_host_the_block_comes_before_the_flows_are_ended_and_those_before_the_key(site):
    """Or what was ended would be opened again."""
    order = []

    class Noting(FakeEnforcer):
        def put(self, text):
            order.append(self.target)
            super().put(text)

    site.lanes = {(one, HOST): Noting(one, HOST) for one in ("keys", "flows", "contain")}
    with site.act(Options()) as act:
        act.submit("one", do((KEY, ENDED, BLOCK)))
        assert act.settle(10)
    assert order == ["contain", "flows", "keys"]


def test_what_is_only_shadow_is_not_done_and_what_is_held_waits_for_a_person(site):
    """Approved, it is done."""
    with site.act() as act:
        assert act.submit("one", do([KEY], SHADOW)) == []
        (held,) = act.submit("one", do([NODE], HOLD))
        assert act.settle(10)
        assert (site.lanes, held.state) == ({}, actions.HELD)
        assert act.approve([held.id]) == 1
        assert act.settle(10)
    assert states(site) == {"drain": actions.DONE}


def test_a_place_that_hangs_delays_no_other_and_is_told(site):
    """Its thread is waited for: the answer counts whenever it comes."""
    fabric = HangingFake("quarantine", FABRIC)
    site.lanes[fabric.target, fabric.where] = fabric
    with site.act() as act:
        act.submit("one", do(PLAN))
        assert not act.settle(1.0)
        left = {one.verb: one for one in actions.listed(site.database) if one.state != actions.DONE}
        assert list(left) == ["quarantine"]
        assert left["quarantine"].state == actions.FAILED
        assert "no answer" in left["quarantine"].why
        assert "no answer" in act.status().problems["quarantine", FABRIC]
        fabric.go.set()
        assert act.settle(10)
        assert act.status().problems == {}
    assert states(site)["quarantine"] == actions.DONE


def test_places_that_hang_leave_room_for_others_of_their_kind(site):
    """More of them than may be under way at once."""
    hanging = [HangingFake("contain", f"host:h{at}") for at in range(6)]
    site.lanes = {(one.target, one.where): one for one in hanging}
    pace = msgspec.structs.replace(QUICK.pace, at_once=2)
    with site.act(Options(pace=pace)) as act:
        act.submit("one", do([Cut("block", one.where, "10.0.0.1") for one in hanging] + [BLOCK, PORT]))
        for _ in range(200):
            if act.settle(0.05) or states(site)["quarantine"] == actions.DONE == by_place(site)[HOST]:
                break
        assert by_place(site)[HOST] == by_place(site)[FABRIC] == actions.DONE
        for one in hanging:
            one.go.set()
        assert act.settle(10)
    assert actions.counted(site.database) == {"done": 8}


def by_place(site):
    return {one.place: one.state for one in actions.listed(site.database)}


def test_a_driver_that_lies_is_found_out_and_tried_again(site):
    """What it says counts for nothing."""
    liar = site.lanes["contain", HOST] = LyingFake("contain", HOST)
    with site.act() as act:
        act.submit("one", do([BLOCK]))
        assert not act.settle(0.3)
        (found,) = actions.listed(site.database)
        assert found.state != actions.DONE
        assert act.status().problems["contain", HOST] == "what was read back does not have it"
        assert len(liar.applies) > 1
        liar.honest = True
        assert act.settle(10)
    assert states(site) == {"block": actions.DONE}
    told = [one.detail["holds"] for one in site.evidence.lines if one.what == "respond.verify"]
    assert told == sorted(told)
    assert told[-1]


def test_of_what_is_half_done_that_half_counts(site):
    """The other is tried again, with what the driver said of it."""

    def half(text):
        return text.replace('"17"', "") if '"17"' in text else text

    slurm = site.lanes["scheduler", CLUSTER] = HalfFake("scheduler", CLUSTER, half)
    with site.act() as act:
        act.submit("one", do([USER, JOB]))
        assert not act.settle(0.3)
        assert states(site)["limit-user"] == actions.DONE != states(site)["cancel"]
        assert act.status().problems["scheduler", CLUSTER] == "the second half did not go; half of it is there"
        slurm.whole = True
        assert act.settle(10)
    assert set(states(site).values()) == {actions.DONE}


def test_a_fault_of_a_driver_is_told_and_tried_again(site):
    """It ends nobody else's turn."""
    site.lanes["contain", HOST] = RaisingFake("contain", HOST, times=2)
    with site.act() as act:
        act.submit("one", do([BLOCK, NODE]))
        assert act.settle(10)
    (found,) = actions.listed(site.database, states=(actions.DONE,), incident="one")[:1]
    assert (found.tries, states(site)["drain"]) == (3, actions.DONE)


def test_one_line_that_a_driver_refuses_stops_no_other(site):
    """The port of a manager, say, beside a hundred that may be cut; found by halves."""

    class Refusing(FakeEnforcer):
        def put(self, text):
            if "0x99" in text:
                raise EnforceError("0x99 is the manager's")
            super().put(text)

    fabric = site.lanes["quarantine", FABRIC] = Refusing("quarantine", FABRIC)
    with site.act() as act:
        act.submit("one", do([Cut("quarantine", FABRIC, f"0x{at:x}") for at in range(0x50, 0xB0)]))
        assert not act.settle(0.2)
        assert actions.counted(site.database)["done"] == 0x5F
        (failed,) = [one for one in actions.listed(site.database) if one.state != actions.DONE]
        assert failed.subject == "0x99"
        assert act.status().problems["quarantine", FABRIC] == "0x99 is the manager's"
    assert "0x50" in fabric.there


def test_a_cut_that_cannot_be_said_is_told_and_the_others_are_done(site):
    """An attacker who names his account badly does not stop the plan."""
    with site.act() as act:
        act.submit("one", do([Cut("block-user", HOST, "x" * 600), BLOCK]))
        assert act.settle(10)
    found = {one.verb: one for one in actions.listed(site.database)}
    assert (found["block"].state, found["block-user"].state) == (actions.DONE, actions.FAILED)
    assert "cannot be said" in found["block-user"].why


def test_the_stop_holds_what_was_not_begun(site):
    """And nothing else: what stands is renewed."""
    stop, clocks = threading.Event(), Clocks()
    more = {"stopped": stop.is_set, "clock": lambda: clocks.wall, "pace": lambda: clocks.steady}
    with site.act(**more) as act:
        act.submit("one", do([BLOCK]))
        assert act.settle(10)
        stop.set()
        act.submit("one", do([NODE]))
        assert act.settle(10)
        assert states(site) == {"block": actions.DONE, "drain": actions.PLANNED}
        clocks.pass_(150)
        act.renew(["one"])
        assert act.settle(10)
        assert f"{int(clocks.wall) + 300}" in site.there(BLOCK)
        stop.clear()
        assert act.settle(10)
    assert states(site)["drain"] == actions.DONE


def test_what_lapses_is_renewed_while_its_incident_is_open_and_lapses_after(site):
    """By read-back: as long as it is there it has not lapsed."""
    clocks = Clocks()
    with site.act(clock=lambda: clocks.wall, pace=lambda: clocks.steady) as act:
        act.submit("one", do([BLOCK]))
        act.submit("two", do([PORT]))
        assert act.settle(10)
        clocks.pass_(90)
        assert act.renew(["one"]) == 0
        clocks.pass_(20)
        assert act.renew(["one"]) == 1
        assert act.settle(10)
        clocks.pass_(195)  # the second one's time is over, and the fake has no clock: the port is still there
        act.settle(0.1)
        assert states(site) == {"block": actions.DONE, "quarantine": actions.DONE}
        assert "should have lapsed" in actions.listed(site.database, "two")[0].why
        site.enforcer(*PORT_LANE).there = ""
        clocks.pass_(1)
        assert act.settle(10)
    assert states(site) == {"block": actions.DONE, "quarantine": actions.LAPSED}
    assert site.evidence.whats()[-1] == "respond.lapsed"


PORT_LANE = ("quarantine", FABRIC)


def test_what_should_have_lapsed_and_does_not_is_taken_away_after_a_while(site):
    """A driver whose clock stands still would cut for ever."""
    clocks = Clocks()
    with site.act(clock=lambda: clocks.wall, pace=lambda: clocks.steady) as act:
        act.submit("one", do([PORT]))
        assert act.settle(10)
        clocks.pass_(400)
        assert act.settle(10)
    assert (states(site), site.there(PORT)) == ({"quarantine": actions.LAPSED}, "")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_neither_opens_what_is_cut_nor_cuts_for_ever(site, jump):
    """The pace of renewals is the monotonic clock's; the wall clock only names the second of the end."""
    clocks = Clocks()
    with site.act(clock=lambda: clocks.wall, pace=lambda: clocks.steady) as act:
        act.submit("one", do([BLOCK]))
        assert act.settle(10)
        clocks.set(jump)
        act.tend()
        assert act.settle(10)
        assert states(site) == {"block": actions.DONE}
        assert f"{int(clocks.wall) + 300}" in site.there(BLOCK)
        assert not any('"blocked":[]' in text for text in site.enforcer("contain", HOST).applies)


def test_only_one_acts_on_a_queue(site):
    """Two would overtake each other."""
    with site.act(), pytest.raises(StateError, match="another process acts"):
        site.act()
    site.act().close()


def test_without_evidence_only_what_lapses_by_itself_is_cut(site):
    """The rest waits until its line can be written; nothing is lost."""
    site.evidence.full = True
    with site.act() as act:
        act.submit("one", do([BLOCK, NODE]))
        act.settle(0.3)
        assert states(site)["block"] == actions.DONE != states(site)["drain"]
        assert "disk is full" in act.status().evidence
        assert site.enforcer("scheduler", CLUSTER).applies == []
        site.evidence.full = False
        assert act.settle(10)
        act.tend()
    assert states(site)["drain"] == actions.DONE
    done = {one.detail["cut"][0] for one in site.evidence.lines if one.what == "respond.verify" and one.detail["holds"]}
    assert done == {"block", "drain"}


def test_without_evidence_nothing_is_cut_where_that_is_set(site):
    """The other policy."""
    site.evidence.full = True
    with site.act(msgspec.structs.replace(QUICK, on_full="wait")) as act:
        act.submit("one", do([BLOCK]))
        act.settle(0.2)
        assert site.enforcer("contain", HOST).applies == []
        site.evidence.full = False
        assert act.settle(10)
    assert states(site) == {"block": actions.DONE}


def test_a_burst_is_counted_exactly_and_done_once(site):
    """A thousand incidents of four cuts on 20 hosts: few applies, each cut in force, none twice."""
    hosts = [f"host:g{at}" for at in range(20)]
    with site.act() as act:
        runs = threading.Event()
        loop = threading.Thread(target=act.run, args=(runs,))
        loop.start()
        plans = []
        for at in range(1000):
            host = hosts[at % 20]
            cuts = (
                Cut("block", host, f"10.1.{at // 250}.{at % 250}"),
                Cut("end-flows", host, f"10.1.{at // 250}.{at % 250}"),
                Cut("quarantine", FABRIC, f"0x{at + 16:x}"),
                Cut("limit-user", CLUSTER, f"user{at}"),
            )
            plans.append((f"incident-{at}", do(cuts)))
        for at in range(0, 1000, 50):
            act.submit_all(plans[at : at + 50])
        runs.set()
        loop.join()
        assert act.settle(60)
        assert actions.counted(site.database) == {"done": 4000}
        assert max(one.tries for one in actions.listed(site.database)) == 1
        act.undo()
        assert act.settle(60)
    assert actions.counted(site.database) == {"undone": 4000}
    assert {one.there for one in site.lanes.values()} == {""}


def test_what_somebody_spoilt_so_that_it_cannot_be_read_is_put_there_anew(site):
    """Root on the host may do that; to wait until it can be read would be to let him."""

    class Spoilt(FakeEnforcer):
        spoilt = True

        def read(self):
            if self.spoilt:
                raise EnforceError("the table is not as we made it")
            return super().read()

        def put(self, text):
            self.spoilt = False
            super().put(text)

    site.lanes["contain", HOST] = Spoilt("contain", HOST)
    site.lanes["scheduler", CLUSTER] = Spoilt("scheduler", CLUSTER)
    with site.act() as act:
        act.submit("one", do([BLOCK, NODE]))
        act.settle(0.2)
        assert states(site)["block"] == actions.DONE
        assert site.enforcer("scheduler", CLUSTER).applies == []  # what was there before could not be kept
        site.enforcer("contain", HOST).spoilt = site.enforcer("scheduler", CLUSTER).spoilt = True
        act.undo("one", BLOCK)
        act.settle(0.2)
        assert site.there(BLOCK) == ""


def test_two_incidents_that_want_opposite_things_are_both_heard(site):
    """One is taken back while the other cuts the same place: the document is always that of who is left."""
    with site.act() as act:
        for at in range(20):
            act.submit(f"cut-{at}", do([Cut("block", HOST, f"10.0.0.{at}"), Cut("limit-user", CLUSTER, f"user{at}")]))
            if at % 2:
                act.undo(f"cut-{at - 1}")
            act.tend()
        assert act.settle(10)
    assert actions.counted(site.database) == {"done": 20, "undone": 20}
    for at in range(20):
        assert (f'"10.0.0.{at}"' in site.there(BLOCK)) == (f'"user{at}"' in site.there(USER)) == bool(at % 2)
