"""Kubernetes → facts: manifests, `kubectl get -o json` dumps, and the live API through the same reader.

        objects (wire) ─▶ Model per cluster ─▶ nodes · pods · RBAC · network · platform ─▶ Fact

All files of one cluster are taken together, since a binding in one file speaks of a pod in
another. Facts follow the API's documented defaults, so that a manifest alone says what a cluster
would make of it. `nodes` tells how a pod without a node is drawn. What each kind contributes, the
closed list of permissions and every choice are in `docs/design/kubernetes.md`.
"""

import re
from collections.abc import Iterator

import msgspec

from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked
from ringfence.collect.kubernetes.coverage import coverage, holds_policies
from ringfence.collect.kubernetes.model import Model, model
from ringfence.collect.kubernetes.network import Network
from ringfence.collect.kubernetes.nodes import Placement
from ringfence.collect.kubernetes.platform import namespaces, platform, privileged_pods, secrets
from ringfence.collect.kubernetes.pods import Pods, accounts
from ringfence.collect.kubernetes.questions import QUESTIONS
from ringfence.collect.kubernetes.rbac import rbac
from ringfence.errors import InputError, Problem
from ringfence.estate.facts import Fact
from ringfence.wire.host import kubelet
from ringfence.wire.kubernetes.objects import Object, read

__all__ = ["COLLECTOR", "QUESTIONS", "collect", "recognise"]

_YAML = re.compile(rb"^(?:- )?apiVersion:[ \t]*[\"']?[\w.-]+(?:/[\w.-]+)?", re.MULTILINE)
_YAML_KIND = re.compile(rb"^[ -]{0,16}kind:[ \t]*[\"']?[A-Z]", re.MULTILINE)
_KIND = re.compile(rb'"(?:kind|items)"\s*:')


def recognise(path: str, head: bytes) -> str:
    """`kubernetes/objects` where an apiVersion and a kind stand."""
    if kubelet.looks_like(path, head):
        return ""  # a host's own file, and no object of the API
    first = head.lstrip()[:1]
    if first in (b"{", b"["):
        return "kubernetes/objects" if b'"apiVersion"' in head and _KIND.search(head) else ""
    return "kubernetes/objects" if _YAML.search(head) and _YAML_KIND.search(head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """The facts of every cluster in `files`, and what could not be read."""
    clusters: dict[str, list[tuple[Object, CapturedFile]]] = {}
    left: dict[str, dict[str, int]] = {}
    policies: dict[str, str] = {}
    for file in files:
        try:
            answer = read(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        cluster = scope.cluster_of(file.path)
        clusters.setdefault(cluster, []).extend((found, file) for found in answer.objects)
        if holds_policies(file.path) and not answer.refused:
            policies[cluster] = file.path
        counts = left.setdefault(cluster, {})
        for kind, count in answer.left.items():
            counts[kind] = counts.get(kind, 0) + count
        for refused in answer.refused:
            yield Problem(file.path, refused.line, refused.what, "correct the object, or capture it again")
    for cluster, objects in clusters.items():
        together = model(cluster, scope, objects)
        yield from _facts(together)
        yield from coverage(together, policies.get(cluster, ""))
        for kind, count in sorted(left[cluster].items()):
            reason = f"{count} objects of a kind that is not read"
            hole = asked(together.names.cluster, f"kubernetes {kind}", answered=False, reason=reason)
            yield msgspec.structs.replace(hole, source="kubernetes: " + kind)


def _facts(together: Model) -> Iterator[Fact]:
    roles = rbac(together)
    placement = Placement(together)
    yield from namespaces(together)
    yield from accounts(together, roles.groups)
    yield from Pods(together, placement).facts()
    yield from placement.facts(roles.groups, roles.holders)
    yield from roles.facts
    yield from privileged_pods(together, roles.opened)
    yield from Network(together).facts()
    yield from secrets(together)
    yield from platform(together)


COLLECTOR = Collector("kubernetes", recognise, collect)
