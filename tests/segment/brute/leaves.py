"""RoCE and encryption: one sender and one receiver at a time, by the lists and states at either end."""

import json
import random
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from ringfence.segment.compile.roce import compile_nvue, compile_sonic
from ringfence.segment.compile.xfrm import compile_xfrm
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled
from ringfence.segment.prove.roce import prove_nvue, prove_sonic
from ringfence.segment.prove.xfrm import prove_xfrm
from tests.segment.brute.case import Case, Damage, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

PORTS = tuple(f"ibport:e{at}" for at in range(7))
ADDRESS = {port: f"10.0.0.{at}" for at, port in enumerate(PORTS)}
CABLE = {port: (f"leaf{at // 4}", f"swp{at}") for at, port in enumerate(PORTS)}
Verdicts = list[tuple[bool, str]]
"""Of one family, in order: whether RoCE passes, and to which network ("" all)."""


def _nvue(text: str, interface: str, family: int) -> list[Verdicts]:
    tree = json.loads("".join(line for line in text.split("\n") if not line.startswith("#")))[0]["set"]
    found = []
    for name, bound in tree["interface"].get(interface, {}).get("acl", {}).items():
        rules = sorted(tree["acl"][name]["rule"].items(), key=lambda one: int(one[0]))
        if "inbound" in bound and tree["acl"][name]["type"] == f"ipv{family}":
            ours = [(one["match"]["ip"], one["action"]) for _, one in rules]
            found.append(
                [("permit" in act, ip.get("dest-ip", "")) for ip, act in ours if "4791" in ip["udp"]["dest-port"]]
            )
    return found


def _sonic(text: str, interface: str, family: int) -> list[Verdicts]:
    tree = json.loads(text)
    found = []
    for name, table in tree["ACL_TABLE"].items():
        if (
            interface in table["ports"]
            and table["stage"] == "ingress"
            and table["type"] == {4: "L3", 6: "L3V6"}[family]
        ):
            rules = [one for key, one in tree["ACL_RULE"].items() if key.startswith(f"{name}|")]
            rules = [one for one in rules if one["L4_DST_PORT"] == "4791"]
            rules.sort(key=lambda one: -int(one["PRIORITY"]))
            found.append([(one["PACKET_ACTION"] == "FORWARD", one.get("DST_IP", "")) for one in rules])
    return found


def _passes(verdicts: Verdicts, address: str) -> bool:
    met = (passes for passes, net in verdicts if not net or ip_address(address) in ip_network(net))
    return next(met, True)


def _roce(chance: random.Random, target: str, writer: Callable[..., Compiled], prover: Any, read: Any) -> Case:
    guarded = tuple(chance.sample(("leaf0", "leaf1"), chance.choice((1, 2, 2))))
    world = Inventory(
        addresses={port: (one,) for port, one in ADDRESS.items()},
        known_as={port: "/".join(cable) for port, cable in CABLE.items()},
        enforcers={target: guarded},
    )
    policy = small_policy(chance, "roce", list(PORTS))

    def judge(made: Compiled) -> tuple[set[Pair], set[Pair]]:
        text = {switch: one.text for one in made.artefacts for switch in one.loaded_by}
        found = set()
        for source in PORTS:
            switch, interface = CABLE[source]
            lists = {at: read(text[switch], interface, at) if switch in text else [] for at in (4, 6)}
            for port, address in ADDRESS.items():
                known = {4: address, 6: "fe80::1"}  # every port has a link-local address too
                if port != source and any(all(_passes(one, known[at]) for one in lists[at]) for at in (4, 6)):
                    found.add((source, port, "any"))
        return found, found

    def bare(source: str, _: str) -> bool:
        return CABLE[source][0] not in guarded  # it sends to everyone: told by NVUE's writer, for both

    return Case(Scene(writer, prover, policy, world), "roce", judge, _ROCE[target], aside=bare)


def nvue(chance: random.Random) -> Case:
    """Seven ports at two leaves, of which one may be nobody's."""
    return _roce(chance, "nvue", compile_nvue, prove_nvue, _nvue)


def sonic(chance: random.Random) -> Case:
    """The same where leaves run SONiC."""
    return _roce(chance, "sonic", compile_sonic, prove_sonic, _sonic)


HOSTS = tuple(f"host:h{at}" for at in range(5))
AT = {host: f"10.0.0.{at}" for at, host in enumerate(HOSTS)}


class Encrypted(Case):
    """Not who reaches whom, but who would speak in clear (a leak), or could not speak at all (a break)."""

    def wrong(self, made: Compiled) -> set[Pair]:
        """Each ordered pair of hosts by what the one does with what it sends, and the other with what comes."""
        rows = {host: "\n".join(one.text for one in made.artefacts if host in one.loaded_by) for host in HOSTS}
        groups, meant = self.scene.policy.groups, set()
        for allow in self.scene.policy.on("ip"):
            if groups[allow.source].kind == groups[allow.target].kind == "gang":
                meant |= {
                    (one, other) for one in groups[allow.source].on("ip") for other in groups[allow.target].on("ip")
                }
        meant |= {(other, one) for one, other in meant}
        return {
            (kind, one, other)
            for one in HOSTS
            for other in HOSTS
            if one != other and (kind := _spoken(rows, one, other, meant=(one, other) in meant))
        }


def _spoken(rows: dict[str, str], one: str, other: str, *, meant: bool) -> str:
    ends = f"src {AT[one]} dst {AT[other]}"
    out = re.findall(rf"(?m)^xfrm policy add {ends} dir out .*reqid (\d+)", rows[one])
    if not out:
        return "leak" if meant else ""
    if not meant:
        return "break"
    number = out[-1]
    if number not in re.findall(rf"(?m)^xfrm policy add {ends} dir in .*reqid (\d+)", rows[other]):
        return "leak"
    state = rf"(?m)^xfrm state add {ends} proto esp spi (\S+) reqid {number} .* @(\S+) .*dir "
    here, there = re.findall(state + "out", rows[one]), re.findall(state + "in", rows[other])
    return "" if here and there and here[-1] == there[-1] else "break"


def xfrm(chance: random.Random) -> Case:
    """Five hosts in gangs and services; what gangs speak among themselves is to be encrypted, both ways."""
    world = Inventory(addresses={host: (one,) for host, one in AT.items()}, enforcers={"xfrm": HOSTS})
    policy = small_policy(chance, "ip", list(HOSTS))
    return Encrypted(Scene(compile_xfrm, prove_xfrm, policy, world), "ip", lambda made: (set(), set()), _XFRM)


_ROCE: dict[str, Damage] = {
    "nvue": edits(
        traded(r'(?<="dest-ip": ")[^"]+'),
        became('"permit": {}', '"deny": {}'),
        became('"deny": {}', '"permit": {}'),
        became('"4791"', '"4792"'),
        became('"inbound"', '"outbound"'),
        traded(r'(?<=")RF4_\w+(?=": \{\n\s+"inbound)'),
    ),
    "sonic": edits(
        traded(r'(?<="DST_IP": ")[^"]+'),
        became('"FORWARD"', '"DROP"'),
        became('"DROP"', '"FORWARD"'),
        became('"PRIORITY": "1"', '"PRIORITY": "900"'),
        became('"4791"', '"4792"'),
        became('"ingress"', '"egress"'),
        traded(r'(?<=")swp\d+'),
    ),
}
_XFRM = edits(
    traded(r"(?<=reqid )\d+"),
    traded(r"0x\w+"),
    traded(r"(?<=keys/)\w+"),
    dropped("xfrm policy"),
    dropped("xfrm state"),
)
