"""Pods: one pair and one port at a time, straight from the manifests as the API's words have them."""

import json
import random
from typing import Any

from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.model import Compiled
from ringfence.segment.prove.pods import prove_pods
from tests.segment.brute.case import Case, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.pod_fences import drawn, inventory

PROBES = ("tcp/79", "tcp/80", "tcp/81", "tcp/443", "tcp/7777", "udp/53", "udp/80", "sctp/9", "sctp/10")
_NAME = "kubernetes.io/metadata.name"
Pod = tuple[str, dict[str, str]]
"""(namespace, labels)"""


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions", ()))


def _holds(one: dict[str, Any], labels: dict[str, str]) -> bool:
    there = one["key"] in labels
    if one["operator"] in ("Exists", "DoesNotExist"):
        return there == (one["operator"] == "Exists")
    return (there and labels[one["key"]] in one["values"]) == (one["operator"] == "In")


def _peer(peer: dict[str, Any], pod: Pod, own: str) -> bool:
    if "ipBlock" in peer:
        return False  # blocks are the outside
    spaces = peer.get("namespaceSelector")
    here = pod[0] == own if spaces is None else _selects(spaces, {_NAME: pod[0]})
    return here and _selects(peer.get("podSelector", {}), pod[1])


def _port(port: dict[str, Any], probe: str) -> bool:
    protocol, _, number = probe.partition("/")
    low = port.get("port", 1)
    high = port.get("endPort", low) if "port" in port else 65535
    return port.get("protocol", "TCP").lower() == protocol and low <= int(number) <= high


def _side(policies: list[dict[str, Any]], subject: Pod, other: Pod, way: str, probe: str) -> bool:
    """Whether one end's policies let it pass; where none is about this end and way, everything passes."""
    about = [
        one
        for one in policies
        if one["metadata"]["namespace"] == subject[0]
        and _selects(one["spec"]["podSelector"], subject[1])
        and way in one["spec"]["policyTypes"]
    ]
    end = {"Ingress": "from", "Egress": "to"}[way]
    rules = [(one["metadata"]["namespace"], rule) for one in about for rule in one["spec"].get(way.lower(), ())]
    return not about or any(
        (not rule.get(end) or any(_peer(peer, other, own) for peer in rule[end]))
        and (not rule.get("ports") or any(_port(port, probe) for port in rule["ports"]))
        for own, rule in rules
    )


def _pods(ends: list[str], made: Compiled) -> tuple[set[Pair], set[Pair]]:
    lines = [json.loads(line) for line in made.artefacts[0].text.split("\n") if line.startswith("{")]
    policies = [one for one in lines if one["kind"] == "NetworkPolicy"]
    about = [one["metadata"] for one in lines if one["kind"] == "Pod"]
    labels = {f"pod:lab/{one['namespace']}/{one['name']}": one["labels"] for one in about}
    pods = {end: (end.split("/")[1], labels.get(end, {})) for end in ends if not end.startswith("network:")}
    found = {
        (source, target, probe)
        for source in pods
        for target in pods
        for probe in PROBES
        if source != target
        and _side(policies, pods[source], pods[target], "Egress", probe)
        and _side(policies, pods[target], pods[source], "Ingress", probe)
    }
    return found, found


def _outside(one: str, other: str) -> bool:
    return "network:" in one or "network:" in other


def kubernetes(chance: random.Random) -> Case:
    """Pods of three namespaces, and the pod of each that nobody knows yet."""
    policy = drawn(chance.randrange(1 << 30))
    world = inventory(policy)
    of_groups = {one for group in policy.groups.values() for one in group.on("pod")}
    inside = sorted(one for one in of_groups if not one.startswith("network:"))
    unknown = sorted({f"namespace:lab/{one.split('/')[1]}" for one in inside})
    ends = sorted({*inside, *unknown})
    scene = Scene(compile_kubernetes, prove_pods, policy, world)
    return Case(scene, "pod", lambda made: _pods(ends, made), _DAMAGE, PROBES, aside=_outside, others=tuple(unknown))


_DAMAGE = edits(
    traded(r'(?<="ringfence.io/compartment":")[^"]+'),
    traded(r'(?<="kubernetes.io/metadata.name":")[^"]+'),
    traded(r'(?<="port":)\d+(?=\})'),
    became('["Ingress","Egress"]', '["Ingress"]', '["Egress"]'),
    became('"podSelector":{},', '"podSelector":{"matchLabels":{"a":"b"}},'),
    became('"protocol":"TCP"', '"protocol":"UDP"'),
    dropped('"kind":"NetworkPolicy"'),
    dropped('"kind":"Pod"'),
)
