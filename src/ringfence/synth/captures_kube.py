"""Captures of the Kubernetes part: what `kubectl get … -A -o json` would give."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.synth.captures_slurm import File
from ringfence.synth.facts_work import SERVING
from ringfence.synth.plan import Cluster, Pod, address

_WHEN = "2026-01-04T23:00:00Z"


def kubernetes(plan: Cluster) -> Iterator[File]:
    """Nodes, namespaces, accounts, pods."""
    if plan.pods:
        found = {
            "nodes": nodes(plan),
            "namespaces": namespaces(plan),
            "serviceaccounts": accounts(plan),
            "pods": (pod(plan, each) for each in plan.pods),
        }
        for name, items in found.items():
            yield f"clusters/{plan.name}-kube/kubernetes/{name}.json", _list(items)


def _list(items: Iterator[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": list(items)})


def _about(name: str, namespace: str = "", **labels: str) -> dict[str, Any]:
    about: dict[str, Any] = {"name": name, "uid": name, "creationTimestamp": _WHEN, "labels": labels}
    return about | ({"namespace": namespace} if namespace else {})


def nodes(plan: Cluster) -> Iterator[dict[str, Any]]:
    """The control plane and the GPU nodes."""
    for host in plan.hosts:
        if host.partition != "kube" and host.role != "kube":
            continue
        role = {"node-role.kubernetes.io/control-plane": ""} if host.role == "kube" else {}
        room = {"cpu": "224", "memory": "2000Gi"} | ({"nvidia.com/gpu": str(host.gpus)} if host.gpus else {})
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": _about(host.name) | {"labels": role | {"kubernetes.io/hostname": host.name}},
            "spec": {},
            "status": {
                "capacity": room,
                "allocatable": room,
                "addresses": [
                    {
                        "type": "InternalIP",
                        "address": address(host, "service" if host.role == "kube" else "compute"),
                    },
                    {"type": "Hostname", "address": host.name},
                ],
                "nodeInfo": {
                    "kubeletVersion": "v1.33.2",
                    "containerRuntimeVersion": "containerd://2.1.3",
                    "kernelVersion": "6.8.0-60-generic",
                    "osImage": "Ubuntu 24.04.2 LTS",
                    "operatingSystem": "linux",
                    "architecture": "amd64",
                },
            },
        }


def namespaces(plan: Cluster) -> Iterator[dict[str, Any]]:
    """One per tenant that serves."""
    for name in dict.fromkeys(each.namespace for each in plan.pods):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": _about(name), "spec": {}, "status": {}}


def accounts(plan: Cluster) -> Iterator[dict[str, Any]]:
    """The default service account of each namespace; its token is not mounted."""
    for name in dict.fromkeys(each.namespace for each in plan.pods):
        yield {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _about("default", name),
            "automountServiceAccountToken": False,
        }


def pod(plan: Cluster, of: Pod) -> dict[str, Any]:
    """One serving pod."""
    privileged = plan.flawed("pod_privileged", of.name)
    security = {"privileged": True} if privileged else {"allowPrivilegeEscalation": False}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _about(of.name, of.namespace, app="serve", model=of.pipeline),
        "spec": {
            "nodeName": of.host,
            "serviceAccountName": "default",
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "serve",
                    "image": SERVING,
                    "securityContext": security,
                    "ports": [{"containerPort": 8000, "protocol": "TCP"}],
                    "resources": {"limits": {"nvidia.com/gpu": str(of.gpus)}},
                }
            ],
        },
        "status": {"phase": "Running", "hostIP": "", "podIP": ""},
    }
