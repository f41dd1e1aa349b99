"""A packet's way through our own ruleset, one rule after another, as nft(8) has it."""

import random
import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Budget, Compiled, Policy
from ringfence.segment.prove.ip import prove_ip
from tests.segment.brute.case import Case, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

PROBES = ("tcp/22", "tcp/23", "tcp/443", "tcp/53", "udp/22", "udp/23", "udp/53", "icmp", "gre")
WHATS = ("any", "tcp/22", "tcp/22-23", "udp/53", "icmp", "tcp")
HOSTS = tuple(f"host:h{at}" for at in range(4))
JOBS = ("job:slurm/c/1@host:h0", "job:slurm/c/2@host:h0")
ELSE, STRANGERS = "network:*", ["203.0.113.9", "2001:db8:f::9"]
"""Anybody else, at addresses that nobody has: hosts with nftables neither reach him nor are reached."""

NETWORKS = ("network:198.51.100.0/30", "network:10.0.0.0/29", "network:2001:db8::/125")

Packet = dict[str, Any]


class Rules:
    """The sets and chains of one artefact."""

    def __init__(self, text: str) -> None:
        self.sets: dict[str, list[str]] = {}
        self.chains: dict[str, list[str]] = {}
        for kind, name, body in re.findall(r"^\t(\w+) (\S+) \{\n(.*?)^\t\}", text, re.S | re.M):
            if kind == "set":
                inside = re.search(r"elements = \{(.*?)\}", body, re.S)
                self.sets[name] = re.findall(r"[^\s,]+", inside.group(1)) if inside else []
            elif kind == "chain":
                self.chains[name] = [line.strip() for line in body.strip().split("\n")]

    def passes(self, hook: str, packet: Packet) -> bool:
        """Whether a base chain lets it through; the policy of the chain is for what no rule decides."""
        return (self._walk(hook, packet) or self.chains[hook][0].rpartition("policy ")[2].rstrip(";")) == "accept"

    def _walk(self, chain: str, packet: Packet) -> str:
        for line in self.chains[chain]:
            if line.startswith("type filter"):
                continue
            verdict, _, target = self._rule(line, packet).partition(" ")
            if verdict == "goto":
                return self._walk(target, packet)
            if verdict == "jump":
                verdict = self._walk(target, packet)
            if verdict in ("accept", "drop"):
                return verdict
        return ""

    def _rule(self, line: str, packet: Packet) -> str:
        """The verdict of a rule; "" where it does not match."""
        while True:
            for pattern, holds in _MATCHES:
                if found := re.match(pattern, line):
                    if not holds(self, packet, *found.groups()):
                        return ""
                    line = line[found.end() :].lstrip()
                    break
            else:
                return line

    def has(self, address: str, said: str) -> bool:
        """Whether an address is the one that a rule names, or in its set."""
        listed = self.sets.get(said[1:], []) if said.startswith("@") else [said]
        return any(ip_address(address) in ip_network(one, strict=False) for one in listed)


def _of_address(rules: Rules, packet: Packet, family: str, end: str, said: str) -> bool:
    address = packet["src" if end == "saddr" else "dst"]
    return (":" in address) == (family == "ip6") and rules.has(address, said)


def _of_port(_: Rules, packet: Packet, protocol: str, said: str) -> bool:
    low, _, high = said.partition("-")
    return packet["protocol"] == protocol and int(low) <= packet["dport"] <= int(high or low)


def _of_protocol(_: Rules, packet: Packet, said: str) -> bool:
    six = ":" in packet["src"]
    return {"icmp": "ipv6-icmp" if six else "icmp"}.get(packet["protocol"], packet["protocol"]) in said.strip(
        "{ }"
    ).split(", ")


def _of_group(_: Rules, packet: Packet, level: str, path: str) -> bool:
    return "/".join(packet["cgroup"].split("/")[: int(level)]) == path


def _marks(_: Rules, packet: Packet, mark: str) -> bool:
    packet["mark"] = mark
    return True


_Holds = Callable[..., bool]
_MATCHES: tuple[tuple[str, _Holds], ...] = (
    (r"(ip6?) ([sd]addr) (\S+)", _of_address),
    (r"ct state (\S+)", lambda _, packet, said: packet["state"] in said.split(",")),
    (r"ct mark set (\S+)", _marks),
    (r"ct mark != \{ (.*?) \}", lambda _, packet, said: packet["mark"] not in said.split(", ")),
    (r"ct mark (\S+)", lambda _, packet, said: packet["mark"] == said),
    (r"icmpv6 type (?:\{.*?\}|\S+)", lambda *_: False),  # what is tried is an echo request
    (r'[io]if "lo"', lambda _, packet: packet["loopback"]),
    (r'socket cgroupv2 level (\d+) "(.*?)"', _of_group),
    (r"meta l4proto (\{.*?\}|\S+)", _of_protocol),
    (r"(tcp|udp) dport (\S+)", _of_port),
    (r"meta length <= (\d+)", lambda *_: False),  # what is tried carries payload
    (r"limit rate over .*", lambda *_: False),  # and stays within rates and quotas
    (r"quota name .*", lambda *_: False),
    (r'counter name "\w+"', lambda *_: True),
)


def _located(inventory: Inventory, every: list[str]) -> dict[str, list[str]]:
    """Every endpoint's addresses; who has the address of a host is that host, and not the network around it."""
    found = {end: list(inventory.addresses.get(end.rpartition("@")[2], ())) for end in every}
    taken = {ip_address(one) for mine in found.values() for one in mine}
    for end in every:
        if end.startswith("network:"):
            found[end] = [str(one) for one in ip_network(end.partition(":")[2]) if one not in taken]
    return found


def _steps(
    of: dict[str, Rules], world: Inventory, ends: tuple[str, str], at: tuple[str, str], probe: str
) -> list[bool]:
    """One connection: whether it gets out of its source, into its target, and the answer out and back in."""
    hosts = [end.rpartition("@")[2] for end in ends]
    protocol, _, port = probe.partition("/")
    groups = [world.cgroups.get(end, "") for end in ends]
    loopback = hosts[0] == hosts[1]
    there = {"src": at[0], "dst": at[1], "protocol": protocol, "dport": int(port or 0), "state": "new", "mark": "0"}
    back = {**there, "src": at[1], "dst": at[0], "dport": 40000, "state": "established"}
    there["loopback"] = back["loopback"] = loopback
    steps = (("output", there, 0), ("input", there, 1), ("output", back, 1), ("input", back, 0))
    found = []
    for hook, packet, end in steps:
        packet["cgroup"] = groups[end]
        found.append(hosts[end] not in of or of[hosts[end]].passes(hook, packet))
    return found


def _judge(policy: Policy, world: Inventory) -> Callable[[Compiled], tuple[set[Pair], set[Pair]]]:
    every = sorted({one for group in policy.groups.values() for one in group.on("ip")})

    located = _located(world, every) | {ELSE: STRANGERS}
    fenced = [end for end in every if end.rpartition("@")[2] in world.enforcers["nftables"]]
    pairs = [*_pairs(every), *((ELSE, end) for end in fenced), *((end, ELSE) for end in fenced)]

    def judge(made: Compiled) -> tuple[set[Pair], set[Pair]]:
        of = {host: Rules(one.text) for one in made.artefacts for host in one.loaded_by}
        most = {(HOSTS[0], HOSTS[0], "through") for rules in of.values() if rules.passes("forward", {})}
        least: set[Pair] = set()
        for source, target in pairs:
            for probe in PROBES:
                found = [
                    _steps(of, world, (source, target), (one, other), probe)
                    for one in located[source]
                    for other in located[target]
                    if (":" in one) == (":" in other)
                ]
                if any(all(one[:2]) for one in found):  # a packet that is never answered has left all the same
                    most.add((source, target, probe))
                if all(all(one) for one in found):
                    least.add((source, target, probe))
        return most, least

    return judge


def _pairs(every: list[str]) -> Iterator[tuple[str, str]]:
    return ((one, other) for one in every for other in every if one != other and not _outside(one, other))


def _outside(one: str, other: str) -> bool:
    return one.startswith("network:") and other.startswith("network:")


def drawn(chance: random.Random) -> Case:
    """Four hosts, of which some have no rules of ours; two jobs on one; networks outside, one around two hosts."""
    six = chance.random() < 0.3
    addresses = {host: (f"2001:db8::{at}" if six else f"10.0.0.{at}",) for at, host in enumerate(HOSTS)}
    ends = [*HOSTS[1:], *chance.choice([JOBS, HOSTS[:1], (*JOBS, HOSTS[0])]), *chance.sample(_networks(six), 1)]
    policy = small_policy(chance, "ip", ends, WHATS)
    holders = tuple(sorted({one for group in policy.groups.values() for one in group.on("ip")} & {*HOSTS}))
    if holders and chance.random() < 0.3:
        policy = Policy(
            policy.groups, policy.allows, (Budget("model:m", 1 << 30, holders, (min(policy.groups),), "t"),)
        )
    world = Inventory(
        addresses=addresses,
        cgroups={job: f"slurm/job_{at}" for at, job in enumerate(JOBS)},
        enforcers={"nftables": tuple(chance.sample(HOSTS, chance.choice((3, 4, 4))))},
    )
    scene = Scene(compile_nftables, prove_ip, policy, world)
    return Case(scene, "ip", _judge(policy, world), DAMAGE, PROBES, others=(ELSE,), aside=_outside)


def _networks(six: bool) -> list[str]:
    return [one for one in NETWORKS if (one.count(":") > 1) == six]


DAMAGE = edits(
    traded(r"(?<=[ ,])(?:10\.0\.0\.\d|2001:db8::\d)(?=[, ])"),
    dropped("dport"),
    dropped("daddr @out"),
    dropped("saddr @in"),
    dropped("cgroupv2"),
    became("dport 22 ", "dport 23 ", "dport 22-23 ", "dport 443 "),
    became("tcp dport", "udp dport"),
    became(" accept", " drop"),
    became("policy drop", "policy accept"),
    became('"denied_in" drop', '"denied_in" accept'),
    became('"denied_forward" drop', '"denied_forward" accept'),
    became("goto denied_in", "accept"),
)
