"""Manifests and dumps → objects: YAML streams, JSON, JSON lines, and `List`s of any of them.

JSON (what `kubectl get -o json` prints) is decoded in two steps, so that an object of a kind that
is not read costs nothing. One object that is not of its kind's shape is refused by name; the
others stand.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.estate.ids import clean
from ringfence.wire import safe
from ringfence.wire.kubernetes import served, shapes

WORKLOADS = frozenset(
    (
        "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob",
        "JobSet", "LeaderWorkerSet", "PyTorchJob", "TFJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob",
        "TrainJob", "TrainingRuntime", "ClusterTrainingRuntime", "RayCluster", "RayJob", "RayService",
        "Notebook", "InferenceService",
    )
)  # fmt: skip
"""Kinds in which a pod template is looked for; any depth, any key that holds one."""

CUSTOM = frozenset(
    (
        "ClusterQueue", "LocalQueue", "Queue", "NetworkAttachmentDefinition", "ClusterPolicy",
        "NicClusterPolicy", "ResourceClaim", "ResourceClaimTemplate", "ComputeDomain",
    )
)  # fmt: skip

_SHAPES: dict[str, Any] = {
    "Pod": shapes.Pod,
    "Node": shapes.Node,
    "Namespace": shapes.Plain,
    "ServiceAccount": shapes.ServiceAccount,
    "Role": shapes.Role,
    "ClusterRole": shapes.Role,
    "RoleBinding": shapes.Binding,
    "ClusterRoleBinding": shapes.Binding,
    "Secret": shapes.Secret,
    "Service": shapes.Service,
    "Endpoints": shapes.Endpoints,
    "NetworkPolicy": shapes.NetworkPolicy,
    "PersistentVolume": shapes.PersistentVolume,
    "PersistentVolumeClaim": shapes.PersistentVolumeClaim,
    "APIResourceList": served.Served,
    "CustomResourceDefinition": served.Definition,
    **dict.fromkeys(CUSTOM | WORKLOADS, shapes.Custom),
}

KINDS = frozenset(_SHAPES)
"""Every kind that is read."""

MOST_CONTAINERS = 256
"""No real pod has more; beyond it pairs of containers would cost their square."""


class Object(msgspec.Struct, frozen=True):
    """One object: its kind, its API group ("" for core) and its value, a struct of `shapes`."""

    kind: str
    group: str
    value: Any


class Refused(msgspec.Struct, frozen=True):
    """One part of a file that could not be read."""

    what: str
    line: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What a file holds. `left` counts objects of kinds that are not read."""

    objects: tuple[Object, ...] = ()
    refused: tuple[Refused, ...] = ()
    left: dict[str, int] = {}


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    kind: str | None = None
    api_version: str | None = None
    metadata: shapes.Meta | None = None
    items: tuple[msgspec.Raw, ...] | None = None


def read(data: bytes) -> Answer:
    """Every object of a file. Raises `InputError` where nothing at all can be read."""
    found: list[Object] = []
    refused: list[Refused] = []
    left: dict[str, int] = {}
    seen = 0
    try:
        is_json = data.lstrip()[:1] in (b"{", b"[") and b"\n---" not in data
        for raw in _json(data) if is_json else _yaml(data):
            seen += 1
            _take(raw, found, refused, left)
    except InputError as error:
        if not found and not left:
            raise
        refused.append(Refused(f"{error.what}; what stood before it was read", error.line))
    if not seen:
        raise InputError("no Kubernetes object in it", remedy="capture it again: kubectl get … -o json")
    return Answer(tuple(found), tuple(refused), left)


def _json(data: bytes) -> Iterator[tuple[_Head, bytes, Any, str]]:
    """(head, JSON text, None, kind from the list) of every object: one document, an array, or one a line."""
    try:
        documents = [bytes(data)] if data.lstrip()[:1] == b"{" else list(map(bytes, _raws(data)))
        head = safe.json(documents[0], _Head) if documents else None
    except InputError:
        documents = [line for line in data.splitlines() if line.strip()]
        if len(documents) < 2 or not documents[0].rstrip().endswith(b"}"):
            raise
        head = None
    for document in documents:
        head = head if head is not None and len(documents) == 1 else safe.json(document, _Head)
        if head.items is None:
            yield head, document, None, ""
            continue
        kind = (head.kind or "").removesuffix("List")
        for item in head.items:
            text = bytes(item)
            yield _item_head(text), text, None, kind


def _raws(data: bytes) -> tuple[msgspec.Raw, ...]:
    raws: tuple[msgspec.Raw, ...] = safe.json(data, tuple[msgspec.Raw, ...])
    return raws


def _item_head(text: bytes) -> _Head:
    try:
        head: _Head = safe.json(text, _Head)
    except InputError:
        return _Head()
    return head


def _yaml(data: bytes) -> Iterator[tuple[_Head, bytes, Any, str]]:
    for document in safe.yaml_documents(data):
        if document is None:
            continue
        many = document.get("items") if isinstance(document, dict) else document
        kind = ""
        told = str(document.get("kind", "")) if isinstance(document, dict) else ""
        if isinstance(document, dict) and told.endswith("List") and told not in _SHAPES:
            kind = told.removesuffix("List")
        else:
            many = many if isinstance(document, list) else None
        for one in many if isinstance(many, list) else [] if kind else [document]:
            head = _Head()
            if isinstance(one, dict):
                kind_of_it, version = one.get("kind"), one.get("apiVersion")
                head = _Head(
                    kind_of_it if isinstance(kind_of_it, str) else None, version if isinstance(version, str) else None
                )
            yield head, b"", one, kind


def _take(
    raw: tuple[_Head, bytes, Any, str], found: list[Object], refused: list[Refused], left: dict[str, int]
) -> None:
    head, text, value, from_list = raw
    kind = head.kind or from_list
    if not kind:
        refused.append(Refused("an object without a kind"))
        return
    shape = _SHAPES.get(kind)
    group = (head.api_version or "").rpartition("/")[0]
    if shape is None:
        left[clean(kind)] = left.get(clean(kind), 0) + 1
        return
    try:
        shaped = safe.json(text, shape) if text else msgspec.convert(value, shape)
        found.extend(_expanded(kind, group, shaped))
    except (InputError, msgspec.ValidationError) as error:
        what = error.what if isinstance(error, InputError) else f"not of the expected shape: {error}"
        refused.append(Refused(clean(f"{kind} {_name(head, value)}: {what}")))


def _name(head: _Head, value: Any) -> str:
    if head.metadata is not None:
        return f"{head.metadata.namespace or ''}/{head.metadata.name or '?'}".lstrip("/")
    meta = value.get("metadata") if isinstance(value, dict) else None
    return str(meta.get("name", "?"))[:80] if isinstance(meta, dict) else "?"


def _expanded(kind: str, group: str, value: Any) -> Iterator[Object]:
    if kind in WORKLOADS:
        yield Object(kind, group, Workload(value.metadata, tuple(_templates(value.spec or {}))))
        return
    if isinstance(value, shapes.Pod):
        _bounded(value.spec)
    if isinstance(value, served.Served):
        group = value.group_version  # it has no name: its group is what tells it from others
    yield Object(kind, group, value)


class Workload(msgspec.Struct, frozen=True):
    """A controller of pods and the templates found in it."""

    metadata: shapes.Meta
    templates: tuple[shapes.Template, ...]


def _templates(spec: dict[str, Any]) -> Iterator[shapes.Template]:
    """Every pod template in a workload's spec: a mapping whose `spec` (or which itself) lists containers."""
    stack: list[tuple[Any, tuple[str, ...]]] = [(spec, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node, list):
            stack.extend((one, (*path, str(_label(one, at)))) for at, one in reversed(list(enumerate(node))))
        elif isinstance(node, dict):
            inner = node.get("spec")
            if isinstance(inner, dict) and isinstance(inner.get("containers"), list):
                found = msgspec.convert({"spec": inner, "metadata": node.get("metadata") or {}}, shapes.Template)
                _bounded(found.spec)
                yield msgspec.structs.replace(found, where=".".join(_telling(path)))
            else:
                stack.extend((value, (*path, str(key))) for key, value in reversed(node.items()))


def _label(one: Any, at: int) -> Any:
    name = one.get("name") or one.get("groupName") if isinstance(one, dict) else None
    return name if isinstance(name, str) else at


_PLAIN = frozenset(("template", "jobTemplate", "spec", "tasks", "replicatedJobs", "workerGroupSpecs"))


def _telling(path: tuple[str, ...]) -> list[str]:
    return [part for part in path if part not in _PLAIN and not part.endswith("ReplicaSpecs")]


def _bounded(spec: shapes.PodSpec) -> None:
    count = sum(len(group or ()) for group in (spec.containers, spec.init_containers, spec.ephemeral_containers))
    if count > MOST_CONTAINERS:
        raise InputError(f"{count} containers in one pod")
