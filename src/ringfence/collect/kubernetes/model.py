"""All objects of one cluster, by kind, each with the file that it came from."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ringfence.collect.base import CapturedFile, Scope, stamped
from ringfence.collect.kubernetes.names import Names, name_of, namespace_of
from ringfence.estate.facts import NO_ATTRIBUTES, Fact, Scalar
from ringfence.wire.kubernetes.objects import WORKLOADS, Object
from ringfence.wire.kubernetes.shapes import Container, Meta, PodSpec

_OVER = ("Succeeded", "Failed")


class Held(msgspec.Struct, frozen=True):
    """One object's value and its file."""

    value: Any
    file: CapturedFile

    def say(self, subject: str, predicate: str, object: str, **attributes: Scalar) -> Fact:
        """A fact with this object's file as its source."""
        return stamped(Fact(subject, predicate, object, attributes or NO_ATTRIBUTES), self.file)


class Pod(msgspec.Struct, frozen=True):
    """A pod, running or as a template would make it (`template`); `node` is "" where it has none yet.

    `admitted`: the API server has it (it has a uid or a phase), so that what it added is shown; a
    manifest may name its node too.
    """

    namespace: str
    name: str
    labels: frozenset[tuple[str, str]]
    annotations: dict[str, Any]
    spec: PodSpec
    admitted: bool
    template: bool
    held: Held

    @property
    def node(self) -> str:
        return self.spec.node_name or ""

    @property
    def account(self) -> str:
        return self.spec.service_account_name or self.spec.service_account or "default"

    @property
    def containers(self) -> tuple[Container, ...]:
        """Init and ephemeral containers included: each runs at some time with the pod's rights.

        A container whose name was taken out of the dump goes by its number.
        """
        spec = self.spec
        every = (*(spec.containers or ()), *(spec.init_containers or ()), *(spec.ephemeral_containers or ()))
        return tuple(
            one if one.name else msgspec.structs.replace(one, name=f"#{number}") for number, one in enumerate(every)
        )


class Model(msgspec.Struct, frozen=True):
    """What one cluster's files hold together."""

    names: Names
    by_kind: dict[str, list[Held]]
    pods: tuple[Pod, ...]

    def of(self, *kinds: str) -> Iterator[Held]:
        for kind in kinds:
            yield from self.by_kind.get(kind, ())


def model(cluster: str, scope: Scope, objects: Iterable[tuple[Object, CapturedFile]]) -> Model:
    """One cluster's objects put together. An object in two files is taken from the later file."""
    latest: dict[tuple[str, str, str, str], Held] = {}
    for one, file in objects:
        meta: Meta = one.value.metadata
        key = (one.kind, one.group, meta.namespace or "default", name_of(meta))
        latest[key] = Held(one.value, file)
    by_kind: dict[str, list[Held]] = {}
    for (kind, group, _, _), held in latest.items():
        by_kind.setdefault(f"{kind}.{group}" if kind in ("Job", "Queue") else kind, []).append(held)
    return Model(Names(cluster, scope), by_kind, tuple(_pods(by_kind)))


def labels(meta: Meta | None) -> frozenset[tuple[str, str]]:
    return frozenset((key, str(value)) for key, value in ((meta.labels or {}) if meta else {}).items())


def _pods(by_kind: dict[str, list[Held]]) -> Iterator[Pod]:
    """Pods that may run, and one for each template of which no pod was captured."""
    owners: set[tuple[str, str, str]] = set()
    for held in by_kind.get("Pod", ()):
        pod = held.value
        namespace = namespace_of(pod.metadata)
        owners.update((namespace, owner.kind, owner.name) for owner in pod.metadata.owner_references or ())
        phase = pod.status.phase if pod.status else None
        if phase in _OVER:
            continue
        admitted = bool(pod.metadata.uid or phase)
        yield Pod(
            namespace,
            name_of(pod.metadata),
            labels(pod.metadata),
            pod.metadata.annotations or {},
            pod.spec,
            admitted,
            False,
            held,
        )
    yield from _templates(by_kind, owners)


def _templates(by_kind: dict[str, list[Held]], owners: set[tuple[str, str, str]]) -> Iterator[Pod]:
    workloads = [
        (kind.partition(".")[0], held) for kind in sorted(by_kind) if kind.partition(".")[0] in WORKLOADS
        for held in by_kind[kind]
    ]  # fmt: skip
    known = {(namespace_of(held.value.metadata), kind, name_of(held.value.metadata)) for kind, held in workloads}
    above: set[tuple[str, str, str]] = set()
    for kind, held in workloads:
        meta, namespace = held.value.metadata, namespace_of(held.value.metadata)
        if (namespace, kind, name_of(meta)) in owners:
            above.update((namespace, owner.kind, owner.name) for owner in meta.owner_references or ())
    for kind, held in workloads:
        meta, namespace = held.value.metadata, namespace_of(held.value.metadata)
        mine = (namespace, kind, name_of(meta))
        owned = any((namespace, owner.kind, owner.name) in known for owner in meta.owner_references or ())
        if mine in owners or mine in above or owned:
            continue
        for template in held.value.templates:
            name = f"{kind.lower()}:{name_of(meta)}" + (f".{template.where}" if template.where else "")
            annotations = template.metadata.annotations or {}
            yield Pod(namespace, name, labels(template.metadata), annotations, template.spec, False, True, held)
