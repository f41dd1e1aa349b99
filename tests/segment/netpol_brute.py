"""A second judge of Kubernetes policies: one pair, one protocol, one port at a time, straight from the API's words.

It knows of no sets and shares nothing with the evaluator but the values that both are given.
"""

from ringfence.wire.netpol.values import AdminPolicy, Peer, Policy, Port, Rule, Workload


def _of_pod(peer: Peer, who: Workload | int, own: str, labels: dict) -> bool:
    if peer.blocks:
        return isinstance(who, int) and any(
            block.range[0] <= who <= block.range[1] and not any(low <= who <= high for low, high in block.excepted)
            for block in peer.blocks
        )
    if isinstance(who, int):
        return False
    here = who.namespace == own if peer.namespaces is None else peer.namespaces.matches(labels[who.namespace])
    return here and (peer.pods is None or peer.pods.matches(who.labels))


def _of_port(port: Port, target: Workload | int, protocol: str, number: int) -> bool:
    if not port.name:
        return port.protocol == protocol and port.low <= number <= port.high
    if isinstance(target, int):
        return False
    for one in target.ports:
        if one.name == port.name:
            return port.protocol in ("", one.protocol) and (one.protocol, one.number) == (protocol, number)
    return False


def _matches(rule: Rule, who, target, own: str, labels: dict, protocol: str, number: int) -> bool:
    if rule.peers is not None and not any(_of_pod(peer, who, own, labels) for peer in rule.peers):
        return False
    return rule.ports is None or any(_of_port(port, target, protocol, number) for port in rule.ports)


def _open(subject, who, target, inward: bool, admin, policies, labels, protocol: str, number: int) -> bool:
    """One direction: the subject's own side of a connection with `who`."""
    if isinstance(subject, int):
        return True

    def verdict(baseline: bool) -> str:
        for policy in admin:
            if policy.baseline != baseline or not _of_pod(policy.subject, subject, "", labels):
                continue
            for rule in policy.ingress if inward else policy.egress:
                if _matches(rule, who, target, "", labels, protocol, number):
                    return rule.action
        return "pass"

    first = verdict(False)
    if first != "pass":
        return first == "allow"
    touching = [
        one
        for one in policies
        if one.namespace == subject.namespace
        and one.pods.matches(subject.labels)
        and (one.ingress if inward else one.egress) is not None
    ]
    if touching:
        return any(
            _matches(rule, who, target, one.namespace, labels, protocol, number)
            for one in touching
            for rule in (one.ingress if inward else one.egress)
        )
    return verdict(True) != "deny"


def connects(
    source: Workload | int,
    target: Workload | int,
    admin: list[AdminPolicy],
    policies: list[Policy],
    labels: dict,
    protocol: str,
    number: int,
) -> bool:
    """Whether `source` may open a connection to `target`; an address stands for itself."""
    out = _open(source, target, target, False, admin, policies, labels, protocol, number)
    return out and _open(target, source, target, True, admin, policies, labels, protocol, number)
