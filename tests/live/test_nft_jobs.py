"""Two jobs on one host are told apart by their control groups, in both directions and over the loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ringfence.enforce.nftables import Nftables
from ringfence.errors import EnforceError
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove.ip import prove_ip
from tests.live.netns import Namespace, Network, cgroup_folder, control_groups, network, v4, v6

pytestmark = pytest.mark.live

_ACTOR = """
import json, socket, sys, threading
def serve(one):
    while True:
        try: peer, _ = one.accept()
        except OSError: return
        peer.sendall(b"hello"); peer.close()
def connect(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as one:
        one.settimeout(0.25)
        try:
            one.connect((address, port))
            return one.recv(9) == b"hello"
        except OSError:
            return False
def listen(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        one = socket.socket(family)
        if family == socket.AF_INET6: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port)); one.listen()
        threading.Thread(target=serve, args=(one,), daemon=True).start()
    return True
for line in sys.stdin:
    name, *rest = json.loads(line)
    print(json.dumps({"connect": connect, "listen": listen}[name](*rest)), flush=True)
"""


class Actor:
    """A process in a namespace and a control group that listens and connects on request."""

    def __init__(self, host: Namespace, path: str) -> None:
        join = f'echo $$ > "{cgroup_folder(path)}/cgroup.procs" && exec "$0" -c "$1"' if path else 'exec "$0" -c "$1"'
        command = host.command("sh", "-c", join, sys.executable, _ACTOR)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *request: Any) -> bool:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return bool(json.loads(self.process.stdout.readline()))

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def actors(places: dict[str, tuple[Namespace, str]]) -> Iterator[dict[str, Actor]]:
    made = {name: Actor(*place) for name, place in places.items()}
    try:
        yield made
    finally:
        for one in made.values():
            one.end()


def _policy() -> Policy:
    """Jobs 1 and 2 share h0; 1 also has h1, 2 also has h2. Job 2 offers port 7002 to job 1."""
    groups = {
        "1": Group("1", "gang", "1", {"ip": ("host:h1", "job:1@host:h0")}),
        "2": Group("2", "gang", "2", {"ip": ("host:h2", "job:2@host:h0")}),
    }
    allows = (
        Allow("1", "1", "ip", "any", ""),
        Allow("1", "2", "ip", "tcp/7002", ""),
        Allow("2", "2", "ip", "any", ""),
    )
    return Policy(groups, allows)


def test_two_jobs_on_one_host_reach_only_their_own(worlds: tuple[Network, dict[str, str]]) -> None:
    net, paths = worlds
    names = tuple(f"host:h{at}" for at in range(3))
    inventory = Inventory(
        addresses={name: (v4(at), v6(at)) for at, name in enumerate(names)},
        cgroups={"job:1@host:h0": paths["job_1"], "job:2@host:h0": paths["job_2"]},
        enforcers={"nftables": names},
    )
    compiled = compile_nftables(_policy(), inventory)
    assert prove_ip(_policy(), inventory, compiled.artefacts, compiled.residuals).holds
    enforcers = {name: Nftables(name, net.hosts[at].entered) for at, name in enumerate(names)}
    for artefact in compiled.artefacts:
        for host in artefact.loaded_by:
            enforcers[host].apply(artefact)
    found = [Artefact(name, one.ruleset(), (name,)) for name, one in enforcers.items()]
    assert prove_ip(_policy(), inventory, found, compiled.residuals).holds

    places = {
        "job 1": (net.hosts[0], paths["job_1"]),
        "job 2": (net.hosts[0], paths["job_2"]),
        "host": (net.hosts[0], ""),
        "h1": (net.hosts[1], ""),
        "h2": (net.hosts[2], ""),
    }
    with actors(places) as on:
        ports = {"job 1": 7001, "job 2": 7003, "h1": 7101, "h2": 7102}
        for name, port in ports.items():
            assert on[name].ask("listen", port)
        assert on["job 2"].ask("listen", 7002)
        reached = {
            (source, target)
            for source in on
            for target, port in ports.items()
            if source != target and on[source].ask("connect", _address(target), port)
        }
        # the host's own processes share the loopback with its jobs, and only that
        assert reached == {("job 1", "h1"), ("h1", "job 1"), ("job 2", "h2"), ("h2", "job 2")} | {
            ("host", "job 1"),
            ("host", "job 2"),
        }
        for address in ("127.0.0.1", "::1", v4(0), v6(0)):
            assert not on["job 1"].ask("connect", address, 7003)
            assert not on["job 2"].ask("connect", address, 7001)
            assert on["job 1"].ask("connect", address, 7001)
            assert on["job 1"].ask("connect", address, 7002)
        assert on["h1"].ask("connect", v4(0), 7002)
        assert not on["h1"].ask("connect", v4(0), 7003)


def _address(name: str) -> str:
    return v4({"h1": 1, "h2": 2}.get(name, 0))


def test_a_job_whose_control_group_is_not_there_yet_is_refused_with_the_remedy(
    worlds: tuple[Network, dict[str, str]],
) -> None:
    net, paths = worlds
    policy = Policy({"1": Group("1", "gang", "1", {"ip": ("job:1@host:h0",)})}, ())
    one = Nftables("host:h0", net.hosts[0].entered)
    inventory = Inventory(
        addresses={"host:h0": (v4(0),)},
        cgroups={"job:1@host:h0": paths["job_1"] + "/not-there"},
        enforcers={"nftables": ("host:h0",)},
    )
    with pytest.raises(EnforceError) as refused:
        one.apply(compile_nftables(policy, inventory).artefacts[0])
    assert "control group" in refused.value.remedy
    assert one.read() == ""


@pytest.fixture
def worlds() -> Iterator[tuple[Network, dict[str, str]]]:
    with network(3) as net, control_groups("job_1", "job_2") as paths:
        yield net, paths
