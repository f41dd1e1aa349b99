"""The kubelet's own configuration: whom it lets in.

`/var/lib/kubelet/config.yaml` is a `KubeletConfiguration`; `kubectl get --raw /api/v1/nodes/NODE/proxy/configz` gives
the same as JSON, flags taken in. A flag goes before the file. Source: Kubernetes, kubelet-config v1beta1 and
kubelet(1): in the file anonymous callers are refused and webhooks asked unless it says otherwise.
"""

import re
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_KIND = re.compile(rb"(?m)^kind:[ \t]*[\"']?KubeletConfiguration\b")
_FLAG = re.compile(r"(?:\A|[\s\"'=])--anonymous-auth(?:[= ](true|false))?(?=[\s\"']|\Z)", re.IGNORECASE)
_FLAG_FILES = ("kubeadm-flags.env", "default/kubelet", "sysconfig/kubelet")


class Kubelet(msgspec.Struct, frozen=True):
    """`anonymous`: callers who prove nothing are let in; `webhook`: bearer tokens are asked of the API."""

    anonymous: bool
    webhook: bool


def looks_like(path: str, head: bytes) -> str:
    """One of "kubelet", "kubelet-flags" or "". A manifest of the same kind is a cluster's, not a host's."""
    if "hosts" not in path.split("/")[:-2]:
        return ""
    if _KIND.search(head) or b'"kubeletconfig"' in head[:200]:
        return "kubelet"
    return "kubelet-flags" if path.endswith(_FLAG_FILES) else ""


def config(data: bytes) -> Kubelet:
    """Either form. Raises `InputError`."""
    found: Any = safe.json(data) if data.lstrip()[:1] == b"{" else next(safe.yaml_documents(data), None)
    found = found.get("kubeletconfig", found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise InputError("not a kubelet's configuration: it is an object", remedy="capture the file again")
    return Kubelet(_flag(found, "anonymous", False), _flag(found, "webhook", True))


def _flag(found: dict[str, Any], name: str, default: bool) -> bool:
    asks = found.get("authentication")
    part = asks.get(name) if isinstance(asks, dict) else None
    value = part.get("enabled", default) if isinstance(part, dict) else default
    if not isinstance(value, bool):
        raise InputError(f"authentication.{name}.enabled is neither true nor false", remedy="capture the file again")
    return value


def anonymous_flag(text: str) -> bool | None:
    """What a command line or a file of flags says of anonymous callers; None where it says nothing.

    >>> anonymous_flag('KUBELET_EXTRA_ARGS="--v=2 --anonymous-auth=false"'), anonymous_flag("--v=2")
    (False, None)
    """
    said = [row[1] is None or row[1].lower() == "true" for row in _FLAG.finditer(text)]
    return said[-1] if said else None
