"""Connections between two hosts that are network namespaces, as each of them tells."""

import socket
import subprocess
import sys
import time

import pytest

from ringfence.collect.telemetry.samplers.conntrack import Conntrack
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.sockets import Sockets
from ringfence.enforce.confine import drop, make, mount
from ringfence.errors import EnforceError
from ringfence.wire.ocsf.urgent import LOUD, urgent
from tests.collect.telemetry.samplers.looked import started, until
from tests.live.netns import PORT, Network, need, v4

TRACK = "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }"


@pytest.fixture(scope="module")
def network():
    """Two hosts."""
    need()
    made = Network(2)
    yield made
    made.close()


def of(found, activity):
    """The events of one activity that are about the other host."""
    return [one for one in found if one.activity_id == activity and one.fields["dst_endpoint.ip"] == v4(1)]


def test_a_connection_is_told_with_program_user_and_bytes(network):
    """Opened, and ended with what was sent; as the opener sees it, and as the other end does."""
    with network.hosts[0].entered():
        here = Sockets(Machine("gpu0001"))
        started(here)
    with network.hosts[1].entered():
        there = Sockets(Machine("gpu0002"))
        started(there)
        server = socket.create_server((v4(1), 6000))
    list(here.look()), list(there.look())
    one = network.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM)
    one.connect((v4(1), 6000))
    other, _ = server.accept()
    (opened,) = of(until(here, lambda found: of(found, 1)), 1)
    assert opened.fields["dst_endpoint.port"] == 6000
    assert opened.fields["connection_info.direction"] == "outbound"
    assert "python" in str(opened.fields["actor.process.name"])
    (inbound,) = of(until(there, lambda found: of(found, 1)), 1)
    assert (inbound.fields["connection_info.direction"], inbound.fields["src_endpoint.ip"]) == ("inbound", v4(0))
    one.sendall(bytes(100_000))
    got = 0
    while got < 100_000:
        got += len(other.recv(1 << 16))
    other.sendall(bytes(500))
    one.recv(1000)
    one.close()
    other.close()
    for sampler in (here, there):
        (ended,) = of(until(sampler, lambda found: of(found, 2)), 2)
        assert 100_000 <= ended.fields["traffic.bytes_out"] <= 100_010
        assert 500 <= ended.fields["traffic.bytes_in"] <= 510
        sampler.close()
    server.close()


def test_a_connection_shorter_than_a_sample_is_told_at_its_end(network):
    """The kernel pushes it."""
    with network.hosts[0].entered():
        sampler = Sockets(Machine("gpu0001"))
        started(sampler)
    list(sampler.look())
    with network.hosts[1].entered():
        server = socket.create_server((v4(1), 6001))
    with server, network.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.connect((v4(1), 6001))
        other, _ = server.accept()
        one.send(b"x" * 777)
        assert len(other.recv(1000)) == 777
        one.close()
        other.close()
    (ended,) = of(until(sampler, lambda found: of(found, 2)), 2)
    assert 777 <= ended.fields["traffic.bytes_out"] <= 780
    sampler.close()


def test_a_connection_of_a_job_is_told_as_such(network):
    """By the control group of its socket, as the kernel has it; the process that holds it is found in that group."""
    try:
        root = mount()
        group = make(root, "990017")
    except EnforceError as error:
        pytest.skip(f"missing-part: {error.what}")
    with network.hosts[0].entered():
        sampler = Sockets(Machine("gpu0001", "c1"))
        started(sampler)
    list(sampler.look())
    talk = f"import socket, time; s = socket.create_connection(('{v4(1)}', 6002)); time.sleep(60)"
    with network.hosts[1].entered():
        server = socket.create_server((v4(1), 6002))
    code = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0'); {talk}"
    with server, subprocess.Popen(network.hosts[0].command(sys.executable, "-c", code)) as job:
        found = until(sampler, lambda told: [one for one in told if one.fields["dst_endpoint.port"] == 6002])
        job.kill()
    sampler.close()
    drop(root, "990017")
    (opened,) = [one for one in found if one.fields["dst_endpoint.port"] == 6002]
    assert opened.fields["job.uid"] == "job:slurm/c1/990017"
    assert opened.fields["actor.process.pid"] == job.pid


def test_udp_is_told_by_connection_tracking_where_a_rule_asks_for_it(network):
    """One datagram to the other host."""
    host = network.hosts[0]
    host.run("nft", "-f", "-", given=TRACK)
    with host.entered():
        sampler = Conntrack(Machine("gpu0001"))
        started(sampler)
        with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"hello", (v4(1), PORT))
            end = time.monotonic() + 5
            found = []
            while not found and time.monotonic() < end:
                found = of(sampler.look(), 1)
    assert found[0].fields["connection_info.protocol_name"] == "udp"
    assert (found[0].fields["src_endpoint.ip"], found[0].fields["dst_endpoint.port"]) == (v4(0), PORT)
    sampler.close()


def test_a_connection_out_of_the_cluster_is_told_as_it_begins_and_as_it_sends(network):
    """Pushed by the kernel's tracking, with its bytes each time that many have gone; both are urgent."""
    away = "192.88.99.7"
    network.hosts[1].run("ip", "addr", "add", f"{away}/32", "dev", "lo")
    network.hosts[0].run("ip", "route", "add", f"{away}/32", "via", v4(1))
    network.hosts[0].run("nft", "-f", "-", given=TRACK)
    with network.hosts[0].entered():
        sampler = Sockets(Machine("gpu0001"))
        started(sampler)
    list(sampler.look())
    with network.hosts[1].entered():
        server = socket.create_server((away, 6002))
    with server, network.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.connect((away, 6002))
        other, _ = server.accept()
        (opened,) = [event for event in sampler.look() if event.activity_id == 1]
        assert (opened.fields["dst_endpoint.ip"], urgent(opened)) == (away, True)
        assert "python" in str(opened.fields["actor.process.name"])
        assert sampler.every < 0.1
        for _ in range(2):
            left = LOUD
            while left:
                one.sendall(bytes(1 << 14))
                left -= len(other.recv(1 << 14, socket.MSG_WAITALL))
            told = until(sampler, lambda found: [event for event in found if event.activity_id == 6])
            (sent,) = [event for event in told if event.activity_id == 6]
            assert LOUD - 10 <= sent.fields["traffic.bytes_out"] <= LOUD + 10
            assert urgent(sent)
        other.close()
    until(sampler, lambda found: [event for event in found if event.activity_id == 2])
    list(sampler.look())
    assert sampler.every == 1.0
    sampler.close()
    network.hosts[0].run("nft", "delete", "table", "inet", "t")
