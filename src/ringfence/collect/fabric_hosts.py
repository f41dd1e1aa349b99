"""What hosts say of their own RDMA ports: sysfs, `rdma`, IPoIB interfaces, LLDP neighbours → facts.

A queue pair names its peer by a 24-bit number only. Two captured hosts whose pairs name each other
are peers; a pair without such a counterpart has an unknown peer, and coverage says so.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.collect.fabric_names import fabric_of, is_host_file, switch
from ringfence.collect.fabric_world import HostPorts, World
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.ibnet import lldp, rdma, sysfs
from ringfence.wire.ibnet.rdma import Pair, PkeyInterface
from ringfence.wire.ibnet.sysfs import SysPort
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT

_SYS = (
    *("find", "/sys/devices", "-path", "*/infiniband/*", "-type", "f", "("),
    *("-name", "fw_ver", "-o", "-name", "board_id", "-o", "-name", "hca_type", "-o", "-name", "node_guid", "-o"),
    *("-name", "link_layer", "-o", "-name", "state", "-o", "-name", "rate", "-o"),
    *("-path", "*/gids/0", "-o", "-path", "*/pkeys/*", "-o", "-path", "*/ndevs/0", ")"),
    *("-exec", "grep", "-sH", ".", "{}", ";"),
)
"""Below /sys/devices no link is followed, so nothing loops; an entry that cannot be read is left out."""
_HOST = "hosts/{host}/"

QUESTIONS: tuple[Question, ...] = (
    Probe(_HOST + "sysfs-infiniband.txt", _SYS, timeout_s=120),
    ReadFile(_HOST + "sys/module/nvidia_peermem/", "/sys/module/nvidia_peermem/initstate"),
    Probe(_HOST + "rdma-link.json", ("rdma", "link", "show", "-j")),
    Probe(_HOST + "rdma-qp.json", ("rdma", "resource", "show", "qp", "-j")),
    Probe(_HOST + "rdma-cm_id.json", ("rdma", "resource", "show", "cm_id", "-j")),
    Probe(_HOST + "ipoib.json", ("ip", "-d", "-j", "addr", "show", "type", "ipoib")),
    Probe(_HOST + "lldp.json", ("lldpcli", "show", "neighbors", "-f", "json")),
)

_FOLDER = re.compile(r"\A(?:sys-class-infiniband[-.]?)")
_IPOIB = re.compile(rb'"info_kind"\s*:\s*"ipoib"')
_OTHER = re.compile(rb'"link_type"\s*:\s*"(?:ether|loopback|none)"')


def form_of(path: str, head: bytes) -> str:
    """Which host-side file this is, or ""."""
    if sysfs.place(path) is not None:
        return "sysfs"
    if PurePosixPath(path).parts[-3:] == ("module", "nvidia_peermem", "initstate"):
        return "peermem"
    start = head.lstrip()[:4096]
    if start.startswith(b"["):
        return _json_form(path, start, head)
    if start.startswith(b"{") and b'"lldp"' in start[:200]:
        return "lldp"
    first = start.partition(b"\n")[0][:300].decode("utf-8", "replace")
    return "sysfs-listing" if ":" in first and sysfs.place(first.partition(":")[0].strip()) else ""


def _json_form(path: str, start: bytes, head: bytes) -> str:
    if b'"lqpn"' in start:
        return "rdma-qp"
    if b'"cm-idn"' in start:
        return "rdma-cm"
    if b'"physical_state"' in start and b'"ifname"' in start:
        return "rdma-link"
    if _IPOIB.search(head) and not _OTHER.search(head):
        return "ipoib"
    empty = not start.strip(b"[]{}, \t\r\n")
    name = PurePosixPath(path).name
    return {"rdma-qp.json": "rdma-qp", "rdma-cm_id.json": "rdma-cm", "ipoib.json": "ipoib"}.get(name, "") * empty


def _host_of(world: World, file: CapturedFile) -> str:
    """The host of a file: its folder below `hosts/`, else the folder that holds the tree."""
    if is_host_file(file.path):
        return world.scope.host_of(file.path)
    at = sysfs.place(file.path)
    if at is None:
        return world.scope.host_of(file.path)
    parts = PurePosixPath(file.path).parts
    before = [part for part in parts[: parts.index(at[0])] if part not in ("sys", "class", "infiniband")]
    return world.scope.host(_FOLDER.sub("", before[-1]) or "unknown" if before else "unknown")


def _sysfs(world: World, file: CapturedFile) -> Iterator[Problem]:
    at = sysfs.place(file.path)
    assert at is not None
    value = file.data[:200].decode("utf-8", "replace").strip()
    host = world.host(_host_of(world, file), file)
    host.values.append((*at, value, 1))
    yield from ()


def _listing(world: World, file: CapturedFile) -> Iterator[Problem]:
    values = list(sysfs.listing(file.data))
    world.host(_host_of(world, file), file).values.extend(values)
    yield from ()


def _peermem(world: World, file: CapturedFile) -> Iterator[Problem]:
    if file.data.strip() == b"live":
        world.host(_host_of(world, file), file).modules.add("nvidia_peermem")
    yield from ()


def _links(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.host(_host_of(world, file), file).links.extend(rdma.links(file.data))
    yield from ()


def _pairs(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.host(_host_of(world, file), file).pairs.extend(rdma.pairs(file.data))
    yield from ()


def _listeners(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.host(_host_of(world, file), file).listeners.extend(rdma.listeners(file.data))
    yield from ()


def _interfaces(world: World, file: CapturedFile) -> Iterator[Problem]:
    world.host(_host_of(world, file), file).interfaces.extend(rdma.interfaces(file.data))
    yield from ()


def _neighbours(world: World, file: CapturedFile) -> Iterator[Problem]:
    found = lldp.read(file.data)
    parts = PurePosixPath(file.path).parts
    if "switches" in parts[:-1]:
        name = switch(parts[parts.index("switches") + 1])
        world.switch_neighbours.setdefault(name, []).extend((one, file) for one in found)
    else:
        world.host(_host_of(world, file), file).neighbours.extend(found)
    yield from ()


READERS: dict[str, Callable[[World, CapturedFile], Iterator[Problem]]] = {
    "sysfs": _sysfs,
    "sysfs-listing": _listing,
    "peermem": _peermem,
    "rdma-link": _links,
    "rdma-qp": _pairs,
    "rdma-cm": _listeners,
    "ipoib": _interfaces,
    "lldp": _neighbours,
}


def tell(world: World) -> Iterator[Found]:
    """The facts of every host that showed its ports."""
    for entity, host in world.hosts.items():
        assert host.file is not None
        try:
            ports = sysfs.gather(host.values)
        except InputError as error:
            yield Problem.of(host.file.path, error)
            ports = ()
        for port in ports:
            host.ports[port.device, port.port] = port
            for fact in _port(world, entity, port, host.file):
                yield stamped(fact, host.file)
    index = _counterparts(world)
    for entity, host in world.hosts.items():
        assert host.file is not None
        for fact in (*_peers(world, entity, host, index), *_network(world, entity, host)):
            yield stamped(fact, host.file)


def port_of(world: World, entity: str, device: str, number: int) -> str:
    """The port entity of a host's device: by GUID where one is known, else by host and device."""
    own = world.hosts[entity].ports.get((device, number)) if entity in world.hosts else None
    if own is not None and own.guid:
        return ids.ibport(own.guid)
    known = world.by_device.get((entity, device, number))
    return known or ids.of("ibport", entity.partition(":")[2], device, str(number))


def _fabric(world: World, entity: str, file: CapturedFile) -> str:
    """The fabric of a host's ports: where its other ports lie, the only one there is, else by its path."""
    if len(world.fabrics) == 1:
        return next(iter(world.fabrics))
    homes: frozenset[str] = frozenset(world.homes().get(entity, ()))
    return next(iter(homes)) if len(homes) == 1 else fabric_of(file.path, world.scope)


def _port(world: World, entity: str, port: SysPort, file: CapturedFile) -> Iterator[Fact]:
    name = port_of(world, entity, port.device, port.port)
    about: dict[str, Scalar] = {"device": ids.clean(port.device), "port": port.port, "state": port.state or "unknown"}
    yield Fact(entity, "has_port", name, about)
    if port.firmware:
        product = port.board or port.type or "adapter"
        version = {"version": ids.clean(port.firmware), "name": ids.clean(port.type or product)}
        yield Fact(name, "runs_firmware", ids.of("firmware", product, port.firmware), version)
    if port.link_layer != "InfiniBand":
        return
    fabric = world.home.get(port.guid) or _fabric(world, entity, file)
    yield Fact(name, "on_fabric", ids.fabric(fabric), {"link_layer": "InfiniBand"})
    full: dict[int, bool] = {}
    for key in port.keys:
        full[key & DEFAULT_PKEY] = full.get(key & DEFAULT_PKEY, False) or bool(key & FULL_BIT)
    for key, is_full in full.items():
        yield Fact(name, "in_pkey", ids.pkey(fabric, key), {"membership": "full" if is_full else "limited"})
        yield Fact(ids.pkey(fabric, key), "part_of", ids.fabric(fabric), {"kind": "pkey"})


_Index = dict[tuple[int, int], list[tuple[str, Pair]]]


def _counterparts(world: World) -> _Index:
    """(local, remote) queue-pair numbers → who has them."""
    index: _Index = {}
    for entity, host in world.hosts.items():
        for pair in host.pairs:
            index.setdefault((pair.local, pair.remote), []).append((entity, pair))
    return index


def _peers(world: World, entity: str, host: HostPorts, index: _Index) -> Iterator[Fact]:
    if not (host.pairs or host.ports or host.links):
        return
    unknown = 0
    seen: set[str] = set()
    for pair in host.pairs:
        others = [(who, other) for who, other in index.get((pair.remote, pair.local), []) if who != entity]
        if len(others) != 1:
            unknown += 1
            continue
        who, other = others[0]
        there = port_of(world, who, other.device, other.port)
        if there not in seen:
            seen.add(there)
            about: dict[str, Scalar] = {
                "pid": pair.pid,
                "state": ids.clean(pair.state),
                "command": ids.clean(pair.command),
            }
            yield Fact(entity, "rdma_peer", there, about)
    reason = f"{unknown} queue pairs lead to peers that were not captured" if unknown else ""
    yield asked(entity, "rdma", answered=True, complete=not unknown, reason=reason)


def _network(world: World, entity: str, host: HostPorts) -> Iterator[Fact]:
    assert host.file is not None
    for module in sorted(host.modules):
        yield Fact(entity, "setting", f"{module}=loaded")
    fabric = _fabric(world, entity, host.file)
    for interface in host.interfaces:
        yield from _subnets(world, entity, host, fabric, interface)
    for listener in host.listeners:
        yield from _service(entity, host, fabric, listener.command, listener.number)


def _subnets(world: World, entity: str, host: HostPorts, fabric: str, interface: PkeyInterface) -> Iterator[Fact]:
    """The IP subnets of an IPoIB interface, as parts of its partition; the host's place in them."""
    pkey = ids.pkey(fabric, interface.key)
    yield Fact(pkey, "part_of", ids.fabric(fabric), {"kind": "pkey"})
    membership = "full" if interface.key & FULL_BIT else "limited"
    for address in interface.addresses:
        try:
            subnet = ids.subnet(str(ipaddress.ip_interface(address).network), world.scope.site)
        except ValueError:
            continue
        device = ids.clean(interface.name)
        yield Fact(subnet, "part_of", pkey, {"link_layer": "InfiniBand"})
        yield Fact(entity, "attached_to", subnet, {"membership": membership, "address": address, "device": device})


def _service(entity: str, host: HostPorts, fabric: str, command: str, number: int) -> Iterator[Fact]:
    """A program that waits for RDMA connections, on every partition that its host's ports are in."""
    name = ids.service(entity, command or "rdma", number)
    yield Fact(name, "runs_on", entity)
    held: dict[int, bool] = {}
    for port in host.ports.values():
        for key in port.keys if port.link_layer == "InfiniBand" else ():
            held[key & DEFAULT_PKEY] = held.get(key & DEFAULT_PKEY, False) or bool(key & FULL_BIT)
    for key, full in sorted(held.items()):
        about: dict[str, Scalar] = {"port": number, "transport": "rdma", "membership": "full" if full else "limited"}
        yield Fact(name, "listens_on", ids.pkey(fabric, key), about)
