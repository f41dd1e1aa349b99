"""Hosts behind real nftables reach whom the policy names, before, during and after every change."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ringfence.enforce.conntrack import end_flows
from ringfence.enforce.nftables import Nftables
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove.ip import prove_ip
from ringfence.wire.nft import json, text
from tests.live.netns import PORT, Network, network, v4, v6

pytestmark = pytest.mark.live
HOSTS = tuple(f"host:h{at}" for at in range(8))
CLIQUES = {(s, t) for s in range(8) for t in range(8) if s != t and s // 4 == t // 4}
ALL = {(s, t) for s in range(8) for t in range(8) if s != t}
INVENTORY = Inventory(
    addresses={name: (v4(at), v6(at)) for at, name in enumerate(HOSTS)}, enforcers={"nftables": HOSTS}
)


def policy(*more: Allow) -> Policy:
    groups = {
        "a": Group("a", "gang", "a", {"ip": HOSTS[:4]}),
        "b": Group("b", "gang", "b", {"ip": HOSTS[4:]}),
    }
    return Policy(groups, (Allow("a", "a", "ip", "any", ""), Allow("b", "b", "ip", "any", ""), *more))


class Fence:
    """An enforcer on each host of a network."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.on = {name: Nftables(name, host.entered) for name, host in zip(HOSTS, net.hosts, strict=True)}

    def apply(self, wanted: Policy, **options: bool) -> None:
        for artefact in compile_nftables(wanted, INVENTORY, **options).artefacts:
            for host in artefact.loaded_by:
                self.on[host].apply(artefact)

    def found(self) -> list[Artefact]:
        return [Artefact(host, one.ruleset(), (host,)) for host, one in self.on.items()]


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as found:
        yield found


def test_two_compartments_are_exactly_two_cliques_on_every_protocol(net: Network) -> None:
    assert all(pairs == ALL for pairs in net.matrix(ALL).values())
    fence = Fence(net)
    fence.apply(policy())
    assert net.matrix(CLIQUES) == dict.fromkeys(("tcp4", "tcp6", "udp4", "udp6"), CLIQUES)
    assert prove_ip(policy(), INVENTORY, fence.found()).holds


def test_no_forbidden_packet_passes_while_rules_are_loaded_two_hundred_times(net: Network) -> None:
    fence, one = Fence(net), policy()
    other = policy(Allow("a", "b", "ip", "tcp/9", "another rule, so that all is written anew"))
    fence.apply(one)
    texts = {host: [_for(host, each) for each in (one, other)] for host in HOSTS}
    net.arrived.clear()
    ended = threading.Event()
    sender = threading.Thread(target=_flood, args=(net, ended))
    sender.start()
    try:
        for turn in range(200):
            host = HOSTS[(0, 1, 4)[turn % 3]]
            fence.on[host].apply(texts[host][(turn // 3 + 1) % 2])
    finally:
        ended.set()
        sender.join()
    assert net.arrived.get(("udp", v4(0), v4(1)), 0) > 1000
    assert not [key for key in net.arrived if key[1:] in ((v4(0), v4(4)), (v4(5), v4(0)))]
    fence.apply(one)
    assert set(map(frozenset, net.matrix(CLIQUES).values())) == {frozenset(CLIQUES)}


def _for(host: str, wanted: Policy) -> Artefact:
    return next(one for one in compile_nftables(wanted, INVENTORY).artefacts if host in one.loaded_by)


def _flood(net: Network, ended: threading.Event) -> None:
    """Within a compartment, out of one, and into one: as many datagrams as will go."""
    pairs = [(net.hosts[s].socket(socket.AF_INET, socket.SOCK_DGRAM), v4(t)) for s, t in ((0, 1), (0, 4), (5, 0))]
    while not ended.is_set():
        for one, to in pairs:
            with suppress(PermissionError, BlockingIOError):
                one.sendto(b"x" * 100, (to, PORT))
    for one, _ in pairs:
        one.close()


def test_one_member_more_is_one_element_and_the_rules_stay(net: Network) -> None:
    first = Fence(net).on["host:h0"]
    first.apply(_for("host:h0", policy()))
    handles = _rule_handles(net)
    grown = Policy(
        {
            "a": Group("a", "gang", "a", {"ip": HOSTS[:5]}),
            "b": Group("b", "gang", "b", {"ip": HOSTS[5:]}),
        },
        policy().allows,
    )
    first.apply(_for("host:h0", grown))
    assert _rule_handles(net) == handles
    assert _elements(first.read(), "in_any_v4") == {v4(at) for at in range(5)}
    first.apply(_for("host:h0", policy()))
    assert _elements(first.read(), "in_any_v4") == {v4(at) for at in range(4)}
    assert _rule_handles(net) == handles


def _elements(listed: str, name: str) -> set[str]:
    table = text.read(listed.encode()).ours
    assert table
    return {*table.sets[name].elements}


def _rule_handles(net: Network) -> list[str]:
    lines = net.hosts[0].run("nft", "-a", "list", "ruleset").splitlines()
    return [line.rpartition("# handle")[2] for line in lines if "# handle" in line]


def test_a_cut_ends_what_was_open(net: Network) -> None:
    fence = Fence(net)
    fence.apply(policy(Allow("a", "b", "ip", "any", "for a while")))
    served = net.hosts[4].socket(socket.AF_INET, socket.SOCK_STREAM)
    served.bind((v4(4), 6000))
    served.listen()
    with served, net.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as out, _kept_open(net) as inside:
        out.settimeout(5)
        out.connect((v4(4), 6000))
        peer, _ = served.accept()
        with peer:
            fence.apply(policy())
            peer.send(b"still there")
            assert out.recv(100) == b"still there"  # established: rules alone do not end it
            ended = [
                end_flows(
                    text.read(fence.on[HOSTS[at]].ruleset().encode()), lambda argv, at=at: net.hosts[at].run(*argv)
                )
                for at in (0, 4)
            ]
            assert ended[0].flows == ended[1].flows == (f"{v4(0)} → {v4(4)} tcp/6000",)
            assert ended[0].left == ended[1].left == ()
            with pytest.raises(ConnectionError):
                out.recv(100)
        inside.send(b"not concerned")
        assert inside.recv(100) == b"not concerned"


@contextmanager
def _kept_open(net: Network) -> Iterator[socket.socket]:
    """A connection within a compartment whose far end echoes once."""
    with net.hosts[1].socket(socket.AF_INET, socket.SOCK_STREAM) as served:
        served.bind((v4(1), 6001))
        served.listen()
        with net.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as one:
            one.settimeout(5)
            one.connect((v4(1), 6001))
            far, _ = served.accept()
            echo = threading.Thread(target=lambda: far.send(far.recv(100)), daemon=True)
            echo.start()
            yield one
            echo.join()
            far.close()


FOREIGN = """
table ip theirs {
	set kept { type ipv4_addr; elements = { 192.0.2.1 } }
	chain input { type filter hook input priority 10; policy accept; tcp dport 5000 ip saddr 10.9.0.2 drop; }
}
"""


def test_tables_of_others_stay_and_what_they_drop_is_told(net: Network) -> None:
    host, fence = net.hosts[0], Fence(net)
    host.run("nft", "-f", "-", given=FOREIGN)
    before = host.run("nft", "-s", "list", "ruleset")
    fence.apply(policy())
    proof = prove_ip(policy(), INVENTORY, fence.found())
    assert [(one.kind, one.source, one.target, one.what) for one in proof.differences] == [
        ("break", "host:h1", "host:h0", "tcp/5000")
    ]
    assert "ip theirs" in proof.covers
    found = net.matrix(CLIQUES - {(1, 0)})
    assert found["tcp4"] == CLIQUES - {(1, 0)}
    assert found["udp4"] == found["udp6"] == CLIQUES
    fence.on["host:h0"].restore("")
    assert host.run("nft", "-s", "list", "ruleset") == before


def test_undo_brings_back_what_was_there_and_keeps_who_is_blocked(net: Network) -> None:
    host, one = net.hosts[0], Fence(net).on["host:h0"]
    one.apply(_for("host:h0", policy()))
    before, listed = one.read(), host.run("nft", "-s", "list", "ruleset")
    one.apply(_for("host:h0", policy(Allow("a", "b", "ip", "tcp/9", ""))))
    host.run("nft", "add element inet ringfence blocked4 { 10.9.0.2 timeout 1h }")
    one.restore(before)
    assert "10.9.0.2 timeout 1h" in host.run("nft", "list", "set", "inet", "ringfence", "blocked4")
    host.run("nft", "delete element inet ringfence blocked4 { 10.9.0.2 }")
    assert host.run("nft", "-s", "list", "ruleset") == listed


def test_a_block_cuts_both_ways_before_all_else(net: Network) -> None:
    fence = Fence(net)
    fence.apply(policy())
    net.hosts[0].run("nft", f"add element inet ringfence blocked4 {{ {v4(1)} timeout 1h }}")
    rest = CLIQUES - {(0, 1), (1, 0)}
    found = net.matrix(rest)
    assert found["tcp4"] == found["udp4"] == rest
    assert found["tcp6"] == CLIQUES


def test_shadow_mode_counts_and_lets_pass(net: Network) -> None:
    fence = Fence(net)
    fence.apply(policy(), shadow=True)
    assert all(pairs == ALL for pairs in net.matrix(ALL).values())
    counted = text.read(fence.on["host:h0"].read().encode()).ours
    assert counted
    assert counted.counters["denied_out"] >= 16
    assert counted.counters["denied_in"] >= 16
    assert not prove_ip(policy(), INVENTORY, fence.found()).holds
    fence.apply(policy())
    assert net.matrix(CLIQUES)["tcp4"] == CLIQUES


_LOADER = """
import sys
from ringfence.enforce.nftables import Nftables
from ringfence.segment.model import Artefact
one, texts = Nftables("host:h0"), [open(name).read() for name in sys.argv[1:]]
print("ready", flush=True)
while True:
    for text in texts:
        one.apply(Artefact("x", text, ()))
"""


def test_a_loader_killed_at_any_moment_leaves_the_old_table_or_the_new_one(net: Network, tmp_path: Path) -> None:
    texts = [_for("host:h0", one).text for one in (policy(), policy(Allow("a", "b", "ip", "tcp/9", "")))]
    files = [tmp_path / "old.nft", tmp_path / "new.nft"]
    for file, content in zip(files, texts, strict=True):
        file.write_text(content)
    one = Fence(net).on["host:h0"]
    shapes = []
    for content in texts:
        one.restore(content)
        shapes.append(text.read(one.read().encode()).ours)
    for turn in range(6):
        command = net.hosts[0].command(sys.executable, "-c", _LOADER, *map(str, files))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as loader:
            assert loader.stdout
            assert loader.stdout.readline() == "ready\n"
            time.sleep(0.003 + 0.0013 * turn)
            loader.kill()
        assert text.read(one.read().encode()).ours in shapes


def test_what_is_read_back_is_what_was_written_as_text_and_as_json(net: Network) -> None:
    artefact = _for("host:h0", policy(Allow("a", "b", "ip", "tcp/20-22", ""), Allow("b", "a", "ip", "icmp", "")))
    one = Fence(net).on["host:h0"]
    one.apply(artefact)
    listed = text.read(one.ruleset().encode())
    assert listed == json.read(net.hosts[0].run("nft", "-j", "list", "ruleset").encode())
    assert listed == text.read(artefact.text.encode())


def test_a_table_that_was_switched_off_is_told_from_text_and_json_and_wakes_with_its_blocks(net: Network) -> None:
    fence = Fence(net)
    fence.apply(policy())
    host = net.hosts[0]
    host.run("nft", "add element inet ringfence blocked4 { 192.0.2.9 timeout 1h }")
    host.run("nft", "add table inet ringfence { flags dormant; }")
    shown = [Artefact("json", host.run("nft", "-j", "list", "ruleset"), HOSTS[:1]), *fence.found()[1:]]
    for found in (fence.found(), shown):
        assert not prove_ip(policy(), INVENTORY, found).holds
    fence.apply(policy())
    assert prove_ip(policy(), INVENTORY, fence.found()).holds
    assert "192.0.2.9" in fence.on[HOSTS[0]].read()


def test_a_table_that_was_switched_off_and_changed_is_made_anew(net: Network) -> None:
    fence = Fence(net)
    fence.apply(policy())
    net.hosts[0].run("nft", "add table inet ringfence { flags dormant; }")
    fence.apply(policy(Allow("a", "b", "ip", "tcp/9", "another rule")))
    wanted = policy(Allow("a", "b", "ip", "tcp/9", "another rule"))
    assert prove_ip(wanted, INVENTORY, fence.found()).holds
