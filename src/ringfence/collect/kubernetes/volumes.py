"""Volumes of the platform, claims resolved to what is behind them.

NFS behind a volume gets the storage's own id (`storage:<server>:<path>`), so that it meets what
the file server's own capture says; everything else is named by its claim.
"""

from collections.abc import Iterator

from ringfence.collect.kubernetes.model import Model, Pod
from ringfence.collect.kubernetes.names import name_of, namespace_of
from ringfence.collect.kubernetes.privileges import host_path, normal
from ringfence.estate.facts import Fact
from ringfence.estate.ids import clean
from ringfence.wire.kubernetes import shapes


def nfs_id(nfs: shapes.Nfs) -> str:
    """The id that the file server's own capture gives the export."""
    return f"storage:{clean(nfs.server).lower()}:{clean(nfs.path)}"


class Volumes:
    """What the volumes of a model's pods are."""

    def __init__(self, model: Model) -> None:
        self._names = model.names
        volumes = {name_of(held.value.metadata): held.value for held in model.of("PersistentVolume")}
        self._behind: dict[tuple[str, str], shapes.VolumeSpec] = {}
        for held in model.of("PersistentVolumeClaim"):
            claim: shapes.PersistentVolumeClaim = held.value
            volume = volumes.get(claim.spec.volume_name or "") if claim.spec else None
            if volume is not None and volume.spec is not None:
                self._behind[namespace_of(claim.metadata), name_of(claim.metadata)] = volume.spec
        for volume in volumes.values():
            reference = volume.spec.claim_ref if volume.spec else None
            if reference and volume.spec:
                self._behind.setdefault((reference.namespace or "default", reference.name or ""), volume.spec)

    def facts(self, pod: Pod, container: str, volume: shapes.Volume, mode: str, path: str) -> Iterator[Fact]:
        """Facts of one mounted volume that is not a hostPath."""
        names, say = self._names, pod.held.say
        if volume.persistent_volume_claim is not None:
            claim = volume.persistent_volume_claim
            spec = self._behind.get((pod.namespace, claim.claim_name or ""))
            if claim.read_only:
                mode = "ro"
            if spec is not None and spec.nfs is not None:
                yield say(container, "shares_volume", nfs_id(spec.nfs), mode=mode, path=path, content="nfs")
                return
            inside = (spec.host_path or spec.local) if spec is not None else None
            if inside is not None:
                attributes = host_path(inside.path, mode == "rw")
                yield say(container, "mounts_host_path", clean(normal(inside.path)), mode=mode, path=path, **attributes)
                return
            entity = names.volume(pod.namespace, claim.claim_name or "")
            yield say(container, "shares_volume", entity, mode=mode, path=path, content="data")
        elif volume.nfs is not None:
            mode = "ro" if volume.nfs.read_only else mode
            yield say(container, "shares_volume", nfs_id(volume.nfs), mode=mode, path=path, content="nfs")
        elif volume.csi is not None or volume.ephemeral is not None:
            mode = "ro" if volume.csi is not None and volume.csi.read_only else mode
            entity = names.volume(pod.namespace, pod.name, volume.name)
            yield say(container, "shares_volume", entity, mode=mode, path=path, content="data")
        elif volume.secret is not None and volume.secret.secret_name:
            secret = names.secret(pod.namespace, volume.secret.secret_name)
            yield say(container, "stores_credential", secret, readable_by="root", path=path)
