"""Captures of the InfiniBand fabric: `ibnetdiscover`, partitions.conf, pkey tables, opensm options.

A fat tree: each rail's ports in host order, 32 to a leaf; 32 leaves and 32 spines to a pod; one
director switch per spine plane above several pods.
"""

from collections.abc import Iterator

from ringfence.synth import data
from ringfence.synth.captures_slurm import File
from ringfence.synth.facts_fabric import on_fabric
from ringfence.synth.plan import Cluster, Host, port_guid

DOWN = 32
SPINES = 32
UPLINKS = 8
_RATE = "4xNDR"
_LEAF, _SPINE, _CORE = 0x2C5EAB0300000000, 0x2C5EAB0310000000, 0x2C5EAB0320000000

Port = tuple[Host, int]


def fabric(plan: Cluster) -> Iterator[File]:
    """Everything that the subnet manager's host has to say."""
    yield "fabric/ibnetdiscover.txt", "\n".join(discover(plan)).encode() + b"\n"
    yield "fabric/partitions.conf", partitions(plan).encode()
    yield "fabric/opensm.conf", options(plan).encode()
    yield "fabric/sminfo.txt", _sminfo(plan).encode()


def leaves(plan: Cluster) -> list[list[Port]]:
    """The ports below each leaf switch."""
    rails: dict[int, list[Port]] = {}
    for host in on_fabric(plan):
        for port in range(1, host.ports + 1):
            rails.setdefault(port, []).append((host, port))
    return [rail[at : at + DOWN] for rail in rails.values() for at in range(0, len(rail), DOWN)]


def discover(plan: Cluster) -> Iterator[str]:
    """The lines of `ibnetdiscover`."""
    below = leaves(plan)
    pods = -(-len(below) // SPINES)
    lid = _lids(plan, below)
    yield "#"
    yield "# Topology file: generated on Mon Jan  5 00:00:00 2026"
    yield "#"
    yield from _leaf_records(below, lid)
    yield from _spine_records(below, pods)
    if pods > 1:
        for plane in range(SPINES):
            yield from _switch(_CORE + plane, f"core{plane + 1:02d}", 648, 60_000 + plane)
            for pod in range(pods):
                guid = _SPINE + pod * SPINES + plane
                for link in range(UPLINKS):
                    name = f"spine{pod + 1:02d}-{plane + 1:02d}"
                    yield (
                        f'[{pod * UPLINKS + link + 1}]\t"S-{guid:016x}"[{DOWN + link + 1}]\t\t# "{name}" lid 1 {_RATE}'
                    )
    for at, ports in enumerate(below):
        for slot, (host, port) in enumerate(ports, 1):
            guid = port_guid(host, port)
            yield ""
            yield "vendid=0x2c9"
            yield "devid=0x1021"
            yield f"sysimgguid=0x{guid:016x}"
            yield f"caguid=0x{guid:016x}"
            yield f'Ca\t1 "H-{guid:016x}"\t\t# "{host.name} mlx5_{port - 1}"'
            yield (
                f'[1]({guid:016x}) \t"S-{_LEAF + at:016x}"[{slot}]\t\t# lid {lid[guid]} lmc 0 "leaf{at + 1:04d}" '
                f"lid {at + 1} {_RATE}"
            )


def _lids(plan: Cluster, below: list[list[Port]]) -> dict[int, int]:
    guids = (port_guid(host, port) for ports in below for host, port in ports)
    return {guid: len(below) + 1 + at for at, guid in enumerate(guids)}


def _switch(guid: int, name: str, ports: int, lid: int) -> Iterator[str]:
    yield ""
    yield "vendid=0x2c9"
    yield "devid=0xd2f2"
    yield f"sysimgguid=0x{guid:016x}"
    yield f"switchguid=0x{guid:016x}({guid:016x})"
    yield f'Switch\t{ports} "S-{guid:016x}"\t\t# "MF0;{name}:MQM9700/U1" enhanced port 0 lid {lid} lmc 0'


def _leaf_records(below: list[list[Port]], lid: dict[int, int]) -> Iterator[str]:
    for at, ports in enumerate(below):
        yield from _switch(_LEAF + at, f"leaf{at + 1:04d}", 64, at + 1)
        for slot, (host, port) in enumerate(ports, 1):
            guid = port_guid(host, port)
            yield (
                f'[{slot}]\t"H-{guid:016x}"[1]({guid:016x}) \t\t# "{host.name} mlx5_{port - 1}" lid {lid[guid]} {_RATE}'
            )
        pod, place = divmod(at, SPINES)
        for plane in range(SPINES):
            yield (
                f'[{DOWN + plane + 1}]\t"S-{_SPINE + pod * SPINES + plane:016x}"[{place + 1}]\t\t'
                f'# "MF0;spine{pod + 1:02d}-{plane + 1:02d}:MQM9700/U1" lid 1 {_RATE}'
            )


def _spine_records(below: list[list[Port]], pods: int) -> Iterator[str]:
    for pod in range(pods):
        members = range(pod * SPINES, min(len(below), (pod + 1) * SPINES))
        for plane in range(SPINES):
            number = pod * SPINES + plane
            yield from _switch(_SPINE + number, f"spine{pod + 1:02d}-{plane + 1:02d}", 64, 50_000 + number)
            for slot, leaf in enumerate(members, 1):
                yield (
                    f'[{slot}]\t"S-{_LEAF + leaf:016x}"[{DOWN + plane + 1}]\t\t'
                    f'# "MF0;leaf{leaf + 1:04d}:MQM9700/U1" lid {leaf + 1} {_RATE}'
                )
            if pods > 1:
                for link in range(UPLINKS):
                    yield (
                        f'[{DOWN + link + 1}]\t"S-{_CORE + plane:016x}"[{pod * UPLINKS + link + 1}]\t\t'
                        f'# "MF0;core{plane + 1:02d}:MQM9700/U1" lid 1 {_RATE}'
                    )


def partitions(plan: Cluster) -> str:
    """partitions.conf: everyone in the default partition, tenants' ports in their own, lines kept short."""
    central = [port for host in on_fabric(plan) if host.role in ("storage", "sm") for port in _guids(host)]
    lines = []
    if plan.flawed("default_pkey_full"):
        lines.append("Default=0x7fff, ipoib, defmember=full : ALL=full, ALL_SWITCHES=full, SELF=full;")
    else:
        lines.append("Default=0x7fff, ipoib, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full;")
        lines += _stanzas("Default=0x7fff, ipoib, defmember=full", central)
    own: dict[str, list[str]] = {group.name: [] for group in plan.tenants}
    for host in on_fabric(plan):
        for name in [host.tenant] if host.tenant else data.served(plan, host):
            own[name].extend(_guids(host))
    for group in plan.tenants:
        lines += _stanzas(f"{group.name}=0x{group.pkey:04x}, defmember=full", own[group.name])
    return "\n".join(lines) + "\n"


def _guids(host: Host) -> Iterator[str]:
    return (f"0x{port_guid(host, port):016x}" for port in range(1, host.ports + 1))


def _stanzas(head: str, guids: list[str]) -> list[str]:
    return [f"{head} : {', '.join(guids[at : at + 100])};" for at in range(0, len(guids), 100)]


def options(plan: Cluster) -> str:
    """The options file of opensm."""
    key = "0x0000000000000001" if plan.flawed("sm_key_default") else "0x5d41402abc4b2a76"
    open_ = plan.flawed("m_key_zero")
    m_key = "0x0000000000000000" if open_ else "0x3c6ef372fe94f82b"
    guids = "" if open_ else f"allowed_sm_guids 0x{port_guid(plan.of_role('sm')[0], 1):016x}\n"
    return (
        f"sm_key {key}\nsa_key {key}\nm_key {m_key}\nm_key_protection_level 0\n{guids}"
        "partition_config_file /etc/opensm/partitions.conf\nno_partition_enforcement FALSE\n"
    )


def _sminfo(plan: Cluster) -> str:
    guid = port_guid(plan.of_role("sm")[0], 1)
    return f"sminfo: sm lid 1 sm guid 0x{guid:x}, activity count 4711 priority 14 state 3 SMINFO_MASTER\n"
