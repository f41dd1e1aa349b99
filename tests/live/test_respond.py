"""Acting on real hosts: packets stop where two incidents say so, and what is taken back is as it was, rule for rule."""

import shutil
import socket
import time

import pytest

from ringfence.enforce.contain import Contain
from ringfence.enforce.flows import EndFlows
from ringfence.respond.act import Act
from ringfence.respond.undo import stands
from ringfence.respond.values import Cut
from ringfence.store import actions
from ringfence.store.state import Database
from tests.live.netns import network, settled, v4
from tests.respond.acting import QUICK, do
from tests.respond.fakes import HangingFake, MemoryEvidence

pytestmark = pytest.mark.live
HOSTS = [f"host:h{at}" for at in range(3)]
FABRIC = HangingFake("quarantine", "network:ib/lab")


@pytest.fixture
def hosts():
    for tool in ("conntrack", "ss"):
        if shutil.which(tool) is None:
            pytest.skip(f"missing-part: {tool} is not installed")
    with network(3) as found:
        yield found


def act_on(hosts, folder, **more):
    """Act on host 0 and 1; the fabric is a fake that hangs."""
    contain = {at: Contain(HOSTS[at], folder / f"{at}.json", hosts.hosts[at].entered) for at in (0, 1)}
    found = {("contain", HOSTS[at]): one for at, one in contain.items()}
    found |= {("flows", HOSTS[at]): EndFlows(HOSTS[at], one, hosts.hosts[at].entered) for at, one in contain.items()}
    found[FABRIC.target, FABRIC.where] = FABRIC
    database = Database.open(folder / "state.sqlite")
    return Act(database, lambda target, place: found[target, place], MemoryEvidence(), options=QUICK, **more)


def reached(hosts):
    return hosts.matrix(set())["tcp4"]


def rules(hosts):
    return [one.run("nft", "list", "ruleset") for one in hosts.hosts]


ALL = {(one, other) for one in range(3) for other in range(3) if one != other}


def test_packets_stop_where_incidents_say_so_and_go_again_when_neither_does(hosts, tmp_path):
    """Two incidents, one cut in common; the fabric beside it hangs all the while."""
    before = rules(hosts)
    both, mine = Cut("block", HOSTS[0], v4(2)), Cut("block", HOSTS[1], v4(2))
    with act_on(hosts, tmp_path) as act:
        act.submit("one", do([both, Cut("quarantine", FABRIC.where, "0x10")]))
        act.submit("two", do([both, mine]))
        assert not act.settle(1.0)
        blocked = [one.state for one in actions.listed(act.database) if one.verb == "block"]
        assert blocked == [actions.DONE] * 3
        assert reached(hosts) == {(0, 1), (1, 0)}
        act.undo("two")
        assert not act.settle(0.5)
        assert reached(hosts) == ALL - {(0, 2), (2, 0)}
        FABRIC.go.set()
        act.undo()
        assert act.settle(10)
        assert stands(act.database).over
    assert (reached(hosts), rules(hosts)) == (ALL, before)


def test_a_connection_that_was_open_before_is_ended_after_the_block(hosts, tmp_path):
    """First the rule, then the socket: or it would be opened again."""
    with hosts.hosts[2].socket(socket.AF_INET, socket.SOCK_STREAM) as ear, act_on(hosts, tmp_path) as act:
        ear.bind((v4(2), 7000))
        ear.listen()
        with hosts.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as sending:
            sending.connect((v4(2), 7000))
            peer, _ = ear.accept()
            act.submit("one", do([Cut("end-flows", HOSTS[0], v4(2)), Cut("block", HOSTS[0], v4(2))]))
            act.settle(3)
            assert settled(lambda: ended(sending))
            peer.close()
        order = [one.verb for one in sorted(actions.listed(act.database), key=lambda one: one.done_at or 0)]
        assert order == ["block", "end-flows"]


def ended(one):
    try:
        one.send(b"weights")
    except OSError:
        return True
    return False


def test_what_somebody_takes_out_of_the_table_is_back_with_the_next_renewal(hosts, tmp_path):
    """A node's root may lift a cut until then; `settle` here is a hundred seconds later."""
    later = [0.0]
    clocks = {"clock": lambda: time.time() + later[0], "pace": lambda: time.monotonic() + later[0]}
    with act_on(hosts, tmp_path, **clocks) as act:
        act.submit("one", do([Cut("block", HOSTS[0], v4(2))]))
        assert act.settle(10)
        hosts.hosts[0].run("nft", "delete", "table", "inet", "ringfence_contain")
        later[0] = 110.0
        assert act.renew(["one"]) == 1
        assert act.settle(10)
        assert (0, 2) not in reached(hosts)
