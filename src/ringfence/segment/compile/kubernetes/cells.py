"""Pods that stand in the same groups, by namespace: what the manifests select.

A *cell* is the pods of one namespace that belong to exactly the same groups. They share one value of the label
`ringfence.io/compartment`, which Ringfence alone sets; that a pod bears it is part of what is compiled. Pods without
the label are the cell of their namespace's own endpoint (`namespace:…`): where that endpoint is in no group, they may
do nothing. Namespaces are selected by `kubernetes.io/metadata.name`, which the API server sets and nobody can forge:
whoever may write pods can at most take a value that stands in a namespace of their own.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from ringfence.estate.kinds import kind_of
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Group, Policy

LABEL = "ringfence.io/compartment"
NAMESPACE = "kubernetes.io/metadata.name"
_CHOSEN = ("quarantine", "gang", "idle", "service", "role", "outside")
"""Kinds of groups in the order in which a cell is named after one."""

Json = Mapping[str, object]


class Cell(msgspec.Struct, frozen=True):
    """Pods of one namespace that are treated alike. `value` "" stands for those without our label."""

    namespace: str
    value: str
    groups: tuple[str, ...]
    pods: tuple[str, ...]

    @property
    def selector(self) -> Json:
        """The pods of the cell, within their namespace."""
        return {"matchLabels": {LABEL: self.value}} if self.value else _absent(LABEL)


class Cells:
    """The cells of one cluster under one policy."""

    def __init__(self, policy: Policy, inventory: Inventory, cluster: str) -> None:
        self.policy, self.inventory, self.cluster = policy, inventory, cluster
        self.name = cluster.partition(":")[2]
        self.cells = tuple(self._cells())

    def _cells(self) -> Iterator[Cell]:
        groups_of: dict[str, list[str]] = {}
        for group in sorted(self.policy.groups.values(), key=_rank):
            for endpoint in group.on("pod"):
                groups_of.setdefault(endpoint, []).append(group.name)
        found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for endpoint, groups in groups_of.items():
            namespace = self.namespace_of(endpoint)
            if namespace:
                pods = found.setdefault((namespace, tuple(groups)), [])
                if kind_of(endpoint) == "pod":
                    pods.append(endpoint)
        for (namespace, signature), members in sorted(found.items()):
            unlabelled = tuple(groups_of.get(f"namespace:{self.name}/{namespace}", ()))
            value = "" if signature == unlabelled else value_of(signature)
            yield Cell(namespace, value, signature, tuple(sorted(members)))

    def namespace_of(self, endpoint: str) -> str:
        """The namespace of a pod or a namespace of this cluster; "" for anything else."""
        kind, _, rest = endpoint.partition(":")
        cluster, _, rest = rest.partition("/")
        return rest.partition("/")[0] if kind in ("pod", "namespace") and cluster == self.name else ""

    @cached_property
    def by_namespace(self) -> dict[str, list[Cell]]:
        """The cells of each namespace that is fenced."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.namespace, []).append(cell)
        return found

    @cached_property
    def by_group(self) -> dict[str, list[Cell]]:
        """The cells of each group."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            for group in cell.groups:
                found.setdefault(group, []).append(cell)
        return found

    @cached_property
    def by_pod(self) -> dict[str, Cell]:
        """The cell of each pod."""
        return {pod: cell for cell in self.cells for pod in cell.pods}

    @cached_property
    def by_source(self) -> dict[str, list[Allow]]:
        """The allows of the pod plane by who opens the connection."""
        return self._allows("source")

    @cached_property
    def by_target(self) -> dict[str, list[Allow]]:
        """The allows of the pod plane by who accepts it."""
        return self._allows("target")

    def _allows(self, end: str) -> dict[str, list[Allow]]:
        found: dict[str, list[Allow]] = {}
        for allow in self.policy.on("pod"):
            found.setdefault(getattr(allow, end), []).append(allow)
        return found

    def namespaces(self, group: str) -> tuple[str, ...]:
        """Namespaces in which a group has pods."""
        return tuple(dict.fromkeys(cell.namespace for cell in self.by_group.get(group, ())))

    def selectors(self, group: str) -> Iterator[tuple[Json, Json]]:
        """(selector of namespaces, selector of pods) that together select a group's pods and no others."""
        wanted: dict[str, set[str]] = {}
        for cell in self.by_group.get(group, ()):
            wanted.setdefault(cell.namespace, set()).add(cell.value)
        is_role = self.policy.groups[group].kind == "role"
        where: dict[tuple[str, ...], list[str]] = {}
        for namespace, values in wanted.items():
            every = {cell.value for cell in self.by_namespace[namespace]}
            for chosen in _patterns(values, every, is_role):
                where.setdefault(chosen, []).append(namespace)
        for chosen, namespaces in sorted(where.items()):
            yield one_of(NAMESPACE, namespaces), _PATTERNS[chosen] if chosen in _PATTERNS else one_of(LABEL, chosen)


def _rank(group: Group) -> tuple[int, int, str]:
    at = _CHOSEN.index(group.kind) if group.kind in _CHOSEN else len(_CHOSEN)
    return at, len(group.on("pod")), group.name


_EVERYONE, _LABELLED, _UNLABELLED = ("*", "every"), ("*", "labelled"), ("*", "unlabelled")


def _patterns(values: set[str], every: set[str], is_role: bool) -> Iterator[tuple[str, ...]]:
    """Which labels to ask for. A role takes new compartments in, the group of one workflow does not."""
    if "" in values and values == every:
        yield _EVERYONE
        return
    if "" in values:
        yield _UNLABELLED
    named = values - {""}
    if named:
        yield _LABELLED if is_role and named == every - {""} else tuple(sorted(named))


def one_of(key: str, values: Iterable[str]) -> Json:
    """The selector of one label with one of some values."""
    listed = sorted(set(values))
    if len(listed) == 1:
        return {"matchLabels": {key: listed[0]}}
    return {"matchExpressions": [{"key": key, "operator": "In", "values": listed}]}


def _absent(key: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}


_PATTERNS: dict[tuple[str, ...], Json] = {
    _EVERYONE: {},
    _LABELLED: {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]},
    _UNLABELLED: _absent(LABEL),
}


def value_of(groups: tuple[str, ...]) -> str:
    """The label's value for pods of these groups: readable, at most 63 characters, the same for the same groups."""
    digest = hashlib.blake2s("\n".join(groups).encode(), digest_size=5).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", groups[0]).strip("-")[:48].rstrip("-")
    return f"{readable or 'x'}-{digest}".lower()
