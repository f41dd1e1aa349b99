"""Objects of Kubernetes that Ringfence writes, in the form in which two of them are compared.

The API server adds to what it is given: times, versions, who manages which field, defaults. What is left out here is
what it adds; what stays is what was meant. `ORDER` is that in which they are put in force: who may set our label and
the tiers of an administrator first, a pod's label when the rules of its new compartment are there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ringfence.wire.kubernetes.documents import documents

MANAGED, BY = "app.kubernetes.io/managed-by", "ringfence"
LABEL = "ringfence.io/compartment"

Key = tuple[str, str, str]
"""Kind, namespace ("" where it has none), name."""
Json = Mapping[str, Any]


class Kind(msgspec.Struct, frozen=True):
    """Where the API serves a kind."""

    version: str
    plural: str
    is_namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Of the list of all, of one namespace, or of one object."""
        top = f"/api/{self.version}" if "/" not in self.version else f"/apis/{self.version}"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{top}{inside}/{self.plural}" + (f"/{name}" if name else "")


_ADMISSION = "admissionregistration.k8s.io/v1"
KINDS: Mapping[str, Kind] = {
    "ValidatingAdmissionPolicy": Kind(_ADMISSION, "validatingadmissionpolicies", False),
    "ValidatingAdmissionPolicyBinding": Kind(_ADMISSION, "validatingadmissionpolicybindings", False),
    "ClusterNetworkPolicy": Kind("policy.networking.k8s.io/v1alpha2", "clusternetworkpolicies", False),
    "AdminNetworkPolicy": Kind("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies", False),
    "BaselineAdminNetworkPolicy": Kind("policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies", False),
    "MultiNetworkPolicy": Kind("k8s.cni.cncf.io/v1beta1", "multi-networkpolicies", True),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies", True),
    "Pod": Kind("v1", "pods", True),
}
VERSIONS = tuple(sorted({kind.version for kind in KINDS.values()} - {"v1", "networking.k8s.io/v1"}))
"""Versions of the API that a cluster may lack: what it serves of them is asked."""
ORDER = tuple(KINDS)
"""The order of putting in force; taking away goes backwards."""


def key(one: Json) -> Key:
    """What names an object within its cluster."""
    meta = _mapping(one.get("metadata"))
    return str(one.get("kind")), str(meta.get("namespace") or ""), str(meta.get("name") or "")


def is_ours(one: Json) -> bool:
    """Whether it bears our mark: a policy our label of ownership, a pod a compartment."""
    labels = _mapping(_mapping(one.get("metadata")).get("labels"))
    return LABEL in labels if one.get("kind") == "Pod" else labels.get(MANAGED) == BY


def plain(one: Json) -> Json:
    """What was meant by an object, without what the API server adds."""
    kind, namespace, name = key(one)
    meta = _mapping(one.get("metadata"))
    labels = _mapping(meta.get("labels"))
    about: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    shown: dict[str, Any] = {"apiVersion": KINDS[kind].version, "kind": kind, "metadata": about}
    if kind == "Pod":
        about["labels"] = {LABEL: labels[LABEL]} if LABEL in labels else {}
        return shown
    about["labels"] = {name: labels[name] for name in sorted(labels)}
    annotations = {
        k: v for k, v in sorted(_mapping(meta.get("annotations")).items()) if "kubectl.kubernetes.io" not in k
    }
    if annotations:
        about["annotations"] = annotations
    shown["spec"] = _full(one.get("spec"))
    return shown


def _full(value: Any) -> Any:
    """Lists and mappings without what is empty of itself: `ingress: []` and no `ingress` say the same beside types."""
    if isinstance(value, dict):
        shown = {name: _full(value[name]) for name in sorted(value)}
        return {name: inner for name, inner in shown.items() if name not in ("ingress", "egress") or inner}
    return [_full(one) for one in value] if isinstance(value, list | tuple) else value


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def by_key(text: str) -> dict[Key, Json]:
    """The objects of a stream of manifests, of the kinds that we write. Raises `InputError`."""
    found = (one for one in documents(text.encode()) if one["kind"] in KINDS)
    return {key(one): plain(one) for one in found}


_ENCODE = msgspec.json.Encoder(order="sorted").encode


def stream(objects: Iterable[Json]) -> str:
    """Objects as a stream of manifests, in an order of its own: equal sets are equal texts."""
    return "".join(f"---\n{_ENCODE(one).decode()}\n" for one in sorted(objects, key=key))


class Drift(msgspec.Struct, frozen=True):
    """How what is there differs from what should be: keys, each sorted."""

    missing: tuple[Key, ...]
    changed: tuple[Key, ...]
    unwanted: tuple[Key, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.unwanted)


def drift(wanted: Mapping[Key, Json], found: Mapping[Key, Json]) -> Drift:
    """Two sets of plain objects compared."""
    return Drift(
        tuple(sorted(wanted.keys() - found.keys())),
        tuple(sorted(one for one in wanted.keys() & found.keys() if wanted[one] != found[one])),
        tuple(sorted(found.keys() - wanted.keys())),
    )
