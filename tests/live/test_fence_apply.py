"""`ringfence fence apply`, `status`, `drift` and `undo` on real nftables, conntrack, sshd and opensm."""

import json
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.app.fence.change import Applying
from ringfence.app.fence.design import Design
from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.fence.site import enforcers_of
from ringfence.store.journal import check
from ringfence.store.saved import load
from tests.live.fences import Fenced, fenced
from tests.live.killing import told
from tests.live.netns import Network, need, network, v4

pytestmark = pytest.mark.live
PORT = 7000
TWO = {1: ("a", (0, 1)), 2: ("b", (2, 3))}
"""Job 1 of tenant a on hosts 0 and 1, job 2 of tenant b on 2 and 3."""

HANDED = {1: ("a", (0,)), 2: ("b", (1, 2, 3))}
"""Host 1 is tenant b's."""

FOREIGN = "table inet firewalld { chain in { type filter hook input priority filter + 10; policy accept; }; }"


@pytest.fixture
def net() -> Iterator[Network]:
    with network(4) as found:
        yield found


@pytest.fixture
def lab(net: Network, tmp_path: Path) -> Fenced:
    for host in net.hosts:
        host.run("nft", "-f", "-", given=FOREIGN)
    return fenced(tmp_path, net.hosts).jobs(TWO)


def pairs(*groups: tuple[int, ...]) -> set[tuple[int, int]]:
    return {(one, other) for group in groups for one in group for other in group if one != other}


def test_a_dry_run_changes_nothing_an_apply_fences_and_an_undo_restores(lab: Fenced, net: Network) -> None:
    before = lab.rulesets()
    assert lab("apply") == 0
    assert lab.rulesets() == before
    assert not lab.state.exists()
    assert lab("apply", "--apply") == 0
    fence = lab.rulesets()
    assert all("table inet ringfence" in one and "table inet firewalld" in one for one in fence)
    assert set(map(frozenset, net.matrix(pairs((0, 1), (2, 3))).values())) == {frozenset(pairs((0, 1), (2, 3)))}
    assert lab("drift") == 0
    assert lab.jobs(HANDED)("apply", "--apply") == 0
    assert lab.rulesets() != fence
    assert lab("undo") == 0
    assert lab("undo", "--apply") == 0
    assert lab.rulesets() == fence
    assert lab("undo", "--apply") == 0
    assert lab.rulesets() == before
    assert lab("undo", "--apply") == 2
    assert check(lab.state / "journal", [Ledger(lab.state).signer.verifier], ORIGIN) == []
    assert lab.state.stat().st_mode & 0o777 == 0o700
    assert [file for file in lab.state.rglob("*") if file.is_file() and file.stat().st_mode & 0o077] == []


class Flow:
    """A TCP connection between two hosts, opened now."""

    def __init__(self, net: Network, source: int, target: int) -> None:
        with net.hosts[target].socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((v4(target), PORT))
            listening.listen()
            self.near = net.hosts[source].socket(socket.AF_INET, socket.SOCK_STREAM)
            self.near.settimeout(5)
            self.near.connect((v4(target), PORT))
            self.far, _ = listening.accept()
        self.far.settimeout(5)

    def lives(self, patience: float = 0.3) -> bool:
        """Whether a byte still gets across, within so many seconds."""
        self.far.settimeout(patience)
        try:
            self.near.send(b"x")
            return self.far.recv(1) == b"x"
        except OSError:
            return False

    def close(self) -> None:
        self.near.close()
        self.far.close()


def test_flows_of_the_tenant_that_leaves_are_dead_and_those_that_stay_lose_nothing(lab: Fenced, net: Network) -> None:
    assert lab.jobs({1: ("a", (0, 1)), 2: ("b", (2, 3))})("apply", "--apply") == 0
    leaving, back, staying = Flow(net, 0, 1), Flow(net, 1, 0), Flow(net, 2, 3)
    try:
        assert all(one.lives() for one in (leaving, back, staying))
        with Steady(staying) as told:
            assert lab.jobs(HANDED)("apply", "--apply") == 0
        assert told.sent == told.came > 10
        assert not leaving.lives()
        assert not back.lives()
        assert conntrack(net, 1, 0) == conntrack(net, 0, 1) == ""
        newer = Flow(net, 1, 2)
        assert newer.lives()
        newer.close()
    finally:
        for one in (leaving, back, staying):
            one.close()


def test_after_the_first_stage_old_flows_are_dead_and_nothing_new_is_open(lab: Fenced, net: Network) -> None:
    assert lab("apply", "--apply") == 0
    leaving, staying = Flow(net, 0, 1), Flow(net, 2, 3)
    try:
        design = Design(load(lab.jobs(HANDED).estate), targets=("nftables",))
        outcomes = Applying(design, Ledger(lab.state), enforcers_of(lab.site, design.inventory)).apply()
        first = [next(outcomes) for _ in range(4)]
        assert {(one.stage, one.status) for one in first} == {(0, "done")}
        assert not leaving.lives()
        assert staying.lives()
        assert set(map(frozenset, net.matrix(pairs((2, 3))).values())) == {frozenset(pairs((2, 3)))}
        assert {one.stage for one in outcomes} == {1}
        assert staying.lives()
        both = pairs((1, 2, 3))
        assert set(map(frozenset, net.matrix(both).values())) == {frozenset(both)}
    finally:
        leaving.close()
        staying.close()


def test_a_regrouping_within_a_tenant_makes_before_it_breaks(lab: Fenced, net: Network) -> None:
    assert lab.jobs({1: ("a", (0, 1)), 2: ("b", (3,))})("apply", "--apply") == 0
    staying = Flow(net, 0, 1)
    try:
        with Steady(staying) as told:
            assert lab.jobs({7: ("a", (0, 1, 2)), 2: ("b", (3,))})("apply", "--apply") == 0
            assert lab.jobs({8: ("a", (0, 1)), 9: ("a", (2,)), 2: ("b", (3,))})("apply", "--apply") == 0
            assert lab("undo", "--apply") == 0
        assert told.sent == told.came > 10
    finally:
        staying.close()


class Steady:
    """Bytes in a row over a flow while the block runs: how many were sent, how many came."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.sent, self.came = flow, 0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def __enter__(self) -> "Steady":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _talk(self) -> None:
        while not self._ended.wait(0.01):
            self.sent += 1
            self.came += self.flow.lives(patience=2)


def conntrack(net: Network, host: int, peer: int) -> str:
    """Connections at the port of `Flow` that a host still knows with another."""
    said = net.hosts[host].run("conntrack", "-L", "-p", "tcp")
    return "".join(line for line in said.splitlines() if f"dport={PORT}" in line and f"={v4(peer)} " in line)


def test_drift_is_found_with_a_witness_and_corrected(lab: Fenced, net: Network, capsys: pytest.CaptureFixture) -> None:
    assert lab("drift") == 2
    assert lab("apply", "--apply") == 0
    fence = lab.rulesets()
    net.hosts[0].run("nft", "delete element inet ringfence in_any_v4 { 10.9.0.2 }")
    capsys.readouterr()
    assert lab("drift", "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)["drift"]
    assert (found["kind"], found["source"], found["target"]) == ("break", "host:h1", "host:h0")
    assert lab("drift", "--apply") == 0
    for host in (1, 2):
        net.hosts[host].run("nft", "insert rule inet ringfence input tcp dport 22 accept")
        net.hosts[host].run("nft", "insert rule inet ringfence output tcp dport 22 accept")
    capsys.readouterr()
    assert lab("drift", "--json") == 1
    leaks = json.loads(capsys.readouterr().out)["drift"]
    assert {one["kind"] for one in leaks} == {"leak"}
    assert any(one["what"] == "tcp/22" for one in leaks)
    assert lab("drift", "--apply") == 0
    assert lab.rulesets() == fence
    assert lab("drift") == 0


def test_what_others_deny_is_told_and_stops_nothing(lab: Fenced, net: Network, capsys: pytest.CaptureFixture) -> None:
    net.hosts[1].run("nft", "add rule inet firewalld in tcp dport 7000 drop")
    assert lab("apply", "--apply") == 0
    assert "differs" in capsys.readouterr().err
    assert lab("drift") == 1
    assert "tcp/7000" in capsys.readouterr().out


def test_shadow_mode_counts_and_denies_nothing(lab: Fenced, net: Network, capsys: pytest.CaptureFixture) -> None:
    before = lab.rulesets()
    across = Flow(net, 0, 3)
    try:
        assert lab("apply", "--shadow", "--apply") == 0
        assert across.lives()
    finally:
        across.close()
    everything = pairs((0, 1, 2, 3))
    assert set(map(frozenset, net.matrix(everything).values())) == {frozenset(everything)}
    capsys.readouterr()
    assert lab("status") == 0
    assert "denies nothing" in capsys.readouterr().out
    assert lab("learn", "--counters", "--json") == 0
    counted = {one["where"]: one["denied"] for one in json.loads(capsys.readouterr().out)}
    assert all(counted[f"host:h{at}"]["denied_in"] >= 4 for at in range(4))
    assert lab("apply", "--apply") == 0
    assert lab("apply", "--shadow", "--apply") == 2
    assert lab("undo", "--apply") == 0
    assert lab("undo", "--apply") == 0
    assert lab.rulesets() == before


def test_a_host_that_is_down_stops_the_apply_before_anything_is_touched(
    lab: Fenced, net: Network, capsys: pytest.CaptureFixture
) -> None:
    before = lab.rulesets()
    whole = lab.site.read_text()
    lab.site.write_text(whole.replace(net.hosts[2].path, "/proc/self/fd/9999"))
    assert lab("apply", "--apply") == 1
    assert "nftables on host:h2" in capsys.readouterr().err
    assert lab.rulesets() == before
    lab.site.write_text(whole)
    assert lab("apply", "--apply") == 0


def test_of_two_applies_at_once_the_second_is_refused(lab: Fenced, capsys: pytest.CaptureFixture) -> None:
    before = lab.rulesets()
    with Ledger(lab.state).make().alone():
        assert lab("apply", "--apply") == 1
    assert "another command is changing the fence" in capsys.readouterr().err
    assert lab.rulesets() == before


SAMPLE = random.Random(3)


def test_killed_at_some_moments_an_apply_leaves_what_can_be_completed_and_undone(tmp_path: Path) -> None:
    swept(tmp_path, "apply", SAMPLE.sample(range(24), 8))


def test_killed_at_some_moments_an_undo_is_completed_by_undoing_again(tmp_path: Path) -> None:
    swept(tmp_path, "undo", SAMPLE.sample(range(20), 4))


@pytest.mark.long
@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_killed_at_each_moment(tmp_path: Path, verb: str) -> None:
    assert len(swept(tmp_path, verb, [])) > 20


def swept(folder: Path, verb: str, moments: list[int]) -> list[dict[str, object]]:
    """Kill at these moments (none: at each), and judge what was left; two tenants' rules are never both in force."""
    need()
    found: list[dict[str, object]] = told("killed", folder, verb, *moments)
    for one in found:
        assert one["reached"], one
        assert one["killed"] or one is found[-1] or moments, one
        assert one["left"] != "between" or one["named"], one
        assert one["open"] in ([], [[0, 1], [1, 0]], [[1, 2], [2, 1]]), one
    return found
