"""The proof over regions and classes gives what one gets by sending every packet through every rule."""

import random
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import msgspec
import pytest

from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Difference, Policy
from ringfence.segment.prove.ip import prove_ip
from ringfence.wire.nft import text
from ringfence.wire.nft.values import Match, Table
from tests.segment.policies import some

HOSTS = tuple(f"host:h{at}" for at in range(4))
JOBS = {"job:1@host:h0": "jobs/1", "job:2@host:h1": "jobs/2"}
ADDRESSES = {name: (f"10.0.0.{at + 1}",) for at, name in enumerate(HOSTS)}
WHAT = ("any", "tcp/22", "tcp/20-30", "udp/53", "icmp")
PROBES = [("tcp", port) for port in (19, 20, 21, 22, 23, 30, 31)] + [("udp", 53), ("udp", 54), ("icmp", 0), ("esp", 0)]


class Packet(NamedTuple):
    source: str
    target: str
    protocol: str
    port: int
    state: str
    path: str


def _holds(match: Match, packet: Packet, table: Table) -> bool:
    """One match, the plain way."""
    name, values = match.left, match.right
    if name in ("ip saddr", "ip daddr"):
        found = packet.source if name == "ip saddr" else packet.target
        elements = table.sets[values[0][1:]].elements if values[0].startswith("@") else values
        inside = any(ip_address(found) in ip_network(one) for one in elements)
    elif name.startswith("ip6") or name == "icmpv6 type":
        return False
    elif name.endswith("dport"):
        if packet.protocol != name.split()[0]:
            return False
        ranges = [[int(end) for end in one.split("-")] for one in values]
        inside = any(one[0] <= packet.port <= one[-1] for one in ranges)
    elif name == "meta l4proto":
        inside = packet.protocol in values
    elif name == "ct state":
        inside = packet.state in values
    elif name in ("iif", "oif"):
        inside = False  # between hosts nothing comes over the loopback
    elif name.startswith("socket"):
        inside = packet.path in values
    elif name == "ct mark":
        inside = "0" in values
    else:
        raise AssertionError(name)
    return inside == (match.op == "==")


def _verdict(table: Table, chain: str, packet: Packet) -> str:
    for rule in table.chains[chain].rules:
        if all(_holds(match, packet, table) for match in rule.matches):
            kind, _, target = rule.verdict.partition(" ")
            if kind in ("jump", "goto"):
                kind = _verdict(table, target, packet)
                if kind or rule.verdict.startswith("goto"):
                    return kind
            elif kind == "return":
                return ""
            elif kind:
                return kind
    return ""


def _passes(table: Table | None, hook: str, packet: Packet) -> bool:
    if table is None:
        return True
    chains = [chain for chain in table.chains.values() if chain.hook == hook]
    return all((_verdict(table, chain.name, packet) or chain.policy) == "accept" for chain in chains)


def _arrives(tables: dict[str, Table], source: str, target: str, protocol: str, port: int) -> bool:
    """Whether the first packet of a connection gets there."""
    (here, there), (a, b), paths = _places(source, target)
    return _passes(tables.get(here), "output", Packet(a, b, protocol, port, "new", paths[0])) and _passes(
        tables.get(there), "input", Packet(a, b, protocol, port, "new", paths[1])
    )


def _connects(tables: dict[str, Table], source: str, target: str, protocol: str, port: int) -> bool:
    """Whether it gets there, and an answer comes back to a port as Linux picks it."""
    (here, there), (a, b), paths = _places(source, target)
    answer = (b, a, protocol, 40_000, "established")
    return (
        _arrives(tables, source, target, protocol, port)
        and _passes(tables.get(there), "output", Packet(*answer, paths[1]))
        and _passes(tables.get(here), "input", Packet(*answer, paths[0]))
    )


def _places(source: str, target: str) -> tuple[list[str], list[str], list[str]]:
    """Hosts, addresses and control groups of two ends."""
    hosts = [end.rpartition("@")[2] for end in (source, target)]
    return hosts, [ADDRESSES[host][0] for host in hosts], [JOBS.get(source, ""), JOBS.get(target, "")]


def _wanted(policy: Policy) -> set[tuple[str, str, str, int]]:
    groups = policy.groups
    return {
        (source, target, protocol, port)
        for allow in policy.allows
        for protocol, port in PROBES
        if _in(allow.what, protocol, port)
        for source in groups[allow.source].on("ip")
        for target in groups[allow.target].on("ip")
    }


def _in(what: str, protocol: str, port: int) -> bool:
    name, _, ports = what.partition("/")
    low, _, high = ports.partition("-")
    return name == "any" or (name == protocol and (not ports or int(low) <= port <= int(high or low)))


def _mutated(chance: random.Random, content: str) -> str:
    """A few rules dropped, doubled, moved, turned round or given another set, port or state."""
    lines = content.split("\n")
    for _ in range(chance.randint(0, 3)):
        side = chance.choice(["saddr", "daddr"])
        start = lines.index("\tchain input {" if side == "saddr" else "\tchain output {")
        rules = [at for at in range(start + 2, lines.index("\t}", start)) if "lo" not in lines[at].split('"')]
        at, other = chance.choice(rules), lines[chance.choice(rules)]
        lines[at] = chance.choice(_CHANGES)(lines[at], other, side)
    return "\n".join(line for line in lines if line != "gone")


_CHANGES = [
    lambda line, other, side: "gone",
    lambda line, other, side: other,
    lambda line, other, side: line.replace(" accept", " drop"),
    lambda line, other, side: line.replace(" drop", " accept"),
    lambda line, other, side: line.replace("tcp dport 22", "tcp dport 21-23"),
    lambda line, other, side: line.replace("tcp dport 20-30", "tcp dport != 22"),
    lambda line, other, side: line.replace("udp dport 53 ", ""),
    lambda line, other, side: line.replace("established,related", "related"),
    lambda line, other, side: line.replace("established,related", "established,new"),
    lambda line, other, side: line.replace(" accept", " return"),
    lambda line, other, side: line.replace("goto denied", "jump denied"),
    lambda line, other, side: line.replace("addr @", "addr != @"),
    lambda line, other, side: f"\t\tip {side} {{ 10.0.0.2, 10.0.0.3 }} drop",
    lambda line, other, side: f"\t\tip {side} 10.0.0.0/30 tcp dport 22 drop",
    lambda line, other, side: "\t\tmeta l4proto udp accept",
]


def _cases(seeds: range) -> Iterator[tuple[int, Policy, Inventory, list[Artefact]]]:
    for seed in seeds:
        chance = random.Random(seed)
        ends = [*HOSTS[2:], *chance.choice([HOSTS[:2], tuple(JOBS)])]
        policy = some(chance, "ip", ends, ends, WHAT)
        known = Inventory(addresses=ADDRESSES, cgroups=JOBS, enforcers={"nftables": HOSTS[: chance.choice([3, 4])]})
        compiled = compile_nftables(policy, known).artefacts
        yield seed, policy, known, [msgspec.structs.replace(one, text=_mutated(chance, one.text)) for one in compiled]


def _agree(seeds: range) -> int:
    faulty = 0
    for seed, policy, known, artefacts in _cases(seeds):
        tables = {host: text.read(one.text.encode()).ours for one in artefacts for host in one.loaded_by}
        here = {host: one for host, one in tables.items() if one}
        ends = sorted({end for group in policy.groups.values() for end in group.on("ip")})
        every = [(a, b, *probe) for a in ends for b in ends if a != b for probe in PROBES]
        leaves = {one for one in every if _arrives(here, *one)}
        works = {one for one in every if _connects(here, *one)}
        wanted = {one for one in _wanted(policy) if one[0] != one[1]}
        told = [one for one in prove_ip(policy, known, artefacts).differences if {one.source, one.target} <= {*ends}]
        kinds = {one.kind for one in told if one.because != "it forwards for others"}
        assert ("leak" in kinds, "break" in kinds) == (bool(leaves - wanted), bool(wanted - works)), seed
        for one in told:
            assert _shows(one, leaves if one.kind == "leak" else works), (seed, one)
        faulty += bool(leaves ^ wanted or works ^ wanted)
    return faulty


def _shows(one: Difference, found: set[tuple[str, str, str, int]]) -> bool:
    """Whether a witness is a packet that really passes, or really does not; `any` is what has no name."""
    shown = [("esp", 0)] if one.what == "any" else [probe for probe in PROBES if _in(one.what, *probe)]
    ours = [(one.source, one.target, *probe) in found for probe in shown]
    return not ours or one.source == one.target or (one.kind == "leak") in ours


def test_random_faults_are_judged_as_packet_by_packet() -> None:
    assert _agree(range(300)) > 100
    assert _agree(range(1758, 1759)) == 1  # one protocol is dropped that no other rule names


@pytest.mark.long
def test_ten_thousand_random_faults_are_judged_as_packet_by_packet() -> None:
    assert _agree(range(2500, 12_500)) > 3000
