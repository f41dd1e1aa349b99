"""Namespaces, secrets, queues and the operators that a GPU cluster runs."""

from collections.abc import Iterator
from typing import Any

from ringfence.collect.kubernetes.model import Held, Model, labels
from ringfence.collect.kubernetes.names import name_of, namespace_of
from ringfence.estate.facts import Fact
from ringfence.estate.ids import clean
from ringfence.wire.kubernetes.ours import KINDS

_ENFORCE = "pod-security.kubernetes.io/enforce"
_LEVELS = ("privileged", "baseline", "restricted")
_ACCOUNT = "kubernetes.io/service-account.name"


def namespaces(model: Model) -> Iterator[Fact]:
    """Every namespace that an object names, with the pod security level that it enforces.

    Without the label the API server admits privileged pods; a namespace that was not captured
    counts as one without (`assumed=true`).
    """
    names = model.names
    seen: set[str] = set()
    for held in model.of("Namespace"):
        name = name_of(held.value.metadata)
        seen.add(name)
        entity = names.namespace(name)
        yield held.say(entity, "in_cluster", names.cluster)
        yield held.say(entity, "setting", f"pod-security={_level(held)}")
    for kind in sorted(model.by_kind):
        if kind in _CLUSTER_WIDE:
            continue
        for held in model.by_kind[kind]:
            name = namespace_of(held.value.metadata)
            if name not in seen:
                seen.add(name)
                entity = names.namespace(name)
                yield held.say(entity, "in_cluster", names.cluster)
                yield held.say(entity, "setting", "pod-security=privileged", assumed=True)


def _level(held: Held) -> str:
    level = dict(labels(held.value.metadata)).get(_ENFORCE, "privileged")
    return level if level in _LEVELS else "privileged"


def privileged_pods(model: Model, opened: frozenset[tuple[str, str]]) -> Iterator[Fact]:
    """Whether somebody may create a pod that nothing holds: the switch of the way from there to every node."""
    scopes = {scope for scope, what in opened if what == "create pods"}
    fenced = {name_of(held.value.metadata) for held in model.of("Namespace") if _level(held) != "privileged"}
    if scopes - fenced:
        source = "RBAC: pods may be created where no pod security level is enforced"
        yield Fact(model.names.cluster, "setting", "grants=privileged pods", source=source)


_CLUSTER_WIDE = frozenset(
    ("Namespace", "Node", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "ClusterQueue", "ClusterPolicy",
     "NicClusterPolicy", "APIResourceList", "CustomResourceDefinition",
     "ClusterTrainingRuntime", "Queue.scheduling.volcano.sh")
)  # fmt: skip


def secrets(model: Model) -> Iterator[Fact]:
    """Secrets by name and kind; a token proves to be its account."""
    names = model.names
    for held in model.of("Secret"):
        meta = held.value.metadata
        namespace = namespace_of(meta)
        entity = names.secret(namespace, name_of(meta))
        kind = clean(held.value.type or "Opaque")
        yield held.say(entity, "in_namespace", names.namespace(namespace))
        yield held.say(names.namespace(namespace), "stores_credential", entity, kind=kind)
        account = (meta.annotations or {}).get(_ACCOUNT)
        if kind == "kubernetes.io/service-account-token" and isinstance(account, str):
            yield held.say(entity, "unlocks", names.account(namespace, account))


def platform(model: Model) -> Iterator[Fact]:
    """Queues, operators, NVLink channels that claims ask for."""
    yield from _served(model)
    yield from _queues(model)
    for held in model.of("ClusterPolicy"):
        if "driver" in (held.value.spec or {}) or "toolkit" in (held.value.spec or {}):
            yield from _operator(model, held, "gpu-operator", _GPU_PARTS)
    for held in model.of("NicClusterPolicy"):
        yield from _operator(model, held, "network-operator", _NIC_PARTS)
    yield from _channels(model)


_FENCES = frozenset(f"{kind.plural}.{kind.version}" for kind in KINDS.values())
"""Kinds in which a fence can be written, as `serves=` names them."""


def _served(model: Model) -> Iterator[Fact]:
    """Which of those the API serves, told by its discovery or by the definitions that are installed."""
    for held in model.of("APIResourceList"):
        told = (f"{one.name}.{held.value.group_version}" for one in held.value.resources or ())
        yield from (held.say(model.names.cluster, "setting", f"serves={one}") for one in told if one in _FENCES)
    for held in model.of("CustomResourceDefinition"):
        spec = held.value.spec
        told = (f"{spec.names.plural}.{spec.group}/{one.name}" for one in spec.versions if one.served)
        yield from (held.say(model.names.cluster, "setting", f"serves={one}") for one in told if one in _FENCES)


def _queues(model: Model) -> Iterator[Fact]:
    names = model.names
    for held in model.of("ClusterQueue", "Queue.scheduling.volcano.sh"):
        entity = names.partition(name_of(held.value.metadata))
        yield held.say(entity, "in_cluster", names.cluster)
        for key in ("cohort", "cohortName", "weight", "parent", "queueingStrategy"):
            value = _at(held, key)
            if value is not None:
                yield held.say(entity, "setting", clean(f"{key}={value}"))
    for held in model.of("LocalQueue"):
        meta = held.value.metadata
        entity = names.partition(namespace_of(meta), name_of(meta))
        yield held.say(entity, "in_cluster", names.cluster)
        queue = _at(held, "clusterQueue")
        if queue is not None:
            yield held.say(entity, "setting", clean(f"clusterQueue={queue}"))


_GPU_PARTS = {
    "driver": "nvidia-driver",
    "toolkit": "nvidia-container-toolkit",
    "devicePlugin": "nvidia-device-plugin",
    "dcgm": "dcgm",
    "dcgmExporter": "dcgm-exporter",
    "migManager": "nvidia-mig-manager",
    "gfd": "gpu-feature-discovery",
}
_NIC_PARTS = {
    "ofedDriver": "doca-driver",
    "rdmaSharedDevicePlugin": "rdma-shared-device-plugin",
    "sriovDevicePlugin": "sriov-device-plugin",
    "ibKubernetes": "ib-kubernetes",
}
_SETTINGS = (
    "mig.strategy", "cdi.enabled", "cdi.default", "driver.rdma.enabled", "devicePlugin.config.name",
    "ccManager.enabled", "sandboxWorkloads.enabled", "operator.defaultRuntime", "ibKubernetes.pKeyGUIDPoolRangeStart",
)  # fmt: skip


def _operator(model: Model, held: Held, operator: str, parts: dict[str, str]) -> Iterator[Fact]:
    cluster = model.names.cluster
    for key, package in parts.items():
        version = _at(held, f"{key}.version")
        if isinstance(version, str) and _at(held, f"{key}.enabled") is not False:
            yield held.say(cluster, "runs_software", f"package:{package}", version=clean(version), by=operator)
    for path in _SETTINGS:
        value = _at(held, path)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield held.say(cluster, "setting", clean(f"{operator}.{path}={text}"))


def _at(held: Held, path: str) -> str | int | bool | None:
    """The plain value at a dotted path of the object's spec."""
    node: Any = held.value.spec
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, str | int | bool) else None


def _channels(model: Model) -> Iterator[Fact]:
    """A ComputeDomain is one NVLink channel; pods whose claims come from its template hold it."""
    names = model.names
    by_template: dict[tuple[str, str], str] = {}
    for held in model.of("ComputeDomain"):
        meta = held.value.metadata
        entity = names.imex(namespace_of(meta), name_of(meta))
        template = _at(held, "channel.resourceClaimTemplate.name")
        yield held.say(entity, "setting", clean(f"numNodes={_at(held, 'numNodes')}"))
        if isinstance(template, str):
            by_template[namespace_of(meta), template] = entity
    if not by_template:
        return
    for pod in model.pods:
        wanted = {claim.resource_claim_template_name for claim in pod.spec.resource_claims or ()}
        for template in sorted(filter(None, wanted)):
            channel = by_template.get((pod.namespace, template))
            for container in pod.containers if channel is not None else ():
                me = names.container(pod.namespace, pod.name, container.name)
                yield pod.held.say(me, "uses_imex", str(channel))
