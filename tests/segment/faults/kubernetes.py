"""Faults of manifests: NetworkPolicy, the admin tiers, labels."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from ringfence.segment.compile.kubernetes import cells, cluster, labels, networkpolicy, tiers
from ringfence.segment.compile.kubernetes.cells import LABEL, Cells
from ringfence.segment.compile.kubernetes.networkpolicy import Peers
from tests.segment.faults.fault import Fault, Way, edited, inside, joining, leaving, lost, misread, more, saying
from tests.segment.pod_fences import pods

RED, NEXT, BLUE, SERVE = "gang:red-1", "gang:red-2", "gang:blue", "serve:blue"


def _objects(name: str, change: Callable[[dict[str, Any]], object], kind: str = "NetworkPolicy") -> Way:
    """The specification of every object of a kind whose name begins so is changed."""

    def manifest(real: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def written(version: str, kind_: str, name_: str, spec: Any, *rest: Any) -> dict[str, Any]:
            fresh = json.loads(msgspec.json.encode(spec))
            if kind_ == kind and name_.startswith(name):
                change(fresh)
            return real(version, kind_, name_, fresh, *rest)

        return written

    return inside(networkpolicy, "manifest", manifest)


def _swapped_labels(real):
    def pods_(known: Cells):
        found = [json.loads(msgspec.json.encode(one)) for one in real(known)]
        marks = {one["metadata"]["name"]: one["metadata"]["labels"] for one in found}
        turn = {"a-0": "b-0", "b-0": "a-0"}
        for one in found:
            one["metadata"]["labels"] = marks[turn.get(one["metadata"]["name"], one["metadata"]["name"])]
        return iter(found)

    return pods_


def _no_label(real):
    return lambda known: (one for one in real(known) if one["metadata"]["name"] != "a-1")


def _any_pod(real):
    def peers(self: Peers, group: str):
        for one in real(self, group):
            yield {**one, "podSelector": {}} if "podSelector" in one else one

    return peers


def _except(block: str):
    def change(spec: dict[str, Any]) -> None:
        for rule in spec["egress"]:
            for peer in rule["to"]:
                if "ipBlock" in peer:
                    peer["ipBlock"]["except"] = [block]

    return change


def _without_ports(spec: dict[str, Any]) -> None:
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        rule.pop("ports", None)


FAULTS = (
    Fault(
        "only what comes in is spoken of", "leak", (RED, "*"), inside(networkpolicy, "_BOTH", lambda _: ("Ingress",))
    ),
    Fault(
        "an empty list of peers",
        "leak",
        ("*", RED),
        _objects("ringfence-gang-red-1", lambda spec: spec["ingress"].append({"from": []})),
    ),
    Fault(
        "a rule without peers",
        "leak",
        (RED, NEXT),
        _objects("ringfence-gang-red", lambda spec: [spec[way].append({}) for way in ("ingress", "egress")]),
    ),
    Fault(
        "no rule at all", "break", (RED, RED), _objects("ringfence-gang-red-1", lambda spec: spec.update(ingress=[]))
    ),
    Fault(
        "a policy selects every pod of its namespace",
        "leak",
        (NEXT, RED),
        _objects("ringfence-gang-red", lambda spec: spec.update(podSelector={})),
    ),
    Fault(
        "a policy selects nobody",
        "break",
        (RED, RED),
        _objects("ringfence-gang-red-1", lambda spec: spec["podSelector"]["matchLabels"].update({LABEL: "x"})),
    ),
    Fault("peers with any label", "leak", (RED, NEXT), inside(Peers, "_peers", _any_pod)),
    Fault(
        "the wrong namespace",
        "break",
        (RED, RED),
        edited('"kubernetes.io/metadata.name":"red"', '"kubernetes.io/metadata.name":"blue"'),
    ),
    Fault(
        "namespaces are asked for by a label that anybody sets",
        "break",
        (RED, RED),
        inside(cells, "NAMESPACE", lambda _: "name"),
    ),
    Fault("ports are not said", "leak", (RED, SERVE), _objects("ringfence-", _without_ports)),
    Fault("a range of ports has one too many", "leak", (RED, SERVE), misread(saying("tcp/8000-8010", "tcp/8000-8011"))),
    Fault("a range of ports has its first one only", "break", (RED, SERVE), edited(',"endPort":8010', "")),
    Fault("UDP is written as TCP", "break", ("pods:lab", "platform:lab"), misread(saying("udp/53", "tcp/53"))),
    Fault("a block is one bit too wide", "leak", (RED, "*"), edited("10.9.0.0/16", "10.8.0.0/15")),
    Fault("a block is one bit too narrow", "break", (RED, "*"), edited("10.9.0.0/16", "10.9.0.0/17")),
    Fault("a block has a hole", "break", (RED, "*"), _objects("ringfence-gang-red-1", _except("10.9.9.0/24"))),
    Fault(
        "the addresses of pods are not spared",
        "leak",
        ("*", "platform:lab"),
        misread(more("outside", "platform:lab", "pod")),
    ),
    Fault("a pod bears no label", "break", (RED, RED), inside(labels, "pods", _no_label)),
    Fault("pods bear each other's label", "leak", (RED, NEXT), inside(labels, "pods", _swapped_labels)),
    Fault(
        "two gangs have one label",
        "leak",
        (RED, NEXT),
        inside(cells, "value_of", lambda real: lambda groups: "gang-red" if "gang:red" in groups[0] else real(groups)),
    ),
    Fault(
        "nothing is denied by default",
        "leak",
        ("*", "*"),
        _objects("ringfence-", lambda spec: spec.update(podSelector={"matchLabels": {"a": "b"}})),
    ),
    Fault("a pod of another gang is selected", "leak", (NEXT, RED), misread(joining(RED, "pod", *pods("red", "b-0")))),
    Fault("a pod is left out", "break", (RED, RED), misread(leaving(RED, "pod", *pods("red", "a-2")))),
    Fault("two tenants are joined", "leak", (RED, BLUE), misread(more(RED, BLUE, "pod", "tcp/9000"))),
    Fault(
        "directions are exchanged",
        "break",
        (RED, SERVE),
        inside(networkpolicy, "allowed", lambda real: lambda known, groups, inward: real(known, groups, not inward)),
    ),
    Fault("a kind that is none", "leak", (RED, NEXT), edited('"kind":"NetworkPolicy"', '"kind":"NetworkPolicies"')),
    Fault("a cluster is given nothing", "leak", ("*", "*"), lost("cluster:lab")),
)
"""On a cluster that speaks NetworkPolicy alone."""


def _nothing_across(real):
    return lambda *args, **named: iter(())


TIER = (
    Fault("what is passed on is denied", "break", (RED, SERVE), inside(tiers, "_across", _nothing_across)),
    Fault("a tenant's own namespaces are denied", "break", (RED, RED), edited('"action":"Pass"', '"action":"Deny"')),
    Fault("what is passed on is accepted", "leak", (RED, NEXT), edited('"action":"Pass"', '"action":"Accept"')),
    Fault("an action that the kind does not know", "leak", ("*", "*"), edited('"action":"Pass"', '"action":"Allow"')),
    Fault(
        "the denial comes first",
        "break",
        (RED, RED),
        inside(
            cluster,
            "tiers",
            lambda real: lambda known: (msgspec.structs.replace(one, ingress=one.ingress[::-1]) for one in real(known)),
        ),
    ),
    Fault(
        "the baseline's place is before the policies",
        "break",
        (RED, RED),
        edited('"tier":"Baseline"', '"tier":"Admin"'),
    ),
    Fault(
        "ports of the outside are denied",
        "break",
        (RED, "store"),
        inside(tiers, "_outside", lambda real: lambda *args: list(real(*args))[-1:]),
    ),
)
"""On one that speaks ClusterNetworkPolicy too."""
