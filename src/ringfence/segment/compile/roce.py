"""RoCE: on each leaf an access list per set of ports, inbound: RDMA to the ports that it may reach, and to no other.

What a port sends is judged where it enters the fabric, so a forged source address gains nothing. Only RoCEv2 (UDP 4791)
is filtered: the rest is of the `ip` plane. `vrfs` puts a tenant's ports into a VRF that the fabric already routes.
NVUE's file is for `nv config patch`; SONiC's tables are merged into `config_db.json`. Compiled, not enforced here.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ringfence.segment.address import networks, spans
from ringfence.segment.compile.parts import MARK, named
from ringfence.segment.inventory import Inventory
from ringfence.segment.leaves import cabled, guards
from ringfence.segment.model import Artefact, Compiled, Policy, Residual
from ringfence.segment.rules import by_peers

PLANE = "roce"
PORT = "4791"
DENY_AT = 65000


class Filter(msgspec.Struct, frozen=True):
    """One access list: its name, the address family (4 or 6), and whom it lets through."""

    name: str
    family: int
    permitted: tuple[str, ...]


class Leaf:
    """One switch: each filter with the interfaces that it stands before, and interface → VRF."""

    def __init__(self) -> None:
        self.filters: dict[Filter, list[str]] = {}
        self.vrfs: dict[str, str] = {}


def compile_nvue(policy: Policy, inventory: Inventory, vrfs: Mapping[str, str] | None = None) -> Compiled:
    """Cumulus Linux: YAML for `nv config patch`. Tells the ports that no switch of either kind fences as well."""
    made = _compiled("nvue", policy, inventory, vrfs or {}, _nvue)
    return msgspec.structs.replace(made, residuals=_open(policy, inventory))


def compile_sonic(policy: Policy, inventory: Inventory, vrfs: Mapping[str, str] | None = None) -> Compiled:
    """SONiC: ACL_TABLE, ACL_RULE, VRF and INTERFACE tables."""
    return _compiled("sonic", policy, inventory, vrfs or {}, _sonic)


def _compiled(
    target: str, policy: Policy, inventory: Inventory, vrfs: Mapping[str, str], text: Callable[[Leaf], str]
) -> Compiled:
    leaves: dict[str, Leaf] = {}
    set_by = guards(inventory)
    tenants = {
        port: group.tenant for group in policy.groups.values() if group.tenant in vrfs for port in group.on(PLANE)
    }
    for peers, ports in by_peers(policy, PLANE).items():
        mine: dict[str, list[str]] = {}
        for port in ports:
            switch, interface = cabled(inventory, port)
            if set_by.get(switch) == target:
                mine.setdefault(switch, []).append(interface)
                if port in tenants:
                    leaves.setdefault(switch, Leaf()).vrfs[interface] = vrfs[tenants[port]]
        permitted = _permitted(policy, inventory, peers) if mine else {}
        filters = [Filter(f"RF{at}_{named([*nets, str(at)])}", at, nets) for at, nets in permitted.items()]
        for switch, interfaces in mine.items():
            for one in filters:
                leaves.setdefault(switch, Leaf()).filters.setdefault(one, []).extend(interfaces)
    ending = {"nvue": "yaml", "sonic": "json"}[target]
    artefacts = (Artefact(f"{target}/{name}.{ending}", text(leaves[name]), (name,)) for name in sorted(leaves))
    return Compiled(target, PLANE, tuple(artefacts), enforced=False)


def _permitted(policy: Policy, inventory: Inventory, peers: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Family → networks of everyone in these groups; both families always, so that neither is a way around."""
    ports = {port for name in peers if name in policy.groups for port in policy.groups[name].on(PLANE)}
    found = [one for port in ports for one in spans(inventory.addresses.get(port, ()))]
    return {family: networks(one for one in found if one[0] == family) for family in (4, 6)}


def _nvue(leaf: Leaf) -> str:
    """JSON, which is YAML too: a million lines of block YAML would take minutes to read."""
    lists = {}
    on: dict[str, dict[str, object]] = {}
    for one, interfaces in leaf.filters.items():
        rules = {str(at + 1): _nvue_rule(net, "permit") for at, net in enumerate(_whole(one))}
        lists[one.name] = {"type": f"ipv{one.family}", "rule": {**rules, str(DENY_AT): _nvue_rule("", "deny")}}
        for interface in interfaces:
            on.setdefault(interface, {})[one.name] = {"inbound": {}}
    bound: dict[str, dict[str, object]] = {name: {"acl": on[name]} for name in sorted(on)}
    for name, vrf in leaf.vrfs.items():
        bound.setdefault(name, {})["ip"] = {"vrf": vrf}
    tree = [{"set": {"acl": lists, "interface": bound}}]
    return f"# {MARK}\n" + msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n"


def _nvue_rule(net: str, action: str) -> dict[str, object]:
    match = {"protocol": "udp", "udp": {"dest-port": {PORT: {}}}}
    return {"match": {"ip": {**match, "dest-ip": net} if net else match}, "action": {action: {}}}


def _whole(one: Filter) -> list[str]:
    """Networks with their length: switches take no bare address."""
    return [net if "/" in net else net + ("/32" if one.family == 4 else "/128") for net in one.permitted]


def _sonic(leaf: Leaf) -> str:
    tables, rules = {}, {}
    for one, interfaces in leaf.filters.items():
        kind, field = ("L3", "DST_IP") if one.family == 4 else ("L3V6", "DST_IPV6")
        tables[one.name] = {"type": kind, "stage": "ingress", "ports": sorted(interfaces), "policy_desc": MARK}
        common = {"IP_PROTOCOL": "17", "L4_DST_PORT": PORT}
        for at, net in enumerate(_whole(one)):
            rules[f"{one.name}|RULE_{at + 1}"] = {"PRIORITY": "100", "PACKET_ACTION": "FORWARD", **common, field: net}
        rules[f"{one.name}|DENY"] = {"PRIORITY": "1", "PACKET_ACTION": "DROP", **common}
    made: dict[str, object] = {"ACL_TABLE": tables, "ACL_RULE": rules}
    if leaf.vrfs:
        made["VRF"] = {name: {} for name in sorted(set(leaf.vrfs.values()))}
        made["INTERFACE"] = {name: {"vrf_name": leaf.vrfs[name]} for name in sorted(leaf.vrfs)}
    return msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"


def _open(policy: Policy, inventory: Inventory) -> tuple[Residual, ...]:
    """Ports that send through no switch of ours: to everyone."""
    why, remedy = "no switch fences what it sends", "capture its cabling, and name its leaf as an enforcer"
    set_by = guards(inventory)
    found = []
    for group in policy.groups.values():
        bare = [port for port in group.on(PLANE) if cabled(inventory, port)[0] not in set_by]
        names = [group.name] if bare and len(bare) == len(group.on(PLANE)) else bare
        found += [Residual(PLANE, "nvue", name, "*", -1, why, remedy) for name in names]
    return tuple(sorted(set(found)))
