"""A holder sends no more than its share, whatever is reloaded, and can still fetch what it likes."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ringfence.enforce.budget import Ledger
from ringfence.enforce.nftables import Nftables
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Budget, Group, Policy, Spared
from ringfence.segment.prove.budget import prove_budgets
from ringfence.segment.prove.ip import prove_ip
from ringfence.wire.nft import text
from tests.live.netns import PORT, Network, network, settled, v4, v6

pytestmark = pytest.mark.live
SHARE = 300_000
NAMES = ("host:h0", "host:h1")
INVENTORY = Inventory(
    addresses={name: (v4(at), v6(at)) for at, name in enumerate(NAMES)}, enforcers={"nftables": NAMES[:1]}
)


def policy(*more: Allow, share: int = SHARE) -> Policy:
    groups = {
        "gang": Group("gang", "gang", "t", {"ip": NAMES[:1]}),
        "away": Group("away", "service", "", {"ip": NAMES[1:]}),
    }
    allows = (Allow("gang", "away", "ip", "any", ""), Allow("away", "gang", "ip", "any", ""), *more)
    return Policy(groups, allows, (Budget("model:m", share, NAMES[:1], ("away",), ""),))


def artefact(wanted: Policy) -> Artefact:
    return compile_nftables(wanted, INVENTORY).artefacts[0]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


class Holder:
    """The host that holds the jewel, its enforcer, and datagrams that it sends away."""

    def __init__(self, net: Network, file: Path) -> None:
        self.net, self._file, self.clock = net, file, Clock()
        self.restart()
        self._sockets = [net.hosts[0].socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]

    def restart(self) -> None:
        """The enforcer begins anew, with nothing but its file."""
        self.enforcer = Nftables("host:h0", self.net.hosts[0].entered, Ledger(self._file), self.clock)

    def send(self, count: int, size: int = 1000) -> None:
        for at in range(count):
            with suppress(PermissionError):
                self._sockets[at % 2].sendto(b"x" * size, ((v4, v6)[at % 2](1), PORT))

    @property
    def left(self) -> int:
        """Bytes of IP that arrived from it, all datagrams being of 1,000 bytes."""
        four, six = (self.net.arrived.get(("udp", a(0), a(1)), 0) for a in (v4, v6))
        return four * 1028 + six * 1048

    @property
    def spent(self) -> int:
        """What the enforcer knows to be spent."""
        table = text.read(self.enforcer.read().encode()).ours
        assert table
        (quota,) = table.quotas.values()
        assert quota.limit == SHARE
        self.enforcer.refill()
        table = text.read(self.enforcer.read().encode()).ours
        assert table
        return next(iter(table.quotas.values())).used

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    with network(2) as net:
        found = Holder(net, tmp_path / "spent.json")
        yield found
        found.close()


def test_a_share_is_spent_once_through_two_hundred_reloads_restarts_and_undos(holder: Holder) -> None:
    chance, variants = random.Random(5), [policy(), policy(Allow("away", "gang", "ip", "tcp/9", ""))]
    one = holder.enforcer
    one.apply(artefact(variants[0]))
    before, last = one.read(), 0
    for turn in range(200):
        holder.send(2)
        if turn % 40 == 39:
            holder.restart()
        if turn % 67 == 66:  # others take the table away; what passed since the last look would be lost
            holder.enforcer.refill()
            holder.net.hosts[0].run("nft", "delete", "table", "inet", "ringfence")
        if chance.random() < 0.2:
            holder.enforcer.restore(before)
        else:
            holder.enforcer.apply(artefact(chance.choice(variants)))
        if turn % 67 != 66 and turn % 10 == 0:
            assert holder.spent >= last
            last = holder.spent
    assert settled(lambda: holder.left > SHARE * 0.9)
    holder.send(200)
    assert holder.left <= SHARE
    assert SHARE - 1100 <= holder.spent <= SHARE


def test_what_an_hour_ago_was_spent_may_be_spent_again_and_no_sooner(holder: Holder) -> None:
    holder.enforcer.apply(artefact(policy()))
    holder.send(100)
    holder.enforcer.refill()
    holder.clock.now += 1800
    holder.enforcer.refill()
    holder.send(400)
    assert settled(lambda: holder.left > SHARE - 2200)
    holder.enforcer.refill()
    first = holder.left
    assert first <= SHARE
    holder.clock.now += 1999  # the slot of the first datagrams ended 3,599 s ago
    holder.enforcer.refill()
    holder.send(400)
    assert holder.left == first
    holder.clock.now += 2
    holder.enforcer.refill()
    holder.send(400)
    assert settled(lambda: holder.left > first + 100_000 - 2200)
    assert holder.left <= first + 105_000


def test_a_large_file_can_be_fetched_and_costs_next_to_nothing(holder: Holder) -> None:
    holder.enforcer.apply(artefact(policy()))
    for family, address in ((socket.AF_INET, v4(1)), (socket.AF_INET6, v6(1))):
        assert _fetched(holder, family, address, 8 << 20) == 8 << 20
    assert 0 < holder.spent < 2000


def _fetched(holder: Holder, family: int, address: str, size: int) -> int:
    """Bytes that the holder reads on a connection that it opened."""
    with holder.net.hosts[1].socket(family, socket.SOCK_STREAM) as served:
        served.bind((address, 6000))
        served.listen()
        with holder.net.hosts[0].socket(family, socket.SOCK_STREAM) as one:
            one.settimeout(10)
            one.connect((address, 6000))
            peer, _ = served.accept()
            sender = threading.Thread(target=lambda: (peer.sendall(bytes(size)), peer.close()), daemon=True)
            sender.start()
            got = 0
            while part := one.recv(1 << 16):
                got += len(part)
            sender.join()
            return got


def test_answers_on_a_connection_that_others_opened_are_counted_too(holder: Holder) -> None:
    holder.enforcer.apply(artefact(policy()))
    with holder.net.hosts[0].socket(socket.AF_INET, socket.SOCK_STREAM) as served:
        served.bind((v4(0), 6000))
        served.listen()
        with holder.net.hosts[1].socket(socket.AF_INET, socket.SOCK_STREAM) as one:
            one.connect((v4(0), 6000))
            one.settimeout(0.5)
            peer, _ = served.accept()
            sender = threading.Thread(target=_until_stuck, args=(peer, 4 * SHARE), daemon=True)
            sender.start()
            got = 0
            with suppress(TimeoutError):
                while part := one.recv(1 << 16):
                    got += len(part)
            peer.close()
            sender.join()
    assert 0 < got <= SHARE
    assert holder.spent > got


def _until_stuck(peer: socket.socket, size: int) -> None:
    peer.settimeout(0.3)
    with suppress(OSError):
        peer.sendall(bytes(size))


def test_a_count_that_others_set_back_is_put_right(holder: Holder) -> None:
    holder.enforcer.apply(artefact(policy()))
    holder.send(100)
    before = holder.spent
    assert before > 100_000
    holder.net.hosts[0].run("nft", "reset", "quotas", "table", "inet", "ringfence")
    assert holder.spent == before
    holder.send(400)
    assert holder.left <= SHARE


def test_a_share_cannot_leave_at_once(holder: Holder) -> None:
    """360 times the rate is the share; a burst of 1 MiB, and what a second lets through, go before."""
    holder.enforcer.apply(artefact(policy(share=36_000_000)))
    start = time.monotonic()
    holder.send(3000)
    took = time.monotonic() - start
    holder.enforcer.refill()
    table = text.read(holder.enforcer.read().encode()).ours
    assert table
    (quota,) = table.quotas.values()  # what the rate let through
    assert (1 << 20) - 1048 <= quota.used <= (1 << 20) + 100_000 * (1 + took) + 2 * 1048


ORDERS, SLURMD, DNS = 8443, 6818, 53
GOVERNED = Inventory(
    addresses={f"host:h{at}": (v4(at), v6(at)) for at in range(3)}, enforcers={"nftables": ("host:h0",)}
)


def governed() -> Policy:
    """Host 1 is the controller, host 2 somewhere else; all that the holder sends to both counts, but for some ports."""
    groups = {
        name: Group(name, "service", "", {"ip": (f"host:h{at}",)}) for at, name in enumerate(("gang", "ctl", "away"))
    }
    pairs = [("gang", "ctl"), ("ctl", "gang"), ("gang", "away")]
    spared = (
        Spared("ctl", "out", f"tcp/{ORDERS}"),
        Spared("ctl", "in", f"tcp/{SLURMD}"),
        Spared("ctl", "out", f"udp/{DNS}", 1000),
    )
    budget = Budget("model:m", SHARE, NAMES[:1], ("away", "ctl"), "", spared)
    return Policy(groups, tuple(Allow(*pair, "ip", "any", "") for pair in pairs), (budget,))


def test_a_node_that_spent_its_budget_stays_governed_and_reaches_nobody_else(tmp_path: Path) -> None:
    with network(3) as net:
        made = compile_nftables(governed(), GOVERNED)
        compiled = made.artefacts[0]
        enforcer = Nftables("host:h0", net.hosts[0].entered, Ledger(tmp_path / "spent.json"), Clock())
        enforcer.apply(compiled)
        assert prove_budgets(governed(), GOVERNED, [compiled]).holds
        assert prove_ip(governed(), GOVERNED, [_read(enforcer)], made.residuals).holds
        with ExitStack() as stack:
            standing = _talks(net, stack, 0, (1, ORDERS))
            assert standing is not None
            _spend(net)
            assert _heard(*standing)
            for family in (4, 6):
                assert _talks(net, stack, 0, (1, ORDERS), family)
                assert _talks(net, stack, 1, (0, SLURMD), family)
                assert _talks(net, stack, 0, (1, ORDERS + 1), family) is None
                assert _talks(net, stack, 0, (2, ORDERS), family) is None
                assert _talks(net, stack, 1, (0, SLURMD + 1), family) is None
        enforcer.refill()
        assert prove_budgets(governed(), GOVERNED, [_read(enforcer)]).holds


def test_names_are_asked_for_at_their_own_rate_when_all_is_spent(tmp_path: Path) -> None:
    with network(3) as net, net.hosts[1].socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
        Nftables("host:h0", net.hosts[0].entered, Ledger(tmp_path / "spent.json"), Clock()).apply(
            compile_nftables(governed(), GOVERNED).artefacts[0]
        )
        _spend(net)
        names.bind((v4(1), DNS))
        names.settimeout(0.5)
        start = time.monotonic()
        with net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for _ in range(400):
                with suppress(PermissionError):
                    one.sendto(bytes(100), (v4(1), DNS))
        took, came = time.monotonic() - start, 0
        with suppress(TimeoutError):
            while names.recv(2048):
                came += 128
        assert 0 < came <= 16_000 + 1000 * (1 + took) + 128


def _spend(net: Network) -> None:
    """All of the share leaves for elsewhere, and more is tried."""
    with net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for _ in range(400):
            with suppress(PermissionError):
                one.sendto(bytes(1000), (v4(2), PORT))
    assert settled(lambda: net.arrived.get(("udp", v4(0), v4(2)), 0) * 1028 > SHARE - 2 * 1028)
    with net.hosts[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for _ in range(SHARE // 1000):  # the last bytes of it
            with suppress(PermissionError):
                one.sendto(b"", (v4(2), PORT))


def _read(enforcer: Nftables) -> Artefact:
    """What is loaded, as it is read back."""
    return Artefact("h0", enforcer.read(), ("host:h0",))


def _talks(
    net: Network, stack: ExitStack, source: int, target: tuple[int, int], family: int = 4
) -> tuple[socket.socket, socket.socket] | None:
    """Both ends of a new connection to (host, port) on which bytes came both ways; None where it does not open."""
    kind, name = {4: (socket.AF_INET, v4), 6: (socket.AF_INET6, v6)}[family]
    served = stack.enter_context(net.hosts[target[0]].socket(kind, socket.SOCK_STREAM))
    served.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    served.bind((name(target[0]), target[1]))
    served.listen()
    one = stack.enter_context(net.hosts[source].socket(kind, socket.SOCK_STREAM))
    one.settimeout(0.5)
    try:
        one.connect((name(target[0]), target[1]))
    except OSError:
        return None
    finally:
        served.settimeout(0)
        with suppress(OSError):
            peer = stack.enter_context(served.accept()[0])
        served.close()
    return (one, peer) if _heard(one, peer) else None


def _heard(one: socket.socket, peer: socket.socket) -> bool:
    """Whether each end hears what the other says."""
    for mine, other in ((one, peer), (peer, one)):
        mine.sendall(b"x" * 2000)
        other.settimeout(1)
        try:
            other.recv(2000)
        except TimeoutError:  # a handshake carries no bytes: that of a connection from outside may still pass
            return False
    return True
