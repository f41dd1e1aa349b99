"""Hosts behind real nftables reach whom the policy names, before, during and after every change."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from ringfence.collect.nft import Nft
from ringfence.enforce.nftables import Nftables
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove.ip import prove_ip
from tests.live.netns import PORT, Network, network, settled, v4, v6

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
