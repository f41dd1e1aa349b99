"""Access lists of NVUE and SONiC, as far as they decide over RoCEv2: UDP to port 4791, by destination.

A rule that matches by something else as well (a source, a flag) is kept if it permits, and left out if it denies: what
is read is what may pass at most. Formats as their makers publish them: `nv config`, SONiC's ACL schema.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

ROCE = 4791
_UDP = {"udp", "17", 17}


class Rule(msgspec.Struct, frozen=True):
    """`to`: a network, "" for every destination."""

    permit: bool
    to: str


class List(msgspec.Struct, frozen=True):
    """An inbound access list, its rules in the order in which they are tried; without a match, all passes."""

    family: int
    interfaces: frozenset[str]
    rules: tuple[Rule, ...]


class Fence(msgspec.Struct, frozen=True):
    """The lists of one switch, and interface → VRF."""

    lists: tuple[List, ...]
    vrfs: Mapping[str, str] = {}


def sonic(data: bytes) -> Fence:
    """ACL_TABLE, ACL_RULE and the VRFs of interfaces in a `config_db.json`. Raises `InputError`."""
    tree = _map(safe.json(data))
    ranked: dict[str, list[tuple[int, Rule]]] = {}
    for name, said in _map(tree.get("ACL_RULE")).items():
        row, (table, _, _) = _map(said), str(name).partition("|")
        rule = _sonic_rule(row)
        if rule:
            ranked.setdefault(table, []).append((-int(str(row.get("PRIORITY", "0"))), rule))
    lists = []
    for name, said in _map(tree.get("ACL_TABLE")).items():
        row = _map(said)
        kind = str(row.get("type", "")).upper()
        if kind in ("L3", "L3V6") and str(row.get("stage", "ingress")).lower() == "ingress":
            rules = tuple(rule for _, rule in sorted(ranked.get(str(name), ()), key=lambda one: one[0]))
            lists.append(List(6 if kind == "L3V6" else 4, frozenset(map(str, row.get("ports") or ())), rules))
    vrfs = {
        str(name): str(_map(row)["vrf_name"])
        for name, row in _map(tree.get("INTERFACE")).items()
        if "vrf_name" in _map(row)
    }
    return Fence(tuple(lists), vrfs)


def _sonic_rule(row: Mapping[str, Any]) -> Rule | None:
    known = {"PRIORITY", "PACKET_ACTION", "IP_PROTOCOL", "NEXT_HEADER", "L4_DST_PORT", "DST_IP", "DST_IPV6"}
    protocol = row.get("IP_PROTOCOL", row.get("NEXT_HEADER", "17"))
    port = str(row.get("L4_DST_PORT", ROCE))
    if protocol not in _UDP or port != str(ROCE):
        return None
    permit = str(row.get("PACKET_ACTION", "")).upper() in ("FORWARD", "ACCEPT", "PERMIT")
    return Rule(permit, str(row.get("DST_IP", row.get("DST_IPV6", "")))) if permit or row.keys() <= known else None


def nvue(data: bytes) -> Fence:
    """`acl` and `interface` of NVUE's YAML or JSON. Raises `InputError`."""
    body = data.lstrip()
    while body.startswith(b"#"):  # a comment may stand before JSON, which is YAML then
        body = body.partition(b"\n")[2].lstrip()
    document = safe.json(body) if body[:1] in (b"{", b"[") else next(iter(safe.yaml_documents(data)), None)
    tree: dict[str, Any] = {}
    for part in document if isinstance(document, list) else [document]:
        tree.update(_map(_map(part).get("set")) or _map(part))
    bound: dict[str, set[str]] = {}
    vrfs = {}
    for name, said in _map(tree.get("interface")).items():
        row = _map(said)
        for acl, how in _map(row.get("acl")).items():
            if "inbound" in _map(how):
                bound.setdefault(str(acl), set()).add(str(name))
        vrf = _map(row.get("ip")).get("vrf")
        if vrf:
            vrfs[str(name)] = str(vrf)
    lists = []
    for name, said in _map(tree.get("acl")).items():
        row = _map(said)
        family = 6 if row.get("type") == "ipv6" else 4
        if row.get("type") in ("ipv4", "ipv6"):
            lists.append(List(family, frozenset(bound.get(str(name), ())), tuple(_nvue_rules(_map(row.get("rule"))))))
    return Fence(tuple(lists), vrfs)


def _nvue_rules(rules: Mapping[str, Any]) -> Iterator[Rule]:
    for number in sorted(rules, key=_number):
        row = _map(rules[number])
        match = _map(_map(row.get("match")).get("ip"))
        udp = _map(match.get("udp"))
        ports = {str(one) for one in _map(udp.get("dest-port"))} or {str(ROCE)}
        if match.get("protocol", "udp") in _UDP and ports & {str(ROCE), "ANY"}:
            permit = "permit" in _map(row.get("action"))
            plain = match.keys() <= {"protocol", "udp", "dest-ip"} and udp.keys() <= {"dest-port"}
            if permit or (plain and _map(row.get("match")).keys() <= {"ip"}):
                to = str(match.get("dest-ip", ""))
                yield Rule(permit, "" if to == "ANY" else to)


def _number(text: object) -> int:
    if not str(text).isdigit():
        raise InputError(f"{str(text)[:20]!r} is no rule number", remedy="run `nv config show -o json` again")
    return int(str(text))


def _map(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}
