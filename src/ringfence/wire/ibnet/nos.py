"""Switch configuration: NVUE (`nv config show -o json|yaml`), SONiC `config_db.json`, MLNX-OS text.

What is read: name, version, the VLANs, filters and speed class of each port, and who may write by
SNMP or log in without a password. Formats as published by their makers; a part that is not known
is left alone, never guessed.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

DEFAULT_COMMUNITIES = ("public", "private")


class SwitchPort(msgspec.Struct, frozen=True):
    """One port: the VLANs it carries, untagged or tagged, and whether a filter stands on it."""

    name: str
    vlans: tuple[int, ...]
    filtered: bool


class SwitchConfig(msgspec.Struct, frozen=True):
    """One switch. `weak` are ways to administer it without a secret: `snmp-write`, `no-password`."""

    name: str
    system: str
    version: str
    ports: tuple[SwitchPort, ...]
    weak: tuple[str, ...]
    management: tuple[str, ...]
    """Addresses of its management interface, as `10.0.0.9/24`."""


def nvue(data: bytes) -> SwitchConfig:
    """NVIDIA Cumulus Linux and NVOS: a list with `set`, or the tree itself."""
    text = data.lstrip()[:1]
    document = safe.json(data) if text in (b"[", b"{") else next(iter(safe.yaml_documents(data)), None)
    header: dict[str, Any] = {}
    tree: dict[str, Any] = {}
    for part in document if isinstance(document, list) else [document]:
        row = _map(part)
        header.update(_map(row.get("header")))
        tree.update(_map(row.get("set")) or ({} if "header" in row else row))
    if not ({"interface", "bridge", "system"} & tree.keys()):
        raise InputError("no NVUE configuration in it", remedy="run `nv config show -o json`")
    system = _map(tree.get("system"))
    vlans = tuple(sorted(_vlans(_map(_path(tree, "bridge", "domain", "br_default", "vlan")))))
    ports = []
    for span, about in _map(tree.get("interface")).items():
        row = _map(about)
        own = _path(row, "bridge", "domain", "br_default")
        carried = _bridge_vlans(_map(own), vlans) if own is not None else ()
        ports += [SwitchPort(name, carried, bool(_map(row.get("acl")))) for name in _spread(str(span))]
    weak = ["snmp-write"] if _snmp_write(_map(system.get("snmp-server"))) else []
    return SwitchConfig(
        _text(_map(system).get("hostname")),
        "nvue",
        _text(header.get("version")),
        tuple(ports),
        tuple(weak),
        tuple(_map(_path(tree, "interface", "eth0", "ip", "address"))),
    )


def _bridge_vlans(own: dict[str, Any], all_: tuple[int, ...]) -> tuple[int, ...]:
    """`access`, or the listed VLANs with the untagged one; a trunk without a list carries all."""
    access = own.get("access")
    if isinstance(access, int):
        return (access,)
    listed = set(_vlans(_map(own.get("vlan"))))
    untagged = own.get("untagged")
    listed |= {untagged} if isinstance(untagged, int) else set()
    return tuple(sorted(listed)) or all_ or (1,)


def _snmp_write(server: dict[str, Any]) -> bool:
    names = _map(server.get("readwrite-community")) or _map(server.get("read-write-community"))
    return any(name in DEFAULT_COMMUNITIES for name in names)


def sonic(data: bytes) -> SwitchConfig:
    """SONiC's `config_db.json`."""
    tree = _map(safe.json(data))
    if not ({"DEVICE_METADATA", "PORT", "VLAN_MEMBER"} & tree.keys()):
        raise InputError("no SONiC configuration in it", remedy="copy /etc/sonic/config_db.json")
    about = _map(_path(tree, "DEVICE_METADATA", "localhost"))
    carried: dict[str, set[int]] = {}
    for place in _map(tree.get("VLAN_MEMBER")):
        vlan, _, port = str(place).partition("|")
        if port and vlan[4:].isdigit() and len(vlan) < 12:
            carried.setdefault(port, set()).add(int(vlan[4:]))
    tables = [_map(row) for row in _map(tree.get("ACL_TABLE")).values()]
    filtered = {str(port) for row in tables if row.get("type") != "MIRROR" for port in _list(row.get("ports"))}
    names = sorted({str(name) for name in _map(tree.get("PORT"))} | carried.keys())
    ports = tuple(SwitchPort(name, tuple(sorted(carried.get(name, ()))), name in filtered) for name in names)
    communities = _map(tree.get("SNMP_COMMUNITY"))
    write = any(
        name in DEFAULT_COMMUNITIES and _text(_map(row).get("TYPE")).upper() == "RW"
        for name, row in communities.items()
    )
    version = _text(_path(tree, "VERSIONS", "DATABASE", "VERSION")) or _text(about.get("sonic_version"))
    addresses = tuple(str(place).partition("|")[2] for place in _map(tree.get("MGMT_INTERFACE")))
    return SwitchConfig(
        _text(about.get("hostname")), "sonic", version, ports, ("snmp-write",) if write else (), addresses
    )


_MLNX = re.compile(
    r"\A\s*+(?:hostname (?P<host>\S{1,80})|(?:Product release|System version|version):\s*(?P<version>\S{1,60})"
    r"|interface ethernet (?P<port>\S{1,20}) switchport access vlan (?P<vlan>\d{1,4})"
    r"|interface ethernet (?P<bound>\S{1,20}) (?:ip|ipv4|mac) port access-group \S+"
    r"|snmp-server community (?P<name>\S{1,60}) (?P<mode>rw)"
    r"|username (?P<user>\S{1,60}) nopassword"
    r"|interface mgmt0 ip address (?P<ip>[\d.]{7,15}) (?P<mask>/\d\d?|[\d.]{7,15}))\s*\Z"
)


def mlnx(data: bytes) -> SwitchConfig:
    """MLNX-OS and Onyx: `show running-config` and `show version`, as text."""
    name = version = ""
    carried: dict[str, set[int]] = {}
    bound: set[str] = set()
    weak: set[str] = set()
    management: list[str] = []
    for _, line in safe.lines(data):
        match = _MLNX.match(line) if len(line) < 300 else None
        if match is None:
            continue
        name, version = match["host"] or name, match["version"] or version
        if match["port"]:
            carried.setdefault(match["port"], set()).add(int(match["vlan"]))
        if match["bound"]:
            bound.add(match["bound"])
        if match["user"]:
            weak.add("no-password")
        if match["name"] in DEFAULT_COMMUNITIES:
            weak.add("snmp-write")
        if match["ip"]:
            management.append(match["ip"] + match["mask"].replace("255.255.255.0", "/24").replace("255.255.0.0", "/16"))
    if not (name or version or carried):
        raise InputError("no MLNX-OS configuration in it", remedy="capture `show running-config` and `show version`")
    ports = tuple(SwitchPort(port, tuple(sorted(vlans)), port in bound) for port, vlans in sorted(carried.items()))
    return SwitchConfig(name, "mlnx-os", version, ports, tuple(sorted(weak)), tuple(management))


def _spread(span: str) -> Iterator[str]:
    """`swp1-4,swp9` → swp1 swp2 swp3 swp4 swp9."""
    for part in span.split(",")[:4096]:
        match = re.fullmatch(r"([A-Za-z_]{1,20})(\d{1,4})-(?:[A-Za-z_]{1,20})?(\d{1,4})", part.strip())
        if match and int(match[2]) <= int(match[3]) < int(match[2]) + 1024:
            yield from (f"{match[1]}{number}" for number in range(int(match[2]), int(match[3]) + 1))
        elif part.strip():
            yield part.strip()


def _vlans(said: dict[str, Any]) -> Iterator[int]:
    for name in said:
        for part in str(name).split(",")[:4096]:
            low, _, high = part.partition("-")
            if low.isdigit() and (not high or high.isdigit()) and len(low) < 5 and len(high) < 5:
                yield from range(int(low), int(high or low) + 1)


def _path(tree: Any, *names: str) -> Any:
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _map(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said] if isinstance(said, str) else []


def _text(said: Any) -> str:
    return said if isinstance(said, str) else str(said) if isinstance(said, int | float) else ""
