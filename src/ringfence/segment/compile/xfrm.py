"""XFRM: IPsec in transport mode between the hosts of a gang, encrypted by the NIC (`offload packet`).

It keeps nobody out: it keeps the wire from reading what the policy allows. Each direction of a pair has a state of its
own with AES-256-GCM; its key is in a file named by the state's number and never in an artefact. Source: ip-xfrm(8).
Compiled, not enforced here, and each file says so.
"""

from collections.abc import Iterator, Mapping

from ringfence.segment.address import first
from ringfence.segment.compile.parts import MARK, named
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Residual
from ringfence.segment.protected import protected

PLANE, TARGET = "ip", "xfrm"
KEYS = "/etc/ringfence/keys"
_NOTE = f"# {MARK}\n# Compiled, not enforced by this version: needs a NIC with IPsec packet offload and Linux 6.6.\n"


def compile_xfrm(policy: Policy, inventory: Inventory, devices: Mapping[str, str] | None = None) -> Compiled:
    """For each host two lists for `ip -batch`: policies, and states whose `@FILE` stands for the key in that file.

    `devices`: host → the network device that encrypts; `eth0` where none is told.
    """
    hosts = frozenset(inventory.enforcers.get(TARGET, ()))
    peers: dict[str, list[str]] = {}
    for one, other in sorted(protected(policy, inventory, hosts)):
        peers.setdefault(one, []).append(other)
    at = {host: first(inventory.addresses[host]) for host in peers}
    artefacts = []
    for host, others in peers.items():
        device = (devices or {}).get(host, "eth0")
        folder = f"xfrm/{host.partition(':')[2]}"
        lines = [line for other in others for line in _policies(at[host], at[other], device)]
        artefacts.append(Artefact(f"{folder}/policies", _NOTE + "\n".join(lines) + "\n", (host,)))
        lines = [line for other in others for line in _states(at[host], at[other], device)]
        artefacts.append(Artefact(f"{folder}/states", _NOTE + "\n".join(lines) + "\n", (host,)))
    return Compiled(TARGET, PLANE, tuple(artefacts), tuple(_clear(policy, inventory, hosts)), enforced=False)


def number(source: str, target: str) -> int:
    """The state's SPI, drawn from both addresses: 256 and more, since smaller ones are reserved (RFC 4303)."""
    return 256 + int(named((source, target))[:7], 16)


def _policies(here: str, there: str, device: str) -> Iterator[str]:
    for source, target, way in ((here, there, "out"), (there, here, "in")):
        yield (
            f"xfrm policy add src {source} dst {target} dir {way} offload packet dev {device} "
            f"tmpl src {source} dst {target} proto esp reqid {number(source, target)} mode transport"
        )


def _states(here: str, there: str, device: str) -> Iterator[str]:
    for source, target, way in ((here, there, "out"), (there, here, "in")):
        spi = number(source, target)
        yield (
            f"xfrm state add src {source} dst {target} proto esp spi {spi:#x} reqid {spi} mode transport "
            f"aead rfc4106(gcm(aes)) @{KEYS}/{spi:08x} 128 offload packet dev {device} dir {way}"
        )


def _clear(policy: Policy, inventory: Inventory, hosts: frozenset[str]) -> Iterator[Residual]:
    """Allowed between hosts, and not encrypted."""
    covered = protected(policy, inventory, hosts)
    for allow in sorted({(one.source, one.target) for one in policy.on(PLANE)}):
        source, target = (policy.groups[name] for name in allow)
        ends = [[one for one in group.on(PLANE) if one.startswith("host:")] for group in (source, target)]
        inside = source.kind == target.kind == "gang"
        bare = sum((one, other) not in covered for one in ends[0] for other in ends[1] if one != other) if inside else 0
        pairs = bare if inside else len(ends[0]) * len(ends[1])
        if pairs:
            why, remedy = "allowed and sent in clear", "only gangs on hosts that encrypt are covered"
            yield Residual(PLANE, TARGET, source.name, target.name, pairs, why, remedy)
