"""A host's containment with real packets: what stands is cut at once, what is kept passes, and it is taken back."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ringfence.enforce import confine
from ringfence.enforce.contain import Contain
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import LONGEST, OnHost, Until, decode, encode
from ringfence.wire.nft import text as nft_text
from tests.live.netns import PORT, Network, network, settled, v4, v6

pytestmark = pytest.mark.live

_SPEAKER = """
import os, socket, sys
"a".encode("idna")
if int(sys.argv[1]): os.setuid(int(sys.argv[1]))
one = socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=5)
print("there", flush=True)
for line in sys.stdin: one.sendall(b"x")
"""


class Flow:
    """A TCP connection that stands: `passes` says whether a byte sent at one end arrives at the other."""

    def __init__(self, out: socket.socket, into: socket.socket) -> None:
        self.out, self.into = out, into

    def passes(self, seconds: float = 0.2) -> bool:
        self.into.settimeout(seconds)
        with suppress(BlockingIOError):
            self.out.send(b"x")
        try:
            return bool(self.into.recv(4096))
        except TimeoutError:
            return False

    def back(self) -> "Flow":
        """The same from the other end."""
        return Flow(self.into, self.out)

    def lets_through(self) -> bool:
        """Whether it passes in the end: TCP waits longer after each packet that was lost."""
        return settled(lambda: self.passes())


class World:
    """Hosts on a bridge, and the containment of host 0."""

    def __init__(self, net: Network, folder: Path, stack: ExitStack) -> None:
        self.net, self._stack = net, stack
        self.memory = folder / "memory" / "contain.json"
        self.contain = Contain("host:h0", self.memory, net.hosts[0].entered)

    def put(self, document: OnHost) -> None:
        self.contain.apply(Artefact("x", encode(document), ("host:h0",)))

    def found(self) -> OnHost:
        return decode(self.contain.read(), OnHost)

    def flow(self, source: int, target: int, name=v4) -> Flow:
        """A connection from one host to another that stands."""
        family = socket.AF_INET6 if name is v6 else socket.AF_INET
        server = self._stack.enter_context(self.net.hosts[target].socket(family, socket.SOCK_STREAM))
        server.bind((name(target), 0))
        server.listen()
        out = self._stack.enter_context(self.net.hosts[source].socket(family, socket.SOCK_STREAM))
        out.connect((name(target), server.getsockname()[1]))
        into = self._stack.enter_context(server.accept()[0])
        return Flow(out, into)

    def ruleset(self) -> str:
        return self.net.hosts[0].run("nft", "-s", "list", "ruleset")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with network(3) as net, ExitStack() as stack:
        yield World(net, tmp_path, stack)


def soon() -> int:
    return int(time.time()) + 300


@pytest.mark.parametrize("name", [v4, v6])
@pytest.mark.parametrize("outward", [True, False])
def test_a_connection_that_stands_is_cut_at_once_both_ways_and_others_stay(world, name, outward):
    accepting = "table inet theirs { chain c { type filter hook output priority 0; ct state established accept; }; }"
    world.net.hosts[0].run("nft", accepting)
    cut = world.flow(0, 1, name) if outward else world.flow(1, 0, name)
    stays = world.flow(0, 2, name)
    assert cut.passes()
    assert cut.back().passes()
    document = OnHost(blocked=(Until(name(1), soon()),), keep=(name(2),))
    world.put(document)
    assert world.contain.read() == encode(document)
    assert not cut.passes()
    assert not cut.back().passes()
    assert stays.passes()
    assert stays.back().passes()
    world.put(OnHost())
    assert cut.lets_through()


def test_undo_leaves_every_table_as_it_was_and_a_document_read_before_comes_back(world):
    world.net.hosts[0].run("nft", "table inet ringfence { set s { type ipv4_addr; elements = { 10.0.0.1 }; }; }")
    world.net.hosts[0].run("nft", "table ip theirs { chain c { type filter hook input priority 0; }; }")
    before = world.ruleset()
    assert world.contain.read() == ""
    world.put(OnHost(blocked=(Until(v4(1), soon()),)))
    held = world.contain.read()
    world.put(OnHost(blocked=(Until("10.0.0.0/8", soon()),), users=(Until("nobody"),), keep=(v4(2),)))
    assert decode(world.contain.read(), OnHost).users == (Until("nobody"),)
    world.contain.restore(held)
    assert world.contain.read() == held
    world.contain.restore("")
    assert world.contain.read() == ""
    assert world.ruleset() == before
    assert not world.memory.exists()
    world.contain.restore("")
    assert world.ruleset() == before


def test_isolated_lets_nothing_pass_but_what_is_kept_and_the_host_itself(world):
    flows = {(peer, name): world.flow(0, peer, name) for peer in (1, 2) for name in (v4, v6)}
    inward, own = world.flow(1, 0), world.flow(0, 0)
    document = OnHost(isolated=(Until("weights are leaving", soon()),), keep=(v4(2), f"{v6(2)}/128"))
    world.put(document)
    assert world.contain.read() == encode(document)
    assert {key for key, flow in flows.items() if flow.passes()} == {(2, v4), (2, v6)}
    assert own.passes()
    assert not inward.passes()
    world.net.hosts[0].run("ip", "neigh", "flush", "dev", "eth0")
    assert world.flow(0, 2, v6).passes()  # neighbours still find each other
    assert world.net.matrix({(0, 2), (2, 0), (1, 2), (2, 1)})["tcp4"] == {(0, 2), (2, 0), (1, 2), (2, 1)}


def test_what_is_kept_stays_whatever_else_is_said(world):
    flows = [world.flow(0, 2, name) for name in (v4, v6)]
    world.put(
        OnHost(
            blocked=(Until(v4(2)), Until(v6(2)), Until("0.0.0.0/0"), Until("::/0")),
            users=(Until("0"),),
            keep=(f"{v4(2)}/32", v6(2)),
        )
    )
    assert all(flow.passes() and flow.back().passes() for flow in flows)
    assert not world.net.matrix({(0, 2)})["udp4"] & {(0, 1), (1, 0)}


def test_what_expires_is_lifted_by_the_kernel_and_is_not_told_any_more(world):
    cut, stays = world.flow(0, 1), world.flow(0, 2)
    world.put(OnHost(blocked=(Until(v4(1), int(time.time()) + 2), Until(v4(2), soon()))))
    assert [one.what for one in world.found().blocked] == [v4(1), v4(2)]
    assert not cut.passes()
    assert settled(lambda: [one.what for one in world.found().blocked] == [v4(2)])
    assert cut.lets_through()
    assert not stays.passes()


def test_what_is_past_is_not_loaded_and_nothing_is_held_for_more_than_a_day(world):
    world.put(OnHost(blocked=(Until(v4(1), 1_000),)))
    assert (world.contain.read(), world.ruleset()) == ("", "")
    world.put(OnHost(blocked=(Until(v4(1), 1_000), Until(v4(2), 1 << 40))))
    (held,) = world.found().blocked
    assert held.what == v4(2)
    assert held.until <= time.time() + LONGEST
    assert world.contain.read() == world.contain.read()


def test_a_user_is_cut_and_no_other(world):
    with ExitStack() as stack:
        heard = {uid: speaker(world, stack, uid) for uid in (0, 12345, 65534)}
        assert all(hears(*one) for one in heard.values())
        world.put(OnHost(users=(Until("12345", soon()), Until("nobody", soon()), Until("no-such-account", soon()))))
        assert [one.what for one in world.found().users] == ["12345", "nobody"]
        assert {uid for uid, one in heard.items() if hears(*one)} == {0}


@contextmanager
def group(job: str) -> Iterator[Path]:
    try:
        root = confine.mount()
        path = confine.make(root, job)
    except EnforceError as error:
        pytest.skip(f"missing-part: {error}")
    try:
        yield path
    finally:
        assert settled(lambda: confine.drop(root, job))


def test_a_job_is_cut_by_its_control_group_and_one_that_ended_counts_as_held(world):
    with group("990001") as path, ExitStack() as stack:
        inside = speaker(world, stack, 0, path)
        outside = speaker(world, stack, 0)
        document = OnHost(jobs=(Until("990001", soon()), Until("990002"), Until("not a number")))
        with group("990002"):
            world.put(document)
            assert [one.what for one in world.found().jobs] == ["990001", "990002"]
            assert not hears(*inside)
            assert hears(*outside)
        assert [one.what for one in world.found().jobs] == ["990001", "990002"]
        with group("990002"):  # a new group of the same number is not the one that is cut
            assert [one.what for one in world.found().jobs] == ["990001"]


def speaker(
    world: World, stack: ExitStack, uid: int, path: Path | None = None
) -> tuple[subprocess.Popen, socket.socket]:
    """A process of host 0 of some user (in a control group), connected to host 1."""
    server = stack.enter_context(world.net.hosts[1].socket(socket.AF_INET, socket.SOCK_STREAM))
    server.bind((v4(1), 0))
    server.listen()
    join = f'echo $$ > "{path}/cgroup.procs" && ' if path else ""
    words = ("sh", "-c", f'{join}exec "$0" "$@"', sys.executable, "-c", _SPEAKER)
    command = world.net.hosts[0].command(*words, str(uid), v4(1), str(server.getsockname()[1]))
    started = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stack.callback(started.kill)
    assert started.stdout.readline() == "there\n"
    return started, stack.enter_context(server.accept()[0])


def hears(started: subprocess.Popen, into: socket.socket) -> bool:
    into.settimeout(0.2)
    started.stdin.write("\n")
    started.stdin.flush()
    try:
        return bool(into.recv(4096))
    except TimeoutError:
        return False


def test_throttled_gets_through_but_no_more_than_its_rate_and_counted_is_only_counted(world):
    rate = 1 << 16
    world.put(OnHost(throttled=(Until(v4(1), soon()),), counted=(Until(v4(2), soon()),), rate=rate))
    assert world.found().rate == rate
    sent = 2000
    with world.net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for peer in (1, 2):
            for _ in range(sent):
                with suppress(PermissionError):  # dropped on its way out
                    out.sendto(b"x" * 1000, (v4(peer), PORT))
    assert settled(lambda: world.net.arrived.get(("udp", v4(0), v4(2)), 0) == sent)
    assert 0 < world.net.arrived.get(("udp", v4(0), v4(1)), 0) < sent // 2
    assert f"ip daddr @seen4 counter packets {sent} bytes" in world.net.hosts[0].run("nft", "list", "ruleset")


def test_two_documents_in_a_row_leave_the_second_and_the_counts_go_on(world):
    world.put(OnHost(blocked=(Until(v4(1), soon()),)))
    with world.net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as out, suppress(PermissionError):
        out.sendto(b"x", (v4(1), PORT))
    world.put(OnHost(blocked=(Until(v4(1), soon() + 100), Until(v4(2), soon()))))
    assert [one.what for one in world.found().blocked] == [v4(1), v4(2)]
    assert "ip daddr @peers4 counter packets 1 " in world.net.hosts[0].run("nft", "list", "ruleset")
    world.put(OnHost(blocked=(Until(v4(2), soon()),)))
    assert [one.what for one in world.found().blocked] == [v4(2)]


def test_prefixes_within_each_other_each_have_their_own_end(world):
    early, late = int(time.time()) + 2, soon()
    document = OnHost(
        blocked=(
            Until("10.0.0.0/8", early), Until("10.9.0.0/30", late), Until("10.9.0.2", 0), Until("10.9.0.0/31", early),
        )
    )  # fmt: skip
    world.put(document)
    assert world.found().blocked == document.blocked
    assert settled(lambda: [one.what for one in world.found().blocked if one.until != early] != [])
    assert settled(lambda: "10.0.0.0/8" not in [one.what for one in world.found().blocked])
    assert {Until("10.9.0.0/30", late), Until("10.9.0.2", 0)} <= {*world.found().blocked}


@pytest.mark.parametrize(
    "garbage",
    ["x", "[]", '{"type":"keys"}', '{"type":"contain","keep":["server.example"],"blocked":[{"what":"10.0.0.1"}]}',
     '{"type":"contain","isolated":[{"what":"x"}]}', '{"type":"contain","blocked":[{"what":"1.2.3.4","until":-1}]}'],
)  # fmt: skip
def test_garbage_changes_nothing_and_says_so(world, garbage):
    document = OnHost(blocked=(Until(v4(1), soon()),))
    world.put(document)
    with pytest.raises(EnforceError) as refused:
        world.contain.apply(Artefact("x", garbage, ("host:h0",)))
    assert refused.value.remedy == "nothing was changed"
    assert world.contain.read() == encode(document)


def test_one_line_that_cannot_be_carried_out_stops_no_other(world):
    lines = ("} ; flush ruleset", "10.0.0.5 drop", "a" * 400, "é\n", v4(1))
    world.put(OnHost(blocked=tuple(Until(one) for one in lines), users=(Until("-h"), Until("a:b"), Until("\x00"))))
    assert world.found() == OnHost(blocked=(Until(v4(1)),))


def test_what_somebody_changed_in_our_table_is_told(world):
    document = OnHost(blocked=(Until(v4(1), soon()), Until("10.1.0.0/16", soon())))
    world.put(document)
    run = world.net.hosts[0].run
    run("nft", "delete element inet ringfence_contain peers4 { 10.9.0.2 }")
    assert [one.what for one in world.found().blocked] == ["10.1.0.0/16"]
    run("nft", "add element inet ringfence_contain peers4 { 10.9.0.2 timeout 50s, 10.9.0.9 }")
    shortened, _, strange = world.found().blocked
    assert shortened.until < time.time() + 60
    assert strange == Until("10.9.0.9", 0)
    world.put(document)
    assert world.found() == document
    for change in (
        "insert rule inet ringfence_contain output accept",
        "flush chain inet ringfence_contain input",
        "add table inet ringfence_contain { flags dormant; }",
        "delete table inet ringfence_contain; add table inet ringfence_contain",
        "delete table inet ringfence_contain; table inet ringfence_contain { set users { type inet_service; "
        "elements = { 22 }; }; set peers4 { type ether_addr; elements = { 0:1:2:3:4:5 }; }; }",
    ):
        run("nft", change)
        with pytest.raises(EnforceError, match=r"not as we made it|cannot be read"):
            world.contain.read()
        world.put(document)
        assert world.found() == document


def test_what_lies_in_the_kernel_is_told_though_nothing_is_remembered(world):
    document = OnHost(blocked=(Until(v4(1), soon()), Until("10.1.0.0/16")), users=(Until("77"),), keep=(v4(2),))
    world.put(document)
    for damage in ("", "{", '{"document":{"type":"contain","keep":["x"]}}'):
        world.memory.write_text(damage)
        assert world.found() == document
    world.memory.unlink()
    assert world.found() == document
    world.contain.restore("")
    assert world.ruleset() == ""


def test_the_fence_reads_a_ruleset_in_which_the_containment_stands(world):
    world.put(
        OnHost(
            blocked=(Until(v4(1), soon()), Until("10.1.0.0/16")), throttled=(Until(v6(1)),), users=(Until("7"),),
            isolated=(Until("x", soon()),), keep=(v4(2), v6(2)),
        )
    )  # fmt: skip
    found = nft_text.read(world.net.hosts[0].run("nft", "list", "ruleset").encode())
    assert found.ours is None
    assert msgspec.json.decode(world.net.hosts[0].run("nft", "-j", "list", "ruleset"))
    world.put(OnHost())
    assert world.ruleset() == ""


def test_killed_between_the_two_steps_what_is_told_is_what_the_kernel_has(world):
    """The words are written first, then the table is changed: after a kill they may be newer than the table."""
    old = OnHost(blocked=(Until(v4(1), soon()),), users=(Until("nobody", soon()),))
    new = OnHost(blocked=(Until(v4(2), soon()),), users=(Until("77"),))
    world.put(new)
    words = world.memory.read_text()
    world.put(old)
    world.memory.write_text(words)
    assert world.found() == OnHost(blocked=old.blocked, users=(Until("65534", old.users[0].until),))
    world.put(new)
    assert world.found() == new
