"""Containment where something is wrong: real hosts, enforcers and server; what is in force is read with nft.

Killed guards, full disks and forgeries have files of their own.
"""

import os
import signal as signals
import time
from collections.abc import Iterator

import pytest

from ringfence.app import enrol
from ringfence.app.guard import commands, release, switch
from ringfence.app.watch import incidents
from ringfence.cli import run
from ringfence.enforce.contain import Contain
from ringfence.errors import StateError
from ringfence.respond.values import DO, HOLD
from ringfence.segment.model import Artefact
from ringfence.store import actions
from ringfence.store.saved import save
from ringfence.watch.incident import DISMISSED
from ringfence.wire.contain import LONGEST, OnHost, Until, encode
from tests.live.contained import Contained, block, contained, estate, host, leak, name, out
from tests.live.netns import settled
from tests.respond.fakes import HalfFake, LyingFake

pytestmark = pytest.mark.live
NOTHING: list[str] = []


@pytest.fixture(scope="module")
def running() -> Iterator[Contained]:
    """Three hosts, a server, three enforcers: started once."""
    with contained(3) as found:
        yield found


@pytest.fixture
def whole(running: Contained) -> Iterator[Contained]:
    """The same, with nothing in force before and after."""
    assert not any(running.rulesets())
    yield running
    running.clear()


# the server, and enforcers that misbehave


def test_while_the_server_is_gone_cuts_wait_and_say_so_and_are_done_when_it_is_back(whole):
    """Nothing is lost, nothing is done twice, and what is undone leaves every host as it was."""
    before = whole.rulesets()
    guarded = whole.guard()
    whole.server.kill()
    whole.server.wait(10)
    with guarded.acting() as guard:
        guard.take(leak("RF-one", 0, 1), leak("RF-two", 1, 2))
        guard.until(actions.FAILED)
        assert all("no server answers" in one.why for one in guarded.rows() if one.verb == "block")
        assert [whole.blocked(at) for at in (0, 1)] == [NOTHING, NOTHING]
        whole.serve()
        guard.until(actions.DONE)
        assert [whole.blocked(at) for at in (0, 1, 2)] == [[out(1)], [out(2)], NOTHING]
        guard.undone()
    assert whole.rulesets() == before
    stood = [one.subject for one in guarded.told() if one.what == "respond.verify" and one.detail["holds"]]
    assert len(stood) == 2


def test_without_a_server_a_block_lapses_and_a_token_opens_the_node(whole, tmp_path, capsys):
    """The kernel lets it lapse; the node's own enforcer takes the token."""
    token = tmp_path / "token"
    enrol.release_token(whole.home, name(0), "the server is gone", 1, 3, token)
    document = OnHost(blocked=(Until(out(1), int(time.time()) + 3), Until(out(2))))
    (reach,) = [one for key, one in whole.guard().reach().items() if key == ("contain", host(0))]
    reach.apply(Artefact("contain", encode(document), ()))
    whole.server.kill()
    whole.server.wait(10)
    try:
        assert whole.blocked(0) == [out(1), out(2)]
        assert settled(lambda: whole.blocked(0) == [out(2)], 8)
        told = ["release", name(0), "--token", str(token), "--socket", str(whole.socket(0))]
        assert run(["release", name(1), *told[2:]]) == 2
        assert run(told) == 0
        assert "open until" in capsys.readouterr().out
        assert whole.blocked(0) == NOTHING
        assert run(told) == 1
    finally:
        whole.serve()
        whole.connected(0, 1, 2)
        assert settled(lambda: not whole.status(0).released_until)


def test_an_enforcer_that_hangs_keeps_nobody_waiting_and_does_it_when_it_wakes(whole):
    """Its process is stopped; the other host is cut at once, and this one says why it is not."""
    guarded = whole.guard(timeout=1.0)
    os.kill(whole.enforcers[0].pid, signals.SIGSTOP)
    try:
        with guarded.acting() as guard:
            guard.take(leak("RF-one", 0, 1), leak("RF-two", 1, 2))
            guard.until(actions.DONE, incident="RF-two")
            guard.until(actions.FAILED, incident="RF-one")
            (row,) = guarded.blocks("RF-one")
            assert "no receipt" in row.why or "not connected" in row.why
            assert guard.act.status().problems[row.lane]
            os.kill(whole.enforcers[0].pid, signals.SIGCONT)
            guard.until(actions.DONE)
            assert [whole.blocked(at) for at in (0, 1)] == [[out(1)], [out(2)]]
    finally:
        os.kill(whole.enforcers[0].pid, signals.SIGCONT)
        whole.connected(0)


@pytest.mark.parametrize(
    "fake",
    [LyingFake("contain", host(0)), HalfFake("contain", host(0), lambda text: "")],
    ids=["lies", "does the half"],
)
def test_an_enforcer_that_lies_or_does_the_half_is_not_believed(whole, fake):
    """A fake beside real ones: told as failed, tried again, done once it does what it says."""
    guarded = whole.guard()
    with guarded.acting({("contain", host(0)): fake}) as guard:
        guard.take(leak("RF-one", 0, 1), leak("RF-two", 1, 2))
        guard.until(actions.DONE, incident="RF-two")
        assert whole.blocked(1) == [out(2)]
        guard.until(actions.FAILED, incident="RF-one")
        (row,) = guarded.blocks("RF-one")
        assert row.why in ("what was read back does not have it", "the second half did not go; half of it is there")
        fake.honest = fake.whole = True
        guard.until(actions.DONE)
        guard.undone()
    told = [one.detail["holds"] for one in guarded.told() if one.what == "respond.verify" and host(0) in str(one)]
    assert (told[0], told[-1], told.count(True)) == (False, True, 1)


# people


def test_what_two_incidents_want_stays_until_neither_does(whole):
    """One is undone by a person, the other is called benign."""
    guarded = whole.guard()
    with guarded.acting() as guard:
        guard.does(leak("RF-one", 0, 1), leak("RF-two", 0, 1, 2))
        guard.undone("RF-one")
        assert whole.blocked(0) == [out(1), out(2)]
        assert "RF-two wants it too" in guarded.rows("RF-one")[0].why
        guard.inbox.put(leak("RF-two", 0, 1, 2, state=DISMISSED, version=2))
        guard.until(actions.UNDONE)
    assert whole.blocked(0) == NOTHING


def test_what_a_person_took_back_is_not_done_again_by_the_next_version_but_by_a_person(whole):
    """A guard runs all the while; the commands go through its queue."""
    guarded = whole.guard()
    incidents.keep(guarded.site.home, [leak("RF-one", 0, 1)], {})
    with guarded.acting() as guard:
        guard.does(leak("RF-one", 0, 1))
        assert commands.taken_back(guarded.site, guarded.estate, "RF-one").over
        assert whole.blocked(0) == NOTHING
        assert guard.take(leak("RF-one", 0, 1, version=2)) == [("undone", HOLD)]
        answer, done = commands.applied(guarded.site, guarded.estate, "RF-one", "confirmed by phone")
        assert {one.rule for one in answer.decisions} == {"approved"}
        assert {one.state for one in done} == {actions.DONE}
        assert whole.blocked(0) == [out(1)]
        assert guard.take(leak("RF-one", 0, 1, version=3)) == [("stands", DO)]


def test_one_cut_that_a_person_took_back_stays_away_and_the_others_stay(whole):
    """By its own action, of one incident alone."""
    guarded = whole.guard()
    with guarded.acting() as guard:
        guard.does(leak("RF-one", 0, 1, 2), leak("RF-two", 0, 3))
        assert commands.taken_back(guarded.site, guarded.estate, "RF-one", block(0, 2)).over
        assert whole.blocked(0) == [out(1), out(3)]
        assert guard.take(leak("RF-one", 0, 1, 2, version=2)) == [("stands", DO), ("undone", HOLD)]


def test_a_stop_holds_what_is_new_and_what_was_queued_and_lets_go_with_the_resume(whole):
    """Undo works meanwhile; what stands goes on standing."""
    guarded = whole.guard()
    with guarded.acting() as guard:
        guard.does(leak("RF-old", 0, 9), leak("RF-stays", 1, 9))
        commands.stopped(guarded.site, "a drill")
        actions.submit(guard.guard.room.ledger.database, [queued(guarded, "RF-queued")], time.time())
        guard.inbox.put(leak("RF-new", 0, 1))
        assert settled(lambda: bool(guarded.rows("RF-new")))
        assert commands.taken_back(guarded.site, guarded.estate, "RF-old").over
        states = {one.incident: one.state for one in guarded.rows() if one.verb == "block"}
        assert (states["RF-new"], states["RF-queued"]) == (actions.HELD, actions.PLANNED)
        assert [whole.blocked(at) for at in (0, 1, 2)] == [NOTHING, [out(9)], NOTHING]
        commands.resumed(guarded.site, "the drill is over")
        for one in ("RF-new", "RF-queued"):
            guard.until(actions.DONE, incident=one)
        assert [whole.blocked(at) for at in (0, 1, 2)] == [[out(1)], [out(9)], [out(5)]]


def queued(guarded, incident):
    """A row of somebody who asked for a block of the third host."""
    from ringfence.respond.act_turn import row_of
    from ringfence.respond.values import Planned

    return row_of(incident, Planned(block(2, 5), "asked for"), DO, 300, time.time())


def test_a_stop_needs_no_settings_and_a_second_guard_on_one_folder_is_refused(whole):
    """Whoever stops in need must not have to mend a file first."""
    guarded = whole.guard()
    with guarded.acting(), pytest.raises(StateError, match="another process acts"), guarded.acting():
        raise AssertionError("two act")
    (guarded.folder / "guard.toml").write_text("this is no TOML")
    commands.stopped(guarded.site, "a drill")
    assert switch.stopped(guarded.folder).endswith("a drill")


def test_releasing_a_host_takes_back_every_cut_on_it_and_keeps_automation_off(whole):
    """At the server; another host's cuts stay. Without a guard that runs it says that nobody does it."""
    guarded = whole.guard()
    with guarded.acting() as guard:
        guard.does(leak("RF-one", 0, 1), leak("RF-two", 1, 2))
        assert release.at_server(guarded.site, name(0), "it is three in the morning").open
        guard.until(actions.UNDONE, incident="RF-one")
        assert [whole.blocked(at) for at in (0, 1)] == [NOTHING, [out(2)]]
        assert guard.take(leak("RF-three", 0, 3)) == [("undone", HOLD)]
    said = release.at_server(guarded.site, name(1), "")
    assert not said.open
    assert "No guard runs" in said.text
    with guarded.acting() as guard:
        guard.until(actions.UNDONE, incident="RF-two")


# what the user protects, and what is out of date


def test_what_is_never_or_only_with_a_person_to_be_cut_is_not_cut(whole):
    """Neither by one signal nor by two; nor does an approval of a plan cut what is never to be."""
    guarded = whole.guard(f'never = ["{host(0)}"]\nprotected = ["{host(1)}"]\n')
    incidents.keep(guarded.site.home, [leak("RF-one", 0, 1), leak("RF-two", 1, 2, sources=(1, 2))], {})
    with guarded.acting() as guard:
        assert guard.take(leak("RF-one", 0, 1), leak("RF-two", 1, 2, sources=(1, 2))) == [("protected", HOLD)]
        assert commands.applied(guarded.site, guarded.estate, "RF-one")[1] == []
        assert guard.act.settle(5)
        assert not any(whole.rulesets())
        _, done = commands.applied(guarded.site, guarded.estate, "RF-two")
        assert actions.DONE in {one.state for one in done}
        assert [whole.blocked(at) for at in (0, 1, 2)] == [NOTHING, [out(2)], NOTHING]


def test_an_estate_that_is_out_of_date_allows_no_more_than_the_own_host_until_it_is_replaced(whole):
    """Read again while running, with hosts that were not in it before."""
    guarded = whole.guard()
    save(estate(1, observed=1.0), guarded.file)
    with guarded.acting() as guard:
        assert guard.take(leak("RF-own", 0, 1)) == [("own", DO)]
        incidents.keep(guarded.site.home, [leak("RF-theirs", 2, 7, sources=(0, 1))], {})
        save(estate(3, observed=time.time()), guarded.file)
        assert settled(lambda: [one.state for one in guarded.rows() if one.verb == "block"] == [actions.DONE] * 2)
        assert [whole.blocked(at) for at in (0, 1, 2)] == [[out(1)], NOTHING, [out(7)]]


def test_a_wide_cut_on_an_old_estate_waits_and_is_done_on_a_new_one(whole):
    """Nobody has to ask again."""
    guarded = whole.guard()
    save(estate(3, observed=1.0), guarded.file)
    with guarded.acting() as guard:
        guard.inbox.put(leak("RF-theirs", 2, 7, sources=(0, 1)))
        guard.until(actions.HELD)
        save(estate(3, observed=time.time()), guarded.file)
        guard.until(actions.DONE)
        assert whole.blocked(2) == [out(7)]


# clocks


class Clocks:
    """Wall and monotonic of a guard and its hosts, set by hand; the kernel keeps the real time."""

    def __init__(self) -> None:
        self.ahead = self.passed = 0.0

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead + self.passed

    def steady(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() + self.passed


@pytest.fixture
def timed(whole, tmp_path):
    """(clocks, guard) whose hosts have the same clock: real nftables in the same namespaces, without the orders."""
    clocks, guarded = Clocks(), whole.guard("hosts_a_minute = 2\n")
    hosts = enumerate(whole.net.hosts)
    real = {
        ("contain", host(at)): Contain(host(at), tmp_path / f"{at}.json", one.entered, clocks.wall) for at, one in hosts
    }
    with guarded.acting(real, clock=clocks.wall, pace=clocks.steady) as guard:
        yield clocks, guard
        guard.undone()


@pytest.mark.parametrize("jump", [40 * 86_400.0, 3600.0, -3600.0, -40 * 86_400.0])
def test_a_clock_that_jumps_lifts_no_block_and_none_lasts_beyond_a_day(whole, timed, jump):
    """Forward and back, by an hour and by forty days, with a new block in between and the right time again later."""
    clocks, guard = timed
    guard.does(leak("RF-one", 0, 1))
    for number, ahead in ((2, jump), (3, 0.0)):
        clocks.ahead = ahead
        guard.does(leak(f"RF-{number}", 0, number))
        guard.act.renew(["RF-one", *(f"RF-{one}" for one in range(2, number + 1))])
        assert guard.act.settle(10)
        assert whole.blocked(0) == [out(one) for one in range(1, number + 1)]
        assert 200 < min(whole.ends(0)) <= max(whole.ends(0)) <= LONGEST
    assert max(whole.ends(0)) <= 301


@pytest.mark.parametrize("jump", [86_400.0, 61.0, -61.0, -86_400.0])
def test_a_clock_that_jumps_gives_no_new_minute_and_takes_none_away(whole, timed, jump):
    """Two hosts a minute are two hosts a minute."""
    clocks, guard = timed
    guard.does(leak("RF-one", 0, 1), leak("RF-two", 1, 2))
    clocks.ahead = jump
    assert guard.take(leak("RF-three", 2, 3)) == [("hosts-a-minute", HOLD)]
    clocks.passed = 62.0
    guard.does(leak("RF-three", 2, 3))
    assert whole.blocked(2) == [out(3)]
