"""Switch configurations, LLDP and the cable plan → VLANs of RoCE ports, cables, cables that moved."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.collect.fabric_hosts import port_of
from ringfence.collect.fabric_names import fabric_of, switch
from ringfence.collect.fabric_world import World
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.ibnet import nos, wiring
from ringfence.wire.ibnet.lldp import Neighbour
from ringfence.wire.ibnet.nos import SwitchConfig

_EDGE = re.compile(
    rb'(?m)^[ \t]*+"?[\w.-]++"?:"?[\w./]++(?:-[\w./]++)*+"?'
    rb'[ \t]*+--[ \t]*+"?[\w.-]++"?:"?[\w./-]'
)
_MLNX = re.compile(
    rb"(?m)^(?:Product name:[ \t]++(?:MLNX-OS|Onyx)|##[ ]*Running database"
    rb"|[ \t]*+interface ethernet \d+/\d+ switchport)"
)


def form_of(path: str, head: bytes) -> str:
    """Which switch-side file this is, or ""."""
    name = PurePosixPath(path).name
    if b'"DEVICE_METADATA"' in head or name == "config_db.json":
        return "sonic"
    if b"nvue-api-version" in head or (b"br_default" in head and b"interface" in head):
        return "nvue"
    if _MLNX.search(head):
        return "mlnx-os"
    if name in ("topology.csv", "topology.dot") or _EDGE.search(head):
        return "cable-plan"
    return ""


def _config(read: Callable[[bytes], SwitchConfig]) -> Callable[[World, CapturedFile], Iterator[Problem]]:
    def reader(world: World, file: CapturedFile) -> Iterator[Problem]:
        config = read(file.data)
        parts = PurePosixPath(file.path).parts
        folder = parts[parts.index("switches") + 1] if "switches" in parts[:-2] else ""
        name = config.name or folder or PurePosixPath(file.path).stem
        world.switches[switch(name)] = (config, file)
        yield from ()

    return reader


def _plan(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.expected.extend((cable, file) for cable in wiring.read(file.data))
    yield from ()


READERS: dict[str, Callable[[World, CapturedFile], Iterator[Problem]]] = {
    "nvue": _config(nos.nvue),
    "sonic": _config(nos.sonic),
    "mlnx-os": _config(nos.mlnx),
    "cable-plan": _plan,
}


def tell(world: World) -> Iterator[Found]:
    """The facts of switches, and of cables that differ from the plan."""
    for entity, (config, file) in world.switches.items():
        for fact in _switch(world, entity, config, file):
            yield stamped(fact, file)
    for host, ports in world.hosts.items():
        assert ports.file is not None
        for neighbour in ports.neighbours:
            for fact in _cable(world, host, neighbour):
                yield stamped(fact, ports.file)
    yield from _moved(world)


def vlan(world: World, path: str, number: int) -> str:
    """`network:vlan/<fabric>/<number>`."""
    return ids.of("network", "vlan", fabric_of(path, world.scope), str(number))


def _switch(world: World, entity: str, config: SwitchConfig, file: CapturedFile) -> Iterator[Fact]:
    if config.version:
        yield Fact(entity, "runs_software", f"package:{config.system}", {"version": ids.clean(config.version)})
    for weak in config.weak:
        yield Fact(entity, "setting", f"admin_open={weak}")
    for number in sorted({number for port in config.ports for number in port.vlans}):
        yield Fact(entity, "on_fabric", vlan(world, file.path, number), {"link_layer": "Ethernet", "role": "switch"})
    for address in config.management:
        try:
            subnet = str(ipaddress.ip_interface(address).network)
        except ValueError:
            continue
        yield Fact(entity, "attached_to", ids.subnet(subnet, world.scope.site), {"address": ids.clean(address)})
    yield asked(entity, "switch-config", answered=True)
    if config.system in ("mlnx-os", "nvue"):  # of SONiC's the accounts and communities are not read
        yield asked(entity, "switch-admin", answered=True, complete=True)


def _cable(world: World, host: str, neighbour: Neighbour) -> Iterator[Fact]:
    """The cable of a RoCE port, and the VLANs that its switch port carries."""
    device = next(
        ((one.device, one.port) for one in world.hosts[host].links if one.netdev == neighbour.interface),
        next((place for place, port in world.hosts[host].ports.items() if neighbour.interface in port.netdevs), None),
    )
    if device is None:
        return
    port, entity = port_of(world, host, *device), switch(neighbour.name)
    there = ids.of("ibport", entity.partition(":")[2], neighbour.port)
    yield Fact(host, "has_port", port, {"device": ids.clean(device[0]), "port": device[1]})
    yield Fact(entity, "has_port", there, {"number": ids.clean(neighbour.port)})
    yield Fact(port, "cabled_to", there)
    config, file = world.switches.get(entity, (None, None))
    if config is None or file is None:
        yield asked(port, "switch-config", answered=False, reason="its switch's configuration was not captured")
        return
    for carried in (one for one in config.ports if one.name == neighbour.port):
        for number in carried.vlans:
            about: dict[str, Scalar] = {"link_layer": "Ethernet", "filtered": carried.filtered, "vlan": number}
            yield Fact(port, "on_fabric", vlan(world, file.path, number), about)


def _moved(world: World) -> Iterator[Fact]:
    """A neighbour that is not the planned one. A cable that nobody reports is a hole, not an accusation."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for host, ports in world.hosts.items():
        short = host.partition(":")[2]
        seen.update(((short, one.interface), (ids.host_name(one.name), one.port)) for one in ports.neighbours)
    for name, rows in world.switch_neighbours.items():
        short = name.partition(":")[2]
        seen.update(((short, one.interface), (ids.host_name(one.name), one.port)) for one, _ in rows)
    compared: dict[str, tuple[bool, bool, CapturedFile]] = {}
    for cable, file in world.expected:
        one, other = ((ids.host_name(name), port) for name, port in (cable.one, cable.other))
        for here, there in ((one, other), (other, one)):
            found = seen.get(here)
            entity = f"host:{here[0]}" if f"host:{here[0]}" in world.hosts else switch(here[0])
            some, every, _ = compared.get(entity, (False, True, file))
            compared[entity] = some or found is not None, every and found is not None, file
            if found is None or found == there:
                continue
            about: dict[str, Scalar] = {
                "port": here[1],
                "expected": ":".join(there),
                "found": ids.clean(":".join(found)),
            }
            yield stamped(Fact(entity, "tampered", "cable-moved", about), file)
    for entity, (some, every, file) in compared.items():
        if some:  # of the others nobody was asked; the plan alone proves nothing
            yield stamped(asked(entity, "cable-plan", answered=True, complete=every), file)
