"""Addresses and routes: `ip -j addr`, `ip -j route`, `/etc/hosts` and `getent ahosts`."""

import ipaddress
import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_HOSTS = re.compile(
    rb"^[ \t]*(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:]*)"
    rb"(?:[ \t]+[A-Za-z0-9][\w.-]*)+[ \t]*(?:#.*)?$"
)
_VIRTUAL = (
    "docker",
    "veth",
    "cni",
    "flannel",
    "cali",
    "virbr",
    "lxc",
    "kube-",
    "br-",
    "dummy",
    "cilium",
    "podman",
    "tunl",
)


class Subnet(msgspec.Struct, frozen=True):
    """One address of an interface that leads off the host. `mbit_s` is 0 where unknown."""

    device: str
    address: str
    network: str
    kind: str = "ether"
    mbit_s: int = 0


class Route(msgspec.Struct, frozen=True):
    """One route. `to` is a subnet or `default`; `gateway` is "" for a directly attached one."""

    to: str
    device: str
    gateway: str = ""


class Name(msgspec.Struct, frozen=True):
    """One address with the names given to it."""

    address: str
    names: tuple[str, ...]


def looks_like(path: str, head: bytes) -> str:
    """One of "ip-addr", "ip-route", "etc-hosts" or ""."""
    start = head.lstrip()[:2048]
    if start.startswith(b"["):
        if b'"addr_info"' in head or (b'"ifname"' in start and b'"link_type"' in head):
            return "ip-addr"
        return "ip-route" if b'"dst"' in start and (b'"dev"' in start or b'"gateway"' in start) else ""
    lines = [line for line in head.splitlines()[:60] if line.strip() and not line.lstrip().startswith(b"#")]
    if lines and all(len(line) < 600 and _HOSTS.match(line) for line in lines[:3]):
        return "etc-hosts"
    return ""


def subnets(data: bytes) -> tuple[Subnet, ...]:
    """Addresses of `ip -j addr`, without loopback, link-local and the host's own container bridges.

    Raises `InputError`.
    """
    found = []
    for link in _objects(data, "ip -j addr"):
        device = str(link.get("ifname", ""))
        if not device or device == "lo" or device.startswith(_VIRTUAL):
            continue
        speed = link.get("speed", link.get("mbit_s", 0))
        infos = link.get("addr_info", [])
        for info in infos if isinstance(infos, list) else []:
            if not isinstance(info, dict) or info.get("scope") in ("link", "host"):
                continue
            address, network = _network(str(info.get("local", "")), info.get("prefixlen"))
            kind = str(link.get("link_type", "ether"))
            found.append(Subnet(device, address, network, kind, speed if isinstance(speed, int) and speed > 0 else 0))
    return tuple(found)


def _network(address: str, length: object) -> tuple[str, str]:
    try:
        interface = ipaddress.ip_interface(f"{address}/{length if isinstance(length, int) else ''}")
    except ValueError:
        raise InputError(f"not an address: {address[:60]!r}", remedy="capture it with: ip -j addr") from None
    return str(interface.ip), str(interface.network)


def routes(data: bytes) -> tuple[Route, ...]:
    """Routes of `ip -j route`; multipath ones once per gateway. Raises `InputError`."""
    found = []
    for row in _objects(data, "ip -j route"):
        if row.get("type") in ("blackhole", "unreachable", "prohibit", "local", "broadcast", "multicast"):
            continue
        to = str(row.get("dst", ""))
        if to != "default":
            try:
                to = str(ipaddress.ip_network(to, strict=False))
            except ValueError:
                raise InputError(f"not a destination: {to[:60]!r}", remedy="capture it with: ip -j route") from None
        hops = row.get("nexthops")
        every = hops if isinstance(hops, list) and hops else [row]
        plain = (hop for hop in every if isinstance(hop, dict))
        found += [Route(to, str(hop.get("dev", "")), str(hop.get("gateway", ""))) for hop in plain]
    return tuple(found)


def _objects(data: bytes, what: str) -> list[dict[str, object]]:
    found = safe.json(data)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InputError(f"not an answer of {what}: a list of objects", remedy=f"capture it with: {what}")
    return found


def names(data: bytes) -> tuple[Name, ...]:
    """Lines of /etc/hosts or `getent ahosts`; loopback and multicast are left out. Raises `InputError`."""
    found = []
    for number, line in safe.lines(data):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            address = ipaddress.ip_address(words[0])
        except ValueError:
            raise InputError(f"not an address: {words[0][:60]!r}", line=number) from None
        given = tuple(word for word in words[1:] if word not in ("STREAM", "DGRAM", "RAW"))
        if given and not (address.is_loopback or address.is_multicast):
            found.append(Name(str(address), given))
    return tuple(found)
