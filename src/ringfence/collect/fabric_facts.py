"""What the subnet says of itself: topology, partition tables, subnet managers, keys."""

from collections.abc import Iterator

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.collect.fabric_names import host_in, switch_in, switch_port
from ringfence.collect.fabric_world import Fabric, World
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.opensm import Options
from ringfence.wire.ibnet.partitions import Port
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT, Node, Topology

_MASTER = ("master",)


def tell(world: World) -> Iterator[Found]:
    """The facts of every fabric that a file of its own described."""
    for fabric in world.fabrics.values():
        for topology, file in fabric.topologies:
            for found in _topology(world, fabric, topology, file):
                yield stamped(found, file) if isinstance(found, Fact) else found
        yield from _unlisted(world, fabric)
        yield from _keys(world, fabric)
        yield from _managers(world, fabric)
        yield from _settings(world, fabric)
        yield from _coverage(world, fabric)


def _topology(world: World, fabric: Fabric, topology: Topology, file: CapturedFile) -> Iterator[Found]:
    network = ids.fabric(fabric.name)
    boxes = (node for node in topology.nodes if node.kind == "switch")
    switches = {node.guid: switch_in(node.description, node.guid) for node in boxes}
    nameless = 0
    for node in topology.nodes:
        if node.kind == "switch":
            fabric.kinds[node.guid] = "switch"
            world.owner[node.guid] = switches[node.guid]
            world.home[node.guid] = fabric.name
            yield Fact(switches[node.guid], "on_fabric", network, {"role": "switch"})
            yield Fact(switches[node.guid], "has_port", ids.ibport(node.guid), {"number": 0})
            continue
        owner = _owner(world, node, switches)
        nameless += not owner
        for link in node.links:
            guid = link.guid or node.guid
            port = ids.ibport(guid)
            fabric.kinds[guid] = node.kind
            world.home[guid] = fabric.name
            yield Fact(port, "on_fabric", network, {"link_layer": "InfiniBand"})
            if owner:
                about = _described(node, link.port)
                world.owner[guid] = owner
                world.by_device[owner, str(about.get("device", "")), link.port] = port
                yield Fact(owner, "has_port", port, about)
    yield from _cables(topology, switches)
    if nameless:
        what = f"{nameless} adapters do not say which host they are in (their node description was never set)"
        yield Problem(file.path, 0, what, 'set it: `echo "$(hostname -s) mlx5_0" > /sys/class/infiniband/*/node_desc`')


def _owner(world: World, node: Node, switches: dict[int, str]) -> str:
    """The host by the description, or the switch whose own in-network computing node this is."""
    if "Aggregation Node" in node.description and node.links:
        return switches.get(node.links[0].peer, "")
    return host_in(node.description, world.scope)


def _described(node: Node, port: int) -> dict[str, str | int | float | bool]:
    device = node.description.rpartition(" ")[2]
    if "Aggregation Node" in node.description:
        return {"number": port}
    return {"device": ids.clean(device), "port": port}


def _cables(topology: Topology, switches: dict[int, str]) -> Iterator[Fact]:
    """Every cable once, from the adapter to the switch, between switches from the lower GUID."""
    for node in topology.nodes:
        for link in node.links:
            here = switch_port(node.guid, link.port) if node.kind == "switch" else ids.ibport(link.guid or node.guid)
            if node.kind == "switch":
                yield Fact(switches[node.guid], "has_port", here, {"number": link.port})
                if link.peer not in switches or (link.peer, link.peer_port) < (node.guid, link.port):
                    continue
                there = switch_port(link.peer, link.peer_port)
            elif link.peer in switches:
                there = switch_port(link.peer, link.peer_port)
            elif link.peer_guid and (link.guid or node.guid) < link.peer_guid:
                there = ids.ibport(link.peer_guid)
            else:
                continue
            yield Fact(here, "cabled_to", there, {"rate": link.rate} if link.rate else {})


def _unlisted(world: World, fabric: Fabric) -> Iterator[Fact]:
    """Ports that the subnet administrator knows and no topology listed."""
    network = ids.fabric(fabric.name)
    for name, file in fabric.names:
        if name.port in fabric.kinds:
            continue
        kind = "switch" if name.kind == "Switch" else "adapter"
        fabric.kinds[name.port] = kind
        world.home[name.port] = fabric.name
        port = ids.ibport(name.port)
        yield stamped(Fact(port, "on_fabric", network, {"link_layer": "InfiniBand"}), file)
        owner = switch_in(name.description, name.node) if kind == "switch" else host_in(name.description, world.scope)
        if owner:
            world.owner[name.port] = owner
            device = ids.clean(name.description.rpartition(" ")[2])
            yield stamped(
                Fact(owner, "has_port", port, {"device": device, "port": 1} if kind == "adapter" else {"number": 0}),
                file,
            )


def _keys(world: World, fabric: Fabric) -> Iterator[Found]:
    """`in_pkey` from the tables read back, and from partitions.conf for ports without one."""
    held: dict[str, dict[int, bool]] = {}
    source: dict[str, CapturedFile] = {}
    lids = _lids(fabric)
    for table, file in fabric.tables:
        port = _port_of(fabric, lids, table.lid, table.port)
        if port is None:
            what = f"a partition table of LID {table.lid}, which no topology of this fabric names"
            yield Problem(file.path, table.line, what, "capture `ibnetdiscover` in the same minute")
            continue
        row = held.setdefault(port, {})
        for key in table.keys:
            row[key & DEFAULT_PKEY] = row.get(key & DEFAULT_PKEY, False) or bool(key & FULL_BIT)
        source[port] = file
    yield from _intended(world, fabric, held, source)
    fabric.tabled = frozenset(held)
    used: dict[int, CapturedFile] = {}
    for port, row in held.items():
        for key, full in row.items():
            membership = {"membership": "full" if full else "limited"}
            yield stamped(Fact(port, "in_pkey", ids.pkey(fabric.name, key), membership), source[port])
            used.setdefault(key, source[port])
    for key, file in used.items():
        yield stamped(Fact(ids.pkey(fabric.name, key), "part_of", ids.fabric(fabric.name), {"kind": "pkey"}), file)


def _intended(
    world: World, fabric: Fabric, held: dict[str, dict[int, bool]], source: dict[str, CapturedFile]
) -> Iterator[Found]:
    """What opensm makes of the file, for adapters whose tables were not read back; and where they differ."""
    if not fabric.partitions:
        return
    conf, file = _in_force(world, fabric)
    sm = _sm_port(fabric)
    made = partitions.tables(conf, [Port(guid, kind) for guid, kind in fabric.kinds.items()], sm)
    differ = 0
    for guid, row in made.items():
        if fabric.kinds[guid] == "switch":
            continue
        port = ids.ibport(guid)
        wanted = {key: membership == "full" for key, membership in row.items()}
        if port in held:
            differ += sm != 0 and held[port] != wanted
        else:
            held[port], source[port] = wanted, file
    if differ:
        what = f"the tables of {differ} ports differ from what opensm makes of this file"
        yield Problem(file.path, 0, what, "another subnet manager is master, or the file was changed since it was read")
        yield stamped(Fact(ids.fabric(fabric.name), "setting", "partitions_conf=differs-from-tables"), file)


def _in_force(world: World, fabric: Fabric) -> tuple[partitions.Partitions, CapturedFile]:
    """The file of the master where hosts are known, else the first; one that fails open counts before all."""
    masters = {world.owner.get(manager.guid, "") for manager, _ in fabric.managers if manager.state in _MASTER}
    for conf, file in fabric.partitions:
        if world.scope.host_of(file.path) in masters:
            return conf, file
    return next((pair for pair in fabric.partitions if pair[0].fails_open), fabric.partitions[0])


def _sm_port(fabric: Fabric) -> int:
    known = [manager.guid for manager, _ in fabric.managers if manager.state in _MASTER]
    known += [guid for options, _ in fabric.options for guid in options.guids]
    return known[0] if known else 0


def _lids(fabric: Fabric) -> dict[int, int]:
    """LID → port GUID."""
    found: dict[int, int] = {}
    for topology, _ in fabric.topologies:
        for node in topology.nodes:
            if node.lid:
                found[node.lid] = node.guid
            elif node.kind != "switch":
                found.update((link.lid, link.guid or node.guid) for link in node.links if link.lid)
    found.update((name.lid, name.port) for name, _ in fabric.names if name.lid)
    return found


def _port_of(fabric: Fabric, lids: dict[int, int], lid: int, port: int) -> str | None:
    guid = lids.get(lid)
    if guid is None:
        return None
    return switch_port(guid, port) if fabric.kinds.get(guid) == "switch" else ids.ibport(guid)


def _managers(world: World, fabric: Fabric) -> Iterator[Found]:
    for manager, file in fabric.managers:
        owner = world.owner.get(manager.guid)
        if owner is None:
            what = f"a subnet manager on port 0x{manager.guid:016x}, whose host is not known"
            yield Problem(file.path, 0, what, "capture ibnetdiscover, or /sys/class/infiniband of the subnet managers")
            continue
        about: dict[str, Scalar] = {"state": manager.state, "priority": manager.priority, "on": owner.partition(":")[0]}
        yield stamped(Fact(ids.fabric(fabric.name), "sm_on", owner, about), file)


def _settings(world: World, fabric: Fabric) -> Iterator[Fact]:
    network = ids.fabric(fabric.name)
    if fabric.answered_default_key is not None:
        yield stamped(Fact(network, "setting", "sm_key=default"), fabric.answered_default_key)
    for options, file in fabric.options:
        for setting in _said(options):
            yield stamped(Fact(network, "setting", setting), file)
    contents = {file.data for _, file in fabric.partitions}
    for conf, file in fabric.partitions:
        state = "fails-open" if conf.fails_open else "in-force"
        yield stamped(Fact(network, "setting", f"partitions_conf={state}"), file)
    if len(contents) > 1:
        yield stamped(Fact(network, "setting", "partitions_conf=differs-between-managers"), fabric.partitions[0][1])


def _said(options: Options) -> Iterator[str]:
    yield "sm_key=" + ("default" if options.sm_key_default else "set")
    yield "sa_key=" + ("default" if options.sa_key_default else "set")
    yield "m_key=" + ("set" if options.m_key_set or options.m_key_per_port else "0")
    yield "m_key_per_port=" + ("yes" if options.m_key_per_port else "no")
    yield f"m_key_protection_level={options.m_key_protection_level}"
    yield f"sm_priority={options.sm_priority}"
    yield "allowed_sm_guids=" + ("listed" if options.allowed_sm_guids else "any")
    yield f"part_enforce={options.enforce}"
    yield "sa_enhanced_trust_model=" + ("yes" if options.trust_model else "no")
    yield f"subnet_prefix=0x{options.subnet_prefix & (1 << 64) - 1:016x}"


def _coverage(world: World, fabric: Fabric) -> Iterator[Fact]:
    network = ids.fabric(fabric.name)
    whole = fabric.name not in world.broken
    adapters = {ids.ibport(guid) for guid, kind in fabric.kinds.items() if kind == "adapter"}
    rows = (
        ("fabric", fabric.topologies, whole, "ibnetdiscover was not captured"),
        (
            "pkeys",
            fabric.tables or fabric.partitions,
            whole and adapters <= fabric.tabled,
            "neither partition tables nor partitions.conf were captured",
        ),
        ("opensm-conf", fabric.options, whole, "opensm.conf was not captured"),
    )
    for aspect, files, complete, reason in rows:
        if files:
            yield stamped(asked(network, aspect, answered=True, complete=complete), files[0][1])
        else:
            yield asked(network, aspect, answered=False, reason=reason)
