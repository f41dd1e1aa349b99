"""What was read of a cluster: each pod's specification, each namespace, and whether all network policies were.

A pod's specification says everything about its containers, and a namespace's object everything about itself: both
are whole where they are there. Policies are whole only where a capture asked for all of them; then a namespace
without one has none, which is said (`network-policy=none`).
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from ringfence.collect.base import asked, stamped
from ringfence.collect.kubernetes.model import Model
from ringfence.collect.kubernetes.names import name_of, namespace_of
from ringfence.estate.facts import Fact

PODS, NAMESPACES, POLICIES = "kubernetes-pods", "kubernetes-namespaces", "kubernetes-policies"
"""Aspects, asked of a pod, and of a namespace."""


def holds_policies(path: str) -> bool:
    """Whether this is the answer to a question of ours for every network policy of the cluster."""
    name = PurePosixPath(path).name
    return PurePosixPath(path).parent.name == "kubernetes" and name.startswith(("network.json", "networkpolicies-"))


def coverage(model: Model, policies: str) -> Iterator[Fact]:
    """Facts of what was read. `policies`: the file that holds every network policy, or empty."""
    names = model.names
    for pod in model.pods:
        entity = names.pod(pod.namespace, pod.name)
        yield stamped(asked(entity, PODS, answered=True, complete=True), pod.held.file)
    fenced = {namespace_of(held.value.metadata) for held in model.of("NetworkPolicy")}
    for held in model.of("Namespace"):
        name = name_of(held.value.metadata)
        entity = names.namespace(name)
        yield stamped(asked(entity, NAMESPACES, answered=True, complete=True), held.file)
        if policies:
            whole = asked(entity, POLICIES, answered=True, complete=True)
            yield Fact(whole.subject, whole.predicate, whole.object, whole.attributes, policies, held.file.observed_at)
            if name not in fenced:
                yield Fact(entity, "setting", "network-policy=none", {}, policies, held.file.observed_at)
