"""Storage: one host and one folder at a time, by the rules of exports(5) and of Lustre's nodemaps."""

import random
import re
from ipaddress import ip_address, ip_network

from ringfence.segment.compile.exports import compile_exports
from ringfence.segment.compile.lustre import compile_lustre
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled
from ringfence.segment.prove.storage import prove_exports, prove_lustre
from tests.segment.brute.case import Case, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

HOSTS = tuple(f"host:h{at}" for at in range(6))
ADDRESS = {host: f"10.0.0.{at + 1}" for at, host in enumerate(HOSTS)}
NFS = {"storage:nfs:/a": "/a", "storage:nfs:/a/b": "/a/b", "storage:nfs:/c": "/c"}
FAST = {"storage:lustre-s:/a": "/a", "storage:lustre-s:/a/b": "/a/b", "storage:lustre-s:/c": "/c"}
PROBES = ("ro", "rw")


def _inside(outer: str, inner: str) -> bool:
    return f"{inner}/".startswith(outer.rstrip("/") + "/")


def _exports(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    """Any entry at or above the folder may let a host in; the nearest path's narrowest client surely decides."""
    (text,) = (one.text for one in made.artefacts)
    rows = []
    for line in filter(None, (line.partition("#")[0].strip() for line in text.split("\n"))):
        path, *clients = line.split()
        for client in clients:
            spec, _, options = client.rstrip(")").partition("(")
            rows.append((path, ip_network(spec), "rw" in options.split(",")))
    most: set[Pair] = set()
    least: set[Pair] = set()
    for folder, path in NFS.items():
        for host in HOSTS:
            met = [row for row in rows if _inside(row[0], path) and ip_address(ADDRESS[host]) in row[1]]
            met.sort(key=lambda row: (-len(row[0]), row[1].num_addresses > 1))  # what is met first wins among networks
            most |= {(host, folder, probe) for row in met for probe in PROBES if row[2] or probe == "ro"}
            least |= {(host, folder, probe) for row in met[:1] for probe in PROBES if row[2] or probe == "ro"}
    return most, least


def exports(chance: random.Random) -> Case:
    """A file server that exported everything before, and six hosts."""
    world = Inventory(
        addresses={host: (one,) for host, one in ADDRESS.items()},
        enforcers={"exports": ("host:nfs",)},
        there={"exports": {"host:nfs": ""}},
    )
    policy = small_policy(chance, "storage", [*HOSTS, *NFS], PROBES)

    def write(policy: object, world: Inventory) -> Compiled:
        return compile_exports(policy, world, {"host:nfs": "/ 10.0.0.0/8(rw,sync)\n"})  # type: ignore[arg-type]

    scene = Scene(write, prove_exports, policy, world)
    return Case(scene, "storage", _exports, _EXPORTS, PROBES, "host:", "storage:")


def _maps(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    """Each command as it comes; a client is in the map whose range has its address, else in the default one."""
    if not made.artefacts:
        return _everything()
    maps: dict[str, dict[str, str]] = {}
    ranges: list[tuple[str, int, int]] = []
    active = False
    for line in made.artefacts[0].text.split("\n"):
        if added := re.fullmatch(r"lctl nodemap_add (\S+)", line):
            maps[added.group(1)] = {}
        if said := re.match(r"lctl nodemap_modify --name (\S+) --property (\w+) --value (\d)", line):
            maps.setdefault(said.group(1), {})[said.group(2)] = said.group(3)
        if said := re.match(r"lctl nodemap_set_fileset --name (\S+) --fileset '(.*)'", line):
            maps[said.group(1)]["fileset"] = said.group(2)
        if said := re.match(r"lctl nodemap_add_range --name (\S+) --range 10\.0\.0\.\[?(\d+)(?:-(\d+)\])?@", line):
            ranges.append((said.group(1), int(said.group(2)), int(said.group(3) or said.group(2))))
        active = active or line == "lctl nodemap_activate 1"
    if not active:
        return _everything()
    found = set()
    for host in HOSTS:
        last = int(ADDRESS[host].rpartition(".")[2])
        mine = [name for name, low, high in ranges if low <= last <= high] or ["default"]
        for one in (maps.get(name, {}) for name in mine):
            if one.get("trusted") == "1" or one.get("deny_unknown") != "1":
                rights = ["ro"] if one.get("readonly_mount") == "1" else PROBES
                root = one.get("fileset", "/")
                found |= {(host, end, probe) for end, path in FAST.items() if _inside(root, path) for probe in rights}
    return found, found


def _everything() -> tuple[set[Pair], set[Pair]]:
    found = {(host, end, probe) for host in HOSTS for end in FAST for probe in PROBES}
    return found, found


def lustre(chance: random.Random) -> Case:
    """One file system and six hosts."""
    world = Inventory(
        addresses={host: (one,) for host, one in ADDRESS.items()},
        enforcers={"lustre": ("host:mgs",)} if chance.random() < 0.9 else {},
    )
    policy = small_policy(chance, "storage", [*HOSTS, *FAST], PROBES)
    scene = Scene(compile_lustre, prove_lustre, policy, world)
    return Case(scene, "storage", _maps, _LUSTRE, PROBES, "host:", "storage:lustre-")


_EXPORTS = edits(
    traded(r"10\.0\.0\.\d(?=\()"),
    traded(r"(?m)^/\S+"),
    became("(rw", "(ro"),
    became("(ro", "(rw"),
    traded(r"10.0.0.\d(?:/31)?(?=\()"),
    dropped("/c"),
)
_LUSTRE = edits(
    traded(r"(?<=--fileset )'.*'"),
    traded(r"(?<=--range )\S+(?=@tcp)"),
    became("deny_unknown --value 1", "deny_unknown --value 0"),
    became("readonly_mount --value 1", "readonly_mount --value 0"),
    became("readonly_mount --value 0", "readonly_mount --value 1"),
    became("activate 1", "activate 0"),
    dropped("@"),
)
