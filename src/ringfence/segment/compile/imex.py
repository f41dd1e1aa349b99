"""IMEX: one channel per gang and NVLink domain, and a daemon that knows the gang's hosts and no others.

Two hosts share memory only if each one's daemon lists the other and both hold the same channel. A channel's number is
drawn from the names of its hosts, so that one gang's end does not renumber the others. Channel 0, which drivers make
for everyone by default, is never used.
"""

from collections.abc import Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.segment.address import first
from ringfence.segment.cliques import by_domain, open_residuals, surplus
from ringfence.segment.compile.parts import MARK, named
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.segment.racks import host_domains

PLANE, TARGET = "imex", "imex"
CHANNELS = 2048
"""How many the driver makes at most unless told otherwise (NVreg_ImexChannelCount)."""

_FOLDER = "/dev/nvidia-caps-imex-channels"
_MODPROBE = f"""# {MARK}
# Where Slurm hands out channels (SwitchType=switch/nvidia_imex), leave them to it.
options nvidia NVreg_CreateImexChannel0=0
"""


def compile_imex(policy: Policy, inventory: Inventory) -> Compiled:
    """nodes_config.cfg, channel devices and a driver option. Compiled, not enforced here."""
    guarded = frozenset(inventory.enforcers.get(TARGET, ()))
    domains = by_domain(policy, PLANE, host_domains(inventory))
    artefacts, residuals = [], []
    holders: dict[tuple[int, ...], list[str]] = {}
    for domain in domains:
        whole = {one | other for one, other in domain.meant if one and other}
        cliques = sorted(sorted(one & guarded) for one in whole if len(one & guarded) > 1)
        why, remedy = "a channel joins all who hold it", "let each workflow be allowed within itself only"
        residuals += surplus(domain, cliques, PLANE, TARGET, why, remedy)
        numbers = _numbers(cliques)
        for host in sorted(domain.members & guarded):
            held = tuple(sorted(number for number, clique in numbers.items() if host in clique))
            holders.setdefault(held, []).append(host)
        artefacts += [_nodes(inventory, each) for each in _components(cliques)]
    for held, hosts in holders.items():
        artefacts.append(Artefact(f"imex/{named(map(str, held))}/channels.sh", _channels(held), tuple(sorted(hosts))))
    if holders:
        artefacts.append(Artefact("imex/ringfence-modprobe.conf", _MODPROBE, tuple(sorted(guarded))))
    bare = [msgspec.structs.replace(one, members=one.members - guarded) for one in domains]
    why, remedy = "nobody sets its channels", "let Ringfence manage IMEX there"
    residuals += open_residuals(bare, policy, PLANE, TARGET, why, remedy)
    ordered = tuple(sorted(artefacts, key=lambda one: one.name))
    return Compiled(TARGET, PLANE, ordered, tuple(sorted(set(residuals))), enforced=False)


def _numbers(cliques: Sequence[Sequence[str]]) -> dict[int, frozenset[str]]:
    """A channel for each set: the number its hosts' names lead to, or the next that is free. Raises `InputError`."""
    if len(cliques) >= CHANNELS:
        raise InputError(f"{len(cliques)} workflows in one NVLink domain, which has {CHANNELS} channels")
    found: dict[int, frozenset[str]] = {}
    for clique in cliques:
        number = int(named(clique), 16) % (CHANNELS - 1)
        while number + 1 in found:
            number = (number + 1) % (CHANNELS - 1)
        found[number + 1] = frozenset(clique)
    return found


def _components(cliques: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Sets that share a host made one: a daemon has one list, and all in it need the same."""
    found: list[set[str]] = []
    for clique in cliques:
        near = [one for one in found if not one.isdisjoint(clique)]
        found = [one for one in found if one.isdisjoint(clique)] + [set(clique).union(*near)]
    return sorted(tuple(sorted(one)) for one in found)


def _nodes(inventory: Inventory, hosts: Sequence[str]) -> Artefact:
    lines = [first(inventory.addresses.get(host, ())) or host.partition(":")[2] for host in hosts]
    text = "\n".join([f"# {MARK}", *lines]) + "\n"
    return Artefact(f"imex/{named(hosts)}/nodes_config.cfg", text, tuple(hosts))


def _channels(held: Sequence[int]) -> str:
    """The devices of a host: these and no others."""
    lines = [f"# {MARK}", f"rm -f {_FOLDER}/channel*"]
    if held:
        lines.append("major=$(awk '$2 == \"nvidia-caps-imex-channels\" { print $1 }' /proc/devices)")
    return "\n".join([*lines, *(f'mknod -m 0666 {_FOLDER}/channel{one} c "$major" {one}' for one in held)]) + "\n"
