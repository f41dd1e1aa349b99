"""InfiniBand: what opensm and UFM make of our texts, port by port, and which pairs then share a key."""

import json
import random
import re
from collections.abc import Callable

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Compiled
from ringfence.segment.prove import PROVERS
from tests.segment.brute.case import Case, Damage, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

PORTS = tuple(f"ibport:0x{0x1000 + at:016x}" for at in range(9))
MANAGER = PORTS[0]
Table = dict[tuple[str, int], str]
"""(port, 15-bit key) → full or limited."""


def _opensm(text: str) -> Table:
    """Lines of our own form; of two memberships the last counts."""
    held: Table = dict.fromkeys(((port, 0x7FFF) for port in PORTS), "limited")
    held[MANAGER, 0x7FFF] = "full"
    code = "".join(line.partition("#")[0] for line in text.split("\n"))
    for stanza in code.split(";")[:-1]:
        head, _, members = stanza.partition(":")
        key = int(re.findall(r"=(0x[0-9a-f]+)", head)[0], 16) & 0x7FFF
        usual = re.findall(r"defmember=(\w+)", head)[0]
        for member in members.split(","):
            name, _, how = member.strip().partition("=")
            for port in (
                PORTS if name == "ALL" else {"SELF": [MANAGER], "ALL_SWITCHES": []}.get(name, [f"ibport:{name}"])
            ):
                held[port, key] = how or usual
    return held


def _ufm(text: str) -> Table:
    """Bodies of PUT requests; UFM's default partition has everyone as limited."""
    held: Table = dict.fromkeys(((port, 0x7FFF) for port in PORTS), "limited")
    held[MANAGER, 0x7FFF] = "full"
    for body in json.loads(text)["ours"].values():
        for guid, how in zip(body["guids"], body["memberships"], strict=True):
            held[f"ibport:0x{guid}", int(body["pkey"], 16) & 0x7FFF] = how
    return held


def _judge(read: Callable[[str], Table]) -> Callable[[Compiled], tuple[set[Pair], set[Pair]]]:
    def judge(made: Compiled) -> tuple[set[Pair], set[Pair]]:
        held = read(made.artefacts[0].text)
        found = {
            (one, other, "any")
            for (one, key), how in held.items()
            for other in PORTS
            if one != other and (other, key) in held and "full" in (how, held[other, key])
        }
        return found, found

    return judge


def _drawn(chance: random.Random, software: str, read: Callable[[str], Table]) -> Case:
    fabric = Fabric("ib0", ("host:m",), (MANAGER,), PORTS, software=software)
    world = Inventory(fabrics={"ib0": fabric}, enforcers={software: ("ib0",)})
    policy = small_policy(chance, "ib", list(PORTS if chance.random() < 0.2 else PORTS[1:]))
    return Case(
        Scene(WRITERS[software].write, PROVERS[software].prove, policy, world),
        "ib",
        _judge(read),
        _DAMAGE[software],
        others=PORTS,
    )


def opensm(chance: random.Random) -> Case:
    """Nine ports, the manager's among them, sometimes in a group itself."""
    return _drawn(chance, "opensm", _opensm)


def ufm(chance: random.Random) -> Case:
    """The same under UFM."""
    return _drawn(chance, "ufm", _ufm)


_DAMAGE: dict[str, Damage] = {
    "opensm": edits(
        traded(r"0x0000[0-9a-f]{12}"),
        traded(r"(?<==)0x[0-9a-f]{4}(?=,)"),
        traded(r"(?<=member=)\w+"),
        became("ALL=limited", "ALL=full"),
        dropped("rf."),
    ),
    "ufm": edits(
        traded(r'(?<=")0000[0-9a-f]{12}(?=")'), traded(r'(?<=")(?:full|limited)(?=")'), traded(r"0x[0-9a-f]+(?=\")")
    ),
}
