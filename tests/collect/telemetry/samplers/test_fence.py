"""What the fence refuses on a host that is a network namespace, as that host's agent tells it."""

import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.collect.telemetry.samplers import nf_tables
from ringfence.collect.telemetry.samplers.fence import DENIED, SPENT, THROTTLED, Fence, digest_of
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.enforce.nftables import Nftables
from ringfence.segment.compile.budget import quota_of, rate
from ringfence.segment.compile.nftables import chain_of, compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Budget, Group, Policy
from ringfence.watch.detectors import budget_spent
from ringfence.watch.incident import Joiner, Joining
from ringfence.watch.roster import Running
from ringfence.watch.site import Data
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.urgent import urgent
from tests.collect.telemetry.samplers.looked import started, until
from tests.live.netns import PORT, Network, cgroup_folder, control_groups, need, network, v4, v6
from tests.watch.events import FakeSite, play, view

SMALL, LARGE = 200_000, 30 << 20
"""Bytes an hour: less than one burst, so that the quota refuses first; more, so that the rate does."""
QUOTA = quota_of("model:m")
TCP = 6000


def fence_of(share: int, group: str = "") -> Artefact:
    """The fence of a host that holds a jewel, or of its job in a control group; both may send to the other host."""
    job = "job:slurm/c1/7@host:h0"
    holder = job if group else "host:h0"
    groups = {
        "gang": Group("gang", "gang", "t", {"ip": ("host:h0", job) if group else ("host:h0",)}),
        "away": Group("away", "service", "", {"ip": ("host:h1",)}),
    }
    allows = (Allow("gang", "away", "ip", f"udp/{PORT}", ""), Allow("gang", "away", "ip", f"tcp/{TCP}", ""))
    policy = Policy(groups, allows, (Budget("model:m", share, (holder,), ("away",), ""),))
    here, there = (v4(0), v6(0)), (v4(1), v6(1))
    inventory = Inventory(
        addresses={"host:h0": here, "host:h1": there, job: here},
        enforcers={"nftables": ("host:h0",)},
        cgroups={job: group} if group else {},
    )
    return compile_nftables(policy, inventory).artefacts[0]


@dataclass
class Host:
    """The fenced host, its enforcer and the source on it."""

    net: Network
    enforcer: Nftables
    sampler: Fence

    def send(self, count: int, port: int = PORT) -> None:
        """Datagrams of 1,000 bytes to the other host."""
        with self.net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for _ in range(count):
                with suppress(PermissionError):
                    one.sendto(bytes(1000), (v4(1), port))

    def watch(self, share: int, group: str = "", every: float = 0.0) -> None:
        """Put the fence in force, and look for the first time. `every` 0: every look asks the kernel."""
        self.enforcer.apply(fence_of(share, group))
        started(self.sampler)
        self.sampler.every = every
        assert list(self.sampler.look()) == []


@pytest.fixture
def host():
    """A host to be fenced, and one beyond its fence."""
    need()
    with network(2) as net, net.hosts[0].entered():
        sampler = Fence(Machine("gpu0001", "c1"))
        yield Host(net, Nftables("host:h0", net.hosts[0].entered), sampler)
        sampler.close()


def of(found: list[Event], activity: int) -> list[Event]:
    """The events of one activity."""
    return [one for one in found if one.activity_id == activity]


def test_a_budget_that_is_spent_is_told_with_the_first_packet_that_it_refuses(host):
    """The kernel says so by itself, long before the next look is due; it is urgent and says how much went."""
    host.watch(SMALL, every=3600.0)
    host.send(100)
    assert list(host.sampler.look()) == []
    host.send(200)
    (spent,) = of(list(host.sampler.look()), SPENT)
    assert urgent(spent)
    assert (spent.host, spent.fields["fence.rule"], spent.fields["fence.limit"]) == ("gpu0001", QUOTA, SMALL)
    assert spent.fields["fence.used"] >= SMALL
    assert spent.fields["fence.packets"] > 0


def test_what_is_told_of_real_packets_makes_an_incident_of_the_jewel(host):
    """From the kernel's word to the account that is cut: nothing else happened on that host."""
    site = FakeSite(data=[Data("model:m", "/m", 1 << 30, frozenset({"identity:ada"}))], quotas={QUOTA: "model:m"})
    jobs = (("job:slurm/c1/7", "ada"), ("job:slurm/c1/8", "bob"))
    seen = view([Running(uid, user=user, hosts=("gpu0001",)) for uid, user in jobs], site)
    host.watch(SMALL)
    host.send(300)
    signals = play(budget_spent, list(host.sampler.look()), seen)
    (incident,) = Joiner(site).join(Joining(), signals, signals[0].time, seen)
    assert incident.entities == ("host:gpu0001", "job:slurm/c1/7", "identity:ada", "model:m")


def test_it_is_told_again_only_once_it_was_refilled_and_spent_anew(host):
    """What goes on is told every minute."""
    host.watch(SMALL)
    host.send(300)
    assert len(of(list(host.sampler.look()), SPENT)) == 1
    host.send(10)
    assert of(list(host.sampler.look()), SPENT) == []
    host.enforcer.apply(fence_of(2 * SMALL))
    assert of(list(host.sampler.look()), SPENT) == []
    host.send(500)
    assert [one.fields["fence.rule"] for one in of(list(host.sampler.look()), SPENT)] == [QUOTA]


def test_a_sender_whom_the_rate_before_the_quota_holds_back_is_told(host):
    """A connection that sends as fast as it can: a burst leaves, then a trickle, and the quota is far from spent."""
    host.watch(LARGE)
    with host.net.hosts[1].entered():
        server = socket.create_server((v4(1), TCP))
    one = host.net.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM)
    one.connect((v4(1), TCP))
    other, _ = server.accept()
    one.settimeout(2)
    sending = threading.Thread(target=_send_all, args=(one, 64 << 20), daemon=True)
    reading = threading.Thread(target=_read_all, args=(other,), daemon=True)
    sending.start()
    reading.start()
    found = until(host.sampler, lambda found: of(found, THROTTLED), 20)
    first = of(found, THROTTLED)[0]
    assert urgent(first)
    assert first.fields["fence.rule"] == QUOTA
    assert first.fields["fence.packets"] > 0
    assert sum(rate(LARGE)) // 2 < first.fields["fence.used"] < LARGE / 2
    assert of(found, SPENT) == []
    for each in (one, other, server):
        each.close()


def test_bytes_within_the_budget_beside_packets_that_are_denied_are_no_budget_held_back(host):
    """The same counter counts both; the rate's bucket tells them apart."""
    host.watch(LARGE)
    host.send(300)
    host.send(20, port=9)
    found = list(host.sampler.look())
    assert [(one.activity_id, one.fields["fence.rule"]) for one in found] == [(DENIED, "denied_out")]


def test_denied_packets_are_told_with_their_number_and_then_not_for_a_while(host):
    """What was counted before the agent came is not told; nothing of it is urgent."""
    host.enforcer.apply(fence_of(LARGE))
    host.send(5, port=9)
    host.watch(LARGE)
    host.send(20, port=9)
    (denied,) = list(host.sampler.look())
    assert not urgent(denied)
    assert (denied.fields["fence.rule"], denied.fields["fence.packets"]) == ("denied_out", 20)
    assert denied.fields["fence.bytes"] == 20 * 1028
    host.send(20, port=9)
    assert list(host.sampler.look()) == []


def test_the_budget_of_a_job_is_told_with_its_control_group(host):
    """The name of the quota has that of the group; the bytes of the host beside it are not the job's."""
    code = "import socket,sys\none = socket.socket(2, 2)\nfor _ in range(300):\n "
    code += "try: one.sendto(bytes(1000), (sys.argv[1], 5000))\n except PermissionError: pass"
    with control_groups("job_7") as groups:
        path = groups["job_7"]
        host.watch(SMALL, path)
        inside = f"echo $$ > {cgroup_folder(path)}/cgroup.procs && exec {sys.executable} -c '{code}' {v4(1)}"
        subprocess.run(["sh", "-c", inside], check=True, timeout=20)
        (spent,) = of(list(host.sampler.look()), SPENT)
        assert spent.fields["fence.rule"] == f"{chain_of(path)}_{QUOTA}"
        assert spent.fields["process.cgroup"] == path


def test_no_table_of_ours_is_nothing_to_tell_and_a_new_one_begins_from_nothing(host):
    """The fence may be taken away and come back at any time."""
    started(host.sampler)
    host.sampler.every = 0.0
    assert list(host.sampler.look()) == []
    host.enforcer.apply(fence_of(SMALL))
    host.send(300)
    assert len(of(list(host.sampler.look()), SPENT)) == 1
    host.enforcer.restore("")
    assert list(host.sampler.look()) == []


def test_looking_changes_nothing(host):
    """Neither rules nor what they have counted."""
    host.watch(SMALL)
    host.send(300)
    before = host.net.hosts[0].run("nft", "list", "ruleset")
    list(host.sampler.look())
    assert host.net.hosts[0].run("nft", "list", "ruleset") == before


def test_a_group_has_the_name_that_the_fence_gives_it():
    """Both sides make it from the path."""
    path = "system.slice/slurmstepd.scope/job_17"
    assert chain_of(path) == f"job_{digest_of(path)}"
    assert Machine("h", "c1").job(path) == "job:slurm/c1/17"


@given(st.binary(max_size=200))
def test_whatever_a_datagram_holds_is_read_or_left_out(data):
    """Only the kernel sends any; a length that lies ends the reading."""
    found = nf_tables.told(data)
    assert found is None or found.name is not None
    nf_tables.pushed(10 << 8 | 18, data)


def _send_all(one: socket.socket, count: int) -> None:
    with suppress(OSError):
        one.sendall(bytes(count))


def _read_all(one: socket.socket) -> None:
    with suppress(OSError):
        while one.recv(1 << 16):
            pass
