"""What is judged: one cluster's objects, and the networks that its workloads stand on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire.netpol.values import (
    AdminPolicy,
    Definition,
    Gate,
    Namespace,
    Policy,
    PrimaryNetwork,
    Selector,
    Service,
    Value,
    Workload,
)

PRIMARY_LABEL = "k8s.ovn.org/primary-user-defined-network"
NAME_LABEL = "kubernetes.io/metadata.name"


class Network(msgspec.Struct, frozen=True, order=True):
    """One network. `kind`: `pod` (every cluster's own), `UDN`, `CUDN` or `NAD`."""

    kind: str = "pod"
    name: str = "pod-network"


POD_NETWORK = Network()


class Resources(msgspec.Struct, frozen=True):
    """One cluster's objects. Namespaces that are not listed have their name as their only label.

    `policies` holds NetworkPolicies and MultiNetworkPolicies, `admin` the cluster-wide ones of both tiers.
    """

    workloads: tuple[Workload, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    policies: tuple[Policy, ...] = ()
    admin: tuple[AdminPolicy, ...] = ()
    primary: tuple[PrimaryNetwork, ...] = ()
    definitions: tuple[Definition, ...] = ()
    services: tuple[Service, ...] = ()
    gates: tuple[Gate, ...] = ()


_FIELDS: tuple[tuple[str, type], ...] = (
    ("workloads", Workload),
    ("namespaces", Namespace),
    ("policies", Policy),
    ("admin", AdminPolicy),
    ("primary", PrimaryNetwork),
    ("definitions", Definition),
    ("services", Service),
    ("gates", Gate),
)


def resources(values: Iterable[Value]) -> Resources:
    """Values in any order, sorted into a cluster. Raises `InputError` where two claim one identity."""
    values = tuple(values)
    sorted_: dict[str, Any] = {name: tuple(one for one in values if isinstance(one, kind)) for name, kind in _FIELDS}
    found = Resources(**sorted_)
    _once("namespace", (one.name for one in found.namespaces))
    for kind, chosen in (("NetworkPolicy", False), ("MultiNetworkPolicy", True)):
        named = (f"{one.namespace}/{one.name}" for one in found.policies if (one.networks is not None) == chosen)
        _once(kind, named)
    _once("cluster-wide policy", (f"{one.kind} {one.name}" for one in found.admin))
    ranked = (str(one.priority) for one in found.admin if one.kind == "AdminNetworkPolicy")
    _once("priority of AdminNetworkPolicies", ranked)
    return found


def _once(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"the {what} {name} occurs {count} times", remedy="give each its own")


def labelled(cluster: Resources) -> dict[str, Mapping[str, str]]:
    """The labels of every namespace that is listed or that a workload stands in."""
    found: dict[str, Mapping[str, str]] = {one.name: one.labels for one in cluster.namespaces}
    for workload in cluster.workloads:
        found.setdefault(workload.namespace, {NAME_LABEL: workload.namespace})
    return found


def merged(cluster: Resources) -> tuple[Workload, ...]:
    """Each workload once, by name; of several manifests the last counts, as it does where they are applied in order.

    Pods of one owner count as one.

    Raises `InputError` where such pods differ in labels and a policy selects some of them only.
    """
    by_name = sorted(cluster.workloads, key=str)
    asked: dict[str, tuple[tuple[str, Selector], ...]] = {}
    once = []
    for name, group in groupby(by_name, key=str):
        members = tuple(group)
        for first in [one for one in members if one.pod][:1]:
            for other in members:
                if first.labels != other.labels:
                    space = first.namespace
                    asked[space] = asked.get(space) or tuple(_selectors(cluster, space))
                    _alike(name, first, other, asked[space])
        once.append(members[-1])
    return tuple(once)


def _alike(name: str, first: Workload, other: Workload, asked: Iterable[tuple[str, Selector]]) -> None:
    for policy, selector in asked:
        if selector.matches(first.labels) != selector.matches(other.labels):
            raise InputError(
                f"{first.pod} and {other.pod or 'the template'} of {name} differ in labels, and {policy} selects one",
                remedy="give the pods of one owner the same labels, or select by labels that they share",
            )


def _selectors(cluster: Resources, namespace: str) -> Iterable[tuple[str, Selector]]:
    """(policy, selector of pods) of all that are asked about pods in `namespace`."""
    labels = labelled(cluster)[namespace]
    for policy in cluster.policies:
        name, here = f"policy {policy.namespace}/{policy.name}", policy.namespace == namespace
        if here:
            yield name, policy.pods
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in rule.peers or ():
                if peer.pods is not None and (peer.namespaces.matches(labels) if peer.namespaces else here):
                    yield name, peer.pods
    for admin in cluster.admin:
        peers = (peer for rule in (*admin.ingress, *admin.egress) for peer in rule.peers or ())
        for peer in (admin.subject, *peers):
            if peer.pods is not None and peer.namespaces is not None and peer.namespaces.matches(labels):
                yield f"policy {admin.name}", peer.pods


def primary_networks(cluster: Resources, notes: list[str]) -> dict[str, Network]:
    """The primary network of each namespace that has one of its own.

    OVN-Kubernetes, "User Defined Networks": a namespace takes part only if it was made with the label
    `k8s.ovn.org/primary-user-defined-network`, in one network at most; never `default` or `openshift-*`.
    Raises `InputError` where a namespace is claimed twice or may not be claimed. `notes` receives what is ignored.
    """
    found: dict[str, Network] = {}
    labels = {one.name: one.labels for one in cluster.namespaces}
    for network in cluster.primary:
        if network.namespaces is None:
            kind, name, chosen = "UDN", network.namespace, [network.namespace]
        else:
            kind, name = "CUDN", network.name
            chosen = [one for one, its in labels.items() if network.namespaces.matches(its)]
        for namespace in chosen:
            if PRIMARY_LABEL not in labels.get(namespace, {}):
                notes.append(f"network {network.name}: the namespace {namespace} lacks the label {PRIMARY_LABEL}")
            elif namespace == "default" or namespace.startswith("openshift-"):
                raise InputError(f"the network {network.name} may not take the namespace {namespace}")
            elif namespace in found:
                raise InputError(
                    f"the namespace {namespace} has two primary networks: {found[namespace].name}, {network.name}"
                )
            else:
                found[namespace] = Network(kind, name)
    return found
