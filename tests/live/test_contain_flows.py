"""Connections that a containment blocks are ended at both layers: sockets closed, conntrack's entries forgotten."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ringfence.enforce.flows import EndFlows
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnHost, Until, decode, encode
from tests.live.netns import network, settled, v4, v6
from tests.live.test_contain_host import Flow, World, soon, speaker

pytestmark = pytest.mark.live
TRACKING = "table inet tracking { chain c { type filter hook output priority 0; ct state established accept; }; }"


class Ending(World):
    """The same, with the driver that ends connections, on a host that keeps track of them."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.flows = EndFlows("host:h0", self.contain, self.net.hosts[0].entered)
        self.net.hosts[0].run("nft", TRACKING)

    def end(self, document: OnHost) -> None:
        self.put(document)
        self.flows.apply(Artefact("x", encode(document), ("host:h0",)))

    def left(self) -> OnHost:
        return decode(self.flows.read(), OnHost)

    def tracked(self) -> str:
        return self.net.hosts[0].run("conntrack", "-L") + self.net.hosts[0].run("conntrack", "-L", "-f", "ipv6")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Ending]:
    for tool in ("conntrack", "ss"):
        if shutil.which(tool) is None:
            pytest.skip(f"missing-part: {tool} is not installed")
    with network(3) as net, ExitStack() as stack:
        yield Ending(net, tmp_path, stack)


def is_closed(one: socket.socket) -> bool:
    """Whether the kernel has closed a socket under its owner."""
    one.settimeout(0.2)
    try:
        return one.recv(10) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def lives(flow: Flow) -> bool:
    return flow.passes() and flow.back().passes()


def test_what_is_blocked_is_ended_and_what_is_not_goes_on(world):
    cut = [world.flow(0, 1), world.flow(0, 1, v6), world.flow(1, 0).back()]
    stays = [world.flow(0, 2), world.flow(2, 0, v6), world.flow(0, 0)]
    assert all(lives(flow) for flow in (*cut, *stays))
    document = OnHost(blocked=(Until(v4(1), soon()), Until(f"{v6(1)}/128")), counted=(Until(v4(2)),))
    world.put(document)
    assert world.left().blocked == (Until(v4(1), document.blocked[0].until), Until(f"{v6(1)}/128"))
    world.end(document)
    assert world.flows.read() == ""
    assert all(is_closed(flow.out) for flow in cut)
    assert v4(1) not in world.tracked()
    assert v6(1) not in world.tracked()
    assert v4(2) in world.tracked()
    assert all(lives(flow) for flow in stays)
    world.end(document)
    assert world.flows.read() == ""


def test_isolated_ends_all_but_what_is_kept(world):
    cut, stays, own = world.flow(0, 1), world.flow(0, 2), world.flow(0, 0, v6)
    world.end(OnHost(isolated=(Until("x", soon()),), keep=(v4(2),)))
    assert world.flows.read() == ""
    assert is_closed(cut.out)
    assert lives(stays)
    assert lives(own)


def test_a_blocked_account_loses_its_connections_and_others_keep_theirs(world):
    with ExitStack() as stack:
        theirs, others = speaker(world, stack, 12345), speaker(world, stack, 0)
        document = OnHost(users=(Until("12345", soon()),))
        world.put(document)
        assert world.left().users == document.users
        world.end(document)
        assert world.flows.read() == ""
        theirs[0].stdin.write("\n")
        with suppress(BrokenPipeError):
            theirs[0].stdin.flush()
        assert theirs[0].wait(10) != 0
        assert others[0].poll() is None


def test_only_what_is_really_blocked_is_ended(world):
    """The order names a host that the containment does not."""
    flow = world.flow(0, 1)
    world.flows.apply(Artefact("x", encode(OnHost(blocked=(Until(v4(1)),))), ("host:h0",)))
    world.put(OnHost(blocked=(Until(v4(2)),)))
    world.flows.apply(Artefact("x", encode(OnHost(blocked=(Until(v4(1)),))), ("host:h0",)))
    world.flows.restore("")
    assert world.flows.read() == ""
    assert lives(flow)


def test_what_is_forwarded_is_forgotten_too(world):
    """Host 0 routes between the others; the connection is in its conntrack alone."""
    world.net.hosts[0].run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0")
    world.net.hosts[0].run("nft", "add chain inet tracking f { type filter hook forward priority 0; }")
    for one, other in ((1, 2), (2, 1)):
        world.net.hosts[one].run("ip", "route", "add", f"{v4(other)}/32", "via", v4(0))
    flow = world.flow(1, 2)
    assert lives(flow)
    assert settled(lambda: f"src={v4(1)} dst={v4(2)}" in world.tracked())
    world.end(OnHost(blocked=(Until(v4(2), soon()),)))
    assert not flow.passes()
    assert f"dst={v4(2)}" not in world.tracked()
    assert world.flows.read() == ""
