"""What never leaves the cluster: environment values, arguments, secret data, copies of manifests.

An answer of the API is cut down before anything keeps it. A pod's `env` holds passwords as often
as a Secret does, and `last-applied-configuration` repeats the whole object, a Secret's data
included.
"""

from typing import Any

_DROPPED = frozenset(("env", "envFrom", "args", "command", "data", "stringData", "managedFields", "binaryData"))
_KEPT = ("k8s.v1.cni.cncf.io/", "kubernetes.io/service-account.name", "load-balancer", "internal")
_ACCOUNT = "kubernetes.io/service-account.name"


def stripped(node: Any) -> Any:
    """A copy without them. Annotations are kept only where a fact is made of them."""
    if isinstance(node, list):
        return [stripped(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key in _DROPPED:
            continue
        if key == "annotations" and isinstance(value, dict):
            kept[key] = {name: text for name, text in value.items() if any(part in name for part in _KEPT)}
        else:
            kept[key] = stripped(value)
    return kept


def secret_of(metadata: Any) -> dict[str, Any]:
    """A Secret's name and namespace from its metadata alone; a token by the annotation that every token has."""
    meta = metadata if isinstance(metadata, dict) else {}
    annotations = meta.get("annotations")
    account = annotations.get(_ACCOUNT) if isinstance(annotations, dict) else None
    kept: dict[str, Any] = {"name": meta.get("name"), "namespace": meta.get("namespace")}
    if account is None:
        return {"metadata": kept}
    return {"metadata": {**kept, "annotations": {_ACCOUNT: account}}, "type": "kubernetes.io/service-account-token"}
