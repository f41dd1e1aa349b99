"""AdminNetworkPolicy, BaselineAdminNetworkPolicy (v1alpha1) and ClusterNetworkPolicy (v1alpha2)."""

from collections.abc import Callable, Iterable, Iterator

from ringfence.errors import InputError
from ringfence.wire.netpol import labels, shapes
from ringfence.wire.netpol.policies import known_protocol, ports
from ringfence.wire.netpol.values import AdminPolicy, Block, Peer, Port, Rule

HIGHEST_PRIORITY = 1000

_ADMIN = {"Allow": "allow", "Deny": "deny", "Pass": "pass"}
_BASELINE = {"Allow": "allow", "Deny": "deny"}
_CLUSTER = {"Accept": "allow", "Deny": "deny", "Pass": "pass"}


def admin(kind: str, written: shapes.AdminPolicy, notes: list[str]) -> tuple[AdminPolicy, ...]:
    """An AdminNetworkPolicy."""
    return (_policy(kind, written, False, _ADMIN, _v1alpha1, notes),)


def baseline(kind: str, written: shapes.AdminPolicy, notes: list[str]) -> tuple[AdminPolicy, ...]:
    """The one BaselineAdminNetworkPolicy that a cluster may have."""
    if written.metadata.name != "default":
        raise InputError("it is not called default, which is the only name the API server takes")
    return (_policy(kind, written, True, _BASELINE, _v1alpha1, notes),)


def cluster(kind: str, written: shapes.AdminPolicy, notes: list[str]) -> tuple[AdminPolicy, ...]:
    """A ClusterNetworkPolicy, of the tier Admin or Baseline."""
    tier = written.spec.tier
    if tier not in ("Admin", "Baseline"):
        raise InputError(f"{tier!r} is not a tier", remedy="Admin, Baseline")
    return (_policy(kind, written, tier == "Baseline", _CLUSTER, _v1alpha2, notes),)


def _policy(
    kind: str,
    written: shapes.AdminPolicy,
    is_baseline: bool,
    actions: dict[str, str],
    port_reader: Callable[[shapes.AdminRule], tuple[Port, ...] | None],
    notes: list[str],
) -> AdminPolicy:
    spec = written.spec
    if not 0 <= spec.priority <= HIGHEST_PRIORITY:
        raise InputError(f"the priority {spec.priority} is outside 0 to {HIGHEST_PRIORITY}")
    if (spec.subject.namespaces is None) == (spec.subject.pods is None):
        raise InputError("its subject has not exactly one of namespaces and pods")

    def rules(found: tuple[shapes.AdminRule, ...] | None, inward: bool) -> Iterator[Rule]:
        for at, one in enumerate(found or (), 1):
            where = f"{'in' if inward else 'e'}gress rule {one.name or at}"
            if one.action not in actions:
                raise InputError(f"{where}: unknown action {one.action!r}", remedy=", ".join(actions))
            peers = one.from_ if inward else one.to
            if not peers:
                raise InputError(f"{where}: it names no peer")
            found_notes: list[str] = []
            yield Rule(tuple(_peers(peers, inward, where, found_notes)), port_reader(one), actions[one.action])
            notes.extend(f"{where}: {note}" for note in found_notes)

    return AdminPolicy(
        kind,
        written.metadata.name or "",
        is_baseline,
        spec.priority,
        _selected(spec.subject),
        tuple(rules(spec.ingress, True)),
        tuple(rules(spec.egress, False)),
    )


def _peers(written: Iterable[shapes.AdminPeer], inward: bool, where: str, notes: list[str]) -> Iterator[Peer]:
    for one in written:
        fields = (one.namespaces, one.pods, *(() if inward else (one.nodes, one.networks, one.domain_names)))
        if sum(field is not None for field in fields) != 1:
            raise InputError(f"{where}: a peer has not exactly one field")
        if one.nodes is not None:
            notes.append("nodes as peers are not analysed; nothing is matched by them")
        elif one.domain_names is not None:
            notes.append("domain names as peers are not analysed; nothing is matched by them")
        elif one.networks is not None:
            blocks = [labels.network(cidr) for cidr in one.networks]
            if None in blocks:
                notes.append("IPv6 blocks are not analysed")
            yield Peer(blocks=tuple(Block(block) for block in blocks if block is not None))
        else:
            yield _selected(one)


def _selected(one: shapes.AdminPeer) -> Peer:
    if one.pods is None:
        return Peer(labels.selector(one.namespaces))
    namespaces, pods = labels.selector(one.pods.namespace_selector), labels.selector(one.pods.pod_selector)
    return Peer(namespaces, pods)


def _v1alpha1(rule: shapes.AdminRule) -> tuple[Port, ...] | None:
    return None if rule.ports is None else tuple(_admin_port(one) for one in rule.ports)


def _admin_port(one: shapes.AdminPort) -> Port:
    if sum(field is not None for field in (one.port_number, one.port_range, one.named_port)) != 1:
        raise InputError("a port has not exactly one of portNumber, portRange and namedPort")
    if one.port_number is not None:
        number = one.port_number
        return ports(known_protocol(number.protocol), number.port, number.port)
    if one.port_range is not None:
        return ports(known_protocol(one.port_range.protocol), one.port_range.start, one.port_range.end)
    return Port("", name=one.named_port or "")


def _v1alpha2(rule: shapes.AdminRule) -> tuple[Port, ...] | None:
    return None if rule.protocols is None else tuple(_cluster_port(one) for one in rule.protocols)


def _cluster_port(one: shapes.ClusterProtocol) -> Port:
    transports = {"TCP": one.tcp, "UDP": one.udp, "SCTP": one.sctp}
    named = [(name, transport) for name, transport in transports.items() if transport is not None]
    if len(named) + (one.destination_named_port is not None) != 1:
        raise InputError("a protocol has not exactly one of tcp, udp, sctp and destinationNamedPort")
    if not named:
        return Port("", name=one.destination_named_port or "")
    protocol, transport = named[0]
    port = transport.destination_port
    if port is None:
        return Port(protocol)
    if (port.number is None) == (port.range is None):
        raise InputError("a destination port has not exactly one of number and range")
    if port.range is not None:
        return ports(protocol, port.range.start, port.range.end)
    return ports(protocol, port.number or 0, port.number or 0)
