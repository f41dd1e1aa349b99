"""The objects of one cluster as a prover takes them: policies, labels of pods, and what could not be read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact
from ringfence.wire.kubernetes.documents import documents
from ringfence.wire.netpol.read import read
from ringfence.wire.netpol.values import AdminPolicy, Namespace, Policy

TARGET = "kubernetes"
_POLICIES = frozenset(
    (
        "Namespace", "NetworkPolicy", "MultiNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy",
        "ClusterNetworkPolicy",
    )
)  # fmt: skip


class Objects(msgspec.Struct, frozen=True):
    """`labels`: `namespace/name` of a pod → its labels as far as the objects tell; `unread`: a sentence each."""

    policies: tuple[Policy, ...] = ()
    admin: tuple[AdminPolicy, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = {}
    unread: tuple[str, ...] = ()


def objects(cluster: str, inventory: Inventory, artefacts: Sequence[Artefact]) -> Objects:
    """What the artefacts of a cluster hold, together with what others keep there."""
    texts = [one.text for one in artefacts if cluster in one.loaded_by]
    texts.append(inventory.there.get(TARGET, {}).get(cluster, ""))
    unread: list[str] = []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for text in texts:
        try:
            for one in documents(text.encode()):
                found[one["kind"], _place(one)] = one
        except InputError as error:
            unread.append(error.what)
    return _valued(found.values(), unread)


def _valued(found: Iterable[dict[str, Any]], unread: list[str]) -> Objects:
    kept, labels = [], {}
    for one in found:
        if one["kind"] == "Pod":
            labels[_place(one)] = _labels(one)
        elif one["kind"] in _POLICIES:
            kept.append(one)
    manifests = read(msgspec.json.encode({"kind": "List", "items": kept}))
    unread += [remark.what for remark in manifests.remarks if remark.weight != "note"]
    values = [placed.value for placed in manifests.found]
    return Objects(
        tuple(one for one in values if isinstance(one, Policy)),
        tuple(one for one in values if isinstance(one, AdminPolicy)),
        tuple(one for one in values if isinstance(one, Namespace)),
        labels,
        tuple(unread),
    )


def _place(one: dict[str, Any]) -> str:
    meta = one.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}"


def _labels(one: dict[str, Any]) -> dict[str, str]:
    meta = one.get("metadata")
    labels = meta.get("labels") if isinstance(meta, dict) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
