"""NVLink and IMEX: one pair of accelerators, or of hosts, at a time."""

import json
import random
import re
from itertools import combinations

from ringfence.segment.compile.fabric_manager import compile_fabric_manager
from ringfence.segment.compile.imex import compile_imex
from ringfence.segment.compile.nmx import compile_nmx
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled
from ringfence.segment.prove.imex import prove_imex
from ringfence.segment.prove.nvlink import prove_fabric_manager, prove_nmx
from tests.segment.brute.case import Case, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

RACKS = {f"nvlink:r{rack}/1": tuple(f"gpu:nmx/{rack:04x}{at:020x}" for at in range(5)) for rack in (0, 1)}
RACKED = tuple(gpu for members in RACKS.values() for gpu in members)
LOCAL = tuple(f"gpu:GPU-{at}" for at in range(4))
HOSTS = tuple(f"host:h{at}" for at in range(6))
TRAYS = {f"nvlink:r{rack}/1": tuple(f"gpu:t{at}" for at in range(3 * rack, 3 * rack + 3)) for rack in (0, 1)}
SETS = [*(one for size in (1, 2, 3) for one in combinations(range(4), size)), (0, 1, 2, 3)]


def _apart(one: str, other: str) -> bool:
    """Accelerators of two racks: no NVLink joins them."""
    return one[8:12] != other[8:12]


def _joined(sets: list[list[str]]) -> tuple[set[Pair], set[Pair]]:
    found = {(one, other, "any") for each in sets for one in each for other in each if one != other}
    return found, found


def _nmx(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    bodies = [json.loads(one.text)["Members"] for one in made.artefacts]
    found, _ = _joined([[f"gpu:nmx/{one}" for one in body] for body in bodies])
    inside = {one for one in found if not _apart(*one[:2])}
    return inside, inside


def nmx(chance: random.Random) -> Case:
    """Two racks with five accelerators each."""
    policy = small_policy(chance, "nvlink", list(RACKED))
    world = Inventory(domains=RACKS, enforcers={"nmx-m": tuple(RACKS)})
    damage = edits(traded(r"[0-9a-f]{24}"), traded(r'"[0-9a-f]{24}",?'), became('"0000', '"ffff'))
    return Case(Scene(compile_nmx, prove_nmx, policy, world), "nvlink", _nmx, damage, aside=_apart, others=RACKED)


def _activated(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    active: set[int] = set()
    for line in made.artefacts[0].text.split("\n"):
        if done := re.match(r"fmpm -([ad]) (\d+)", line):
            active = active | {int(done[2])} if done[1] == "a" else active - {int(done[2])}
    return _joined([[LOCAL[at] for at in SETS[number]] for number in active])


def fabric_manager(chance: random.Random) -> Case:
    """A host with four accelerators and a partition for every set of them."""
    rows = [
        {"partitionId": at, "isActive": 0, "gpuInfo": [{"physicalId": n, "uuid": f"GPU-{n}"} for n in members]}
        for at, members in enumerate(SETS)
    ]
    there = {"fabric-manager": {"host:h": json.dumps({"version": 1, "partitionInfo": rows})}}
    world = Inventory(domains={"nvlink:h": LOCAL}, enforcers={"fabric-manager": ("host:h",)}, there=there)
    policy = small_policy(chance, "nvlink", list(LOCAL))
    damage = edits(became("-a ", "-a 1"), became("-a 1", "-a "), became("-a 4", "-a 7"), dropped("fmpm"))
    scene = Scene(compile_fabric_manager, prove_fabric_manager, policy, world)
    return Case(scene, "nvlink", _activated, damage, others=LOCAL)


def _far(one: str, other: str) -> bool:
    return (one in HOSTS[:3]) != (other in HOSTS[:3])


def _shared(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    """The same channel, and each in the other's list."""
    held: dict[str, set[str]] = {host: set() for host in HOSTS}
    listed: dict[str, set[str]] = {host: set() for host in HOSTS}
    for one in made.artefacts:
        for host in one.loaded_by:
            if one.name.endswith("channels.sh"):
                held[host] |= set(re.findall(r"^mknod \S+ \S+ \S+/channel(\d+) ", one.text, re.M))
            elif one.name.endswith("nodes_config.cfg"):
                listed[host] |= {f"host:h{at}" for at in re.findall(r"^10\.0\.0\.(\d)$", one.text, re.M)}
    found = {
        (one, other, "any")
        for one in HOSTS
        for other in HOSTS
        if one != other and held[one] & held[other] and other in listed[one] and one in listed[other]
    }
    found = {one for one in found if not _far(*one[:2])}
    return found, found


def imex(chance: random.Random) -> Case:
    """Two racks with three hosts each."""
    world = Inventory(
        addresses={host: (f"10.0.0.{at}",) for at, host in enumerate(HOSTS)},
        domains=TRAYS,
        host_of={f"gpu:t{at}": host for at, host in enumerate(HOSTS)},
        enforcers={"imex": HOSTS},
    )
    policy = small_policy(chance, "imex", list(HOSTS))
    damage = edits(traded(r"(?m)^10\.0\.0\.\d$"), dropped("mknod"), dropped("10.0.0."))
    return Case(Scene(compile_imex, prove_imex, policy, world), "imex", _shared, damage, aside=_far, others=HOSTS)
