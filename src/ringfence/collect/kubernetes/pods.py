"""Pods and their containers → what they run as, on, with, and what of the host they see."""

import posixpath
from collections.abc import Iterator

from ringfence.collect.kubernetes.model import Held, Model, Pod
from ringfence.collect.kubernetes.names import Names
from ringfence.collect.kubernetes.nodes import Placement, is_device
from ringfence.collect.kubernetes.privileges import host_path, is_root, normal, privileges, user
from ringfence.collect.kubernetes.volumes import Volumes
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.ids import clean
from ringfence.wire.kubernetes import shapes

TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a folder, not a secret)

_TELLING = frozenset(
    (
        "jobset.sigs.k8s.io/jobset-uid", "jobset.sigs.k8s.io/jobset-name", "training.kubeflow.org/job-name",
        "ray.io/cluster", "leaderworkerset.sigs.k8s.io/group-key", "leaderworkerset.sigs.k8s.io/name",
        "volcano.sh/job-name", "kueue.x-k8s.io/pod-group-name", "batch.kubernetes.io/job-name", "job-name",
    )
)  # fmt: skip
"""Labels that say which run a pod is of. Others are the application's own, and stay with it."""


class Pods:
    """Facts of every pod of a model."""

    def __init__(self, model: Model, placement: Placement) -> None:
        self._names = model.names
        self._model = model
        self._placement = placement
        self._volumes = Volumes(model)
        self._no_token = {
            (held.value.metadata.namespace or "default", held.value.metadata.name)
            for held in model.of("ServiceAccount")
            if held.value.automount_service_account_token is False
        }

    def facts(self) -> Iterator[Fact]:
        for pod in self._model.pods:
            yield from self._pod(pod)

    def _pod(self, pod: Pod) -> Iterator[Fact]:
        names, say = self._names, pod.held.say
        entity = names.pod(pod.namespace, pod.name)
        host, assumed = self._placement.of(pod)
        how: dict[str, Scalar] = {"assumed": True} if assumed else {}
        account = names.account(pod.namespace, pod.account)
        yield say(entity, "in_namespace", names.namespace(pod.namespace))
        yield say(entity, "runs_on", host, **how)
        yield say(entity, "runs_as", account)
        if pod.template:
            yield say(entity, "setting", "template=true")
        for key, value in sorted(pod.labels):
            if key in _TELLING:
                yield say(entity, "labelled", clean(f"{key}={value}"))
        seen: set[str] = set()
        sources = {volume.name: volume for volume in pod.spec.volumes or ()}
        for container in pod.containers:
            if container.name in seen:
                continue
            seen.add(container.name)
            me = names.container(pod.namespace, pod.name, container.name)
            yield say(me, "part_of", entity)
            yield say(me, "runs_on", host, **how)
            if container.image:
                yield say(me, "uses_image", "image:" + clean(container.image))
            yield from self._privileges(pod, container, me)
            yield from self._mounts(pod, container, me, sources)
            yield from self._devices(pod, container, me)
            if self._has_token(pod, container, sources):
                yield say(me, "runs_as", account)
                token = names.volume(pod.namespace, pod.name, "token")
                yield say(me, "shares_volume", token, mode="ro", content="token")

    def _privileges(self, pod: Pod, container: shapes.Container, me: str) -> Iterator[Fact]:
        say = pod.held.say
        held = list(privileges(pod.spec, container))
        by: dict[str, Scalar] = {"by": "privileged" if "privileged" in held else "added"}
        for what in held:
            yield say(me, "runs_with", what, **(by if what.startswith("cap:") else {}))
        number = user(pod.spec, container)
        if number and "share_pid" in held:
            yield say(me, "labelled", f"uid={number}", shared=True)

    def _mounts(
        self, pod: Pod, container: shapes.Container, me: str, sources: dict[str, shapes.Volume]
    ) -> Iterator[Fact]:
        for mount in container.volume_mounts or ():
            volume = sources.get(mount.name)
            if volume is None:
                continue
            writable = mount.read_only is not True
            mode = "rw" if writable else "ro"
            at = clean(mount.mount_path or "")
            if volume.host_path is not None:
                below = posixpath.join(volume.host_path.path, (mount.sub_path or "").lstrip("/"))
                whole = mount.recursive_read_only in (None, "Disabled")
                attributes = host_path(below, writable, whole)
                yield from self._exposed(pod, container, attributes)
                yield pod.held.say(me, "mounts_host_path", clean(normal(below)), mode=mode, path=at, **attributes)
            else:
                yield from self._volumes.facts(pod, me, volume, mode, at)

    def _exposed(self, pod: Pod, container: shapes.Container, attributes: dict[str, bool]) -> Iterator[Fact]:
        """What a mounted folder lays open of its host, said of the places that moves lead through."""
        if not is_root(pod.spec, container):
            return
        if "pods" in attributes:
            yield pod.held.say(self._placement.of(pod)[0], "setting", "pod-volumes=exposed")
        if "etcd" in attributes:
            yield pod.held.say(self._names.cluster, "setting", "grants=read secrets")
        if "logs" in attributes:
            for scope in (self._names.namespace(pod.namespace), self._names.cluster):
                yield pod.held.say(scope, "setting", "log-folder=writable")

    def _has_token(self, pod: Pod, container: shapes.Container, sources: dict[str, shapes.Volume]) -> bool:
        """A captured pod shows the mounted token itself; a manifest gets one unless it says not."""
        for mount in container.volume_mounts or ():
            volume = sources.get(mount.name)
            if (mount.mount_path or "").rstrip("/") == TOKEN_FOLDER:
                return True
            if volume is not None and volume.projected is not None and _for_the_api(volume.projected):
                return True
        if pod.admitted:
            return False
        asked = pod.spec.automount_service_account_token
        return asked if asked is not None else (pod.namespace, pod.account) not in self._no_token

    def _devices(self, pod: Pod, container: shapes.Container, me: str) -> Iterator[Fact]:
        resources = container.resources or shapes.Resources()
        for key, count in sorted({**(resources.requests or {}), **(resources.limits or {})}.items()):
            if is_device(key) and isinstance(count, str | int):
                yield pod.held.say(me, "setting", clean(f"{key}={count}"))


def _for_the_api(projected: shapes.Projected) -> bool:
    """A token whose audience is the API server: none named, or one that is the cluster's own."""
    return any(
        source.service_account_token is not None
        and (not source.service_account_token.audience or "kubernetes" in source.service_account_token.audience)
        for source in projected.sources or ()
    )


def accounts(model: Model, groups: frozenset[str]) -> Iterator[Fact]:
    """Service accounts: those captured, those that pods run as, and the groups all of them are in by default."""
    names: Names = model.names
    found: dict[tuple[str, str], Held] = {}
    for held in model.of("ServiceAccount"):
        found.setdefault((held.value.metadata.namespace or "default", held.value.metadata.name or "*"), held)
    for pod in model.pods:
        found.setdefault((pod.namespace, pod.account), pod.held)
    for (namespace, name), held in found.items():
        identity = names.account(namespace, name)
        yield held.say(identity, "in_cluster", names.cluster)
        yield held.say(identity, "in_namespace", names.namespace(namespace))
        yield held.say(identity, "labelled", "subject=ServiceAccount")
        every = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        for group in every:
            if group in groups:
                yield held.say(identity, "member_of", names.group(group))
