"""Kubernetes flows as `hubble observe -o json` prints them (Cilium's flow.proto in JSON), one object a line."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ringfence.wire.flows.values import Flow, address, port

_LAYER4 = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp", "ICMPv4": "icmp", "ICMPv6": "icmp"}


def of(record: Mapping[str, Any], number: int) -> Flow | None:
    """The flow in a record; None for answers and for what was dropped already. Raises `ValueError`, `KeyError`."""
    found = record.get("flow", record)
    if found.get("is_reply") or found.get("verdict") == "DROPPED":
        return None
    layers: Mapping[str, Any] = found.get("l4") or {"": {}}
    layer, inside = next(iter(layers.items()))
    if layer not in _LAYER4:
        raise ValueError(f"layer 4 {layer!r} is not known here")
    return Flow(
        _end(found, "source"),
        _end(found, "destination"),
        _LAYER4[layer],
        port(inside.get("destination_port")),
        when=_seconds(found.get("time", "")),
        line=number,
    )


def _end(found: Mapping[str, Any], side: str) -> str:
    """`pod:<cluster>/<namespace>/<name>` where Hubble knows the pod, else the address."""
    who = found.get(side) or {}
    if who.get("pod_name") and who.get("namespace"):
        return f"pod:{who.get('cluster_name') or 'default'}/{who['namespace']}/{who['pod_name']}"
    return address(found["IP"][side])


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")[:32]).timestamp()
    except ValueError:
        return 0.0
