"""NetworkPolicy and MultiNetworkPolicy: what they select and allow."""

from collections.abc import Iterable

from ringfence.errors import InputError
from ringfence.wire.netpol import labels, shapes
from ringfence.wire.netpol.values import LAST_PORT, PROTOCOLS, Peer, Policy, Port, Rule
from ringfence.wire.netpol.workloads import DEFAULT

_FOR = "k8s.v1.cni.cncf.io/policy-for"
_TYPES = frozenset(("Ingress", "Egress"))


def network_policy(kind: str, written: shapes.NetworkPolicy, notes: list[str]) -> tuple[Policy, ...]:
    """A NetworkPolicy. Raises `InputError` where the API server would refuse it."""
    del kind
    return (_policy(written, None, notes),)


def multi_network_policy(kind: str, written: shapes.NetworkPolicy, notes: list[str]) -> tuple[Policy, ...]:
    """A MultiNetworkPolicy: the same rules, on the networks that its annotation lists."""
    del kind
    namespace = written.metadata.namespace or DEFAULT
    listed = (written.metadata.annotations or {}).get(_FOR) or ""
    parts = [part.strip().rpartition("/") for part in listed.split(",")]
    networks = tuple((before or namespace, name) for before, _, name in parts if name)
    if not networks:
        raise InputError("it does not say which networks it is for", remedy=f"the annotation {_FOR}")
    return (_policy(written, networks, notes),)


def _policy(written: shapes.NetworkPolicy, networks: tuple[tuple[str, str], ...] | None, notes: list[str]) -> Policy:
    spec = written.spec or shapes.PolicySpec()
    types = frozenset(spec.policy_types or ("Ingress", *(("Egress",) if spec.egress else ())))
    if not types <= _TYPES:
        raise InputError(f"{min(types - _TYPES)!r} is not a type of a policy", remedy="Ingress, Egress")
    return Policy(
        written.metadata.namespace or DEFAULT,
        written.metadata.name or "",
        labels.selector(spec.pod_selector),
        tuple(_rule(one.from_, one.ports, notes) for one in spec.ingress or ()) if "Ingress" in types else None,
        tuple(_rule(one.to, one.ports, notes) for one in spec.egress or ()) if "Egress" in types else None,
        networks,
    )


def _rule(
    peers: tuple[shapes.PolicyPeer, ...] | None, ports: tuple[shapes.PolicyPort, ...] | None, notes: list[str]
) -> Rule:
    """Absent and empty lists both mean: no restriction."""
    return Rule(
        tuple(_peers(peers, notes)) if peers else None,
        tuple(_port(one) for one in ports) if ports else None,
    )


def _peers(written: Iterable[shapes.PolicyPeer], notes: list[str]) -> Iterable[Peer]:
    for one in written:
        selects = one.pod_selector is not None or one.namespace_selector is not None
        if selects == (one.ip_block is not None):
            raise InputError("a peer of a rule has both an ipBlock and selectors, or neither")
        if one.ip_block is None:
            yield Peer(labels.optional(one.namespace_selector), labels.optional(one.pod_selector))
        elif (block := labels.block(one.ip_block)) is not None:
            yield Peer(blocks=(block,))
        else:
            notes.append(f"{one.ip_block.cidr}: IPv6 blocks are not analysed")


def _port(written: shapes.PolicyPort) -> Port:
    protocol = known_protocol(written.protocol)
    if written.port is None:
        if written.end_port is not None:
            raise InputError(f"endPort {written.end_port} stands beside no port", remedy="a range begins with port")
        return Port(protocol)
    if isinstance(written.port, str):
        if written.end_port is not None:
            raise InputError(f"endPort stands beside the named port {written.port!r}")
        return Port(protocol, name=written.port)
    return ports(protocol, written.port, written.port if written.end_port is None else written.end_port)


def known_protocol(written: str | None) -> str:
    """The protocol; TCP where none is written."""
    protocol = written or "TCP"
    if protocol not in PROTOCOLS:
        raise InputError(f"{protocol!r} is not a protocol of a rule", remedy="TCP, UDP, SCTP")
    return protocol


def ports(protocol: str, low: int, high: int) -> Port:
    """A range of ports. Raises `InputError` for one that is empty or outside 1 to 65535."""
    if not 1 <= low <= high <= LAST_PORT:
        raise InputError(f"{low} to {high} is no range of ports", remedy=f"1 to {LAST_PORT}, the lower end first")
    return Port(protocol, low, high)
