"""Which RBAC rules matter to an attacker: a closed list, matched exactly as the API server's authoriser does.

Each row is one *grant*: the text that a `permits` fact carries, and the rules that give it. A rule
gives a grant when its apiGroups, resources and verbs contain it (or `*`); `*/exec` stands for the
subresource of any resource, `pods/*` for nothing. resourceNames bind a grant to those names and
void it where the request carries no name (create). nonResourceURLs grant no resource.
`docs/design/kubernetes.md` lists the rows with their reasons.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.wire.kubernetes.shapes import PolicyRule

RBAC = "rbac.authorization.k8s.io"


class Grant(msgspec.Struct, frozen=True):
    """`ways` are (API group, resource, verbs): any of them gives it. `everywhere`: only a cluster-wide binding does."""

    text: str
    ways: tuple[tuple[str, str, tuple[str, ...]], ...]
    everywhere: bool = False


_CHANGE = ("create", "update", "patch")
_EDIT = ("update", "patch")

_CONTROLLERS: tuple[tuple[str, str], ...] = (
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apps", "replicasets"),
    ("", "replicationcontrollers"),
    ("batch", "cronjobs"),
    ("kubeflow.org", "pytorchjobs"),
    ("kubeflow.org", "tfjobs"),
    ("kubeflow.org", "mpijobs"),
    ("kubeflow.org", "notebooks"),
    ("ray.io", "rayclusters"),
    ("ray.io", "rayjobs"),
    ("ray.io", "rayservices"),
    ("jobset.x-k8s.io", "jobsets"),
    ("leaderworkerset.x-k8s.io", "leaderworkersets"),
)

GRANTS: tuple[Grant, ...] = (
    Grant(
        "create pods",
        (
            ("", "pods", ("create",)),
            ("batch", "jobs", ("create",)),
            ("batch.volcano.sh", "jobs", ("create",)),
            *((group, resource, _CHANGE) for group, resource in _CONTROLLERS),
        ),
    ),
    Grant("create pods/exec", (("", "pods/exec", ("create", "get")),)),
    Grant("use nodes/proxy", (("", "nodes/proxy", ("create", "get")),), everywhere=True),
    Grant("patch pods", (("", "pods", _EDIT), ("", "pods/ephemeralcontainers", _EDIT))),
    Grant("list secrets", (("", "secrets", ("list", "watch")),)),
    Grant("get secrets", (("", "secrets", ("get",)),)),
    Grant("get pods/log", (("", "pods/log", ("get",)),)),
    Grant("get nodes/log", (("", "nodes/log", ("get",)), ("", "nodes/proxy", ("get",))), everywhere=True),
    Grant("create serviceaccounts/token", (("", "serviceaccounts/token", ("create",)),)),
    Grant("impersonate serviceaccounts", (("", "serviceaccounts", ("impersonate",)),)),
    Grant("impersonate users", (("", "users", ("impersonate",)),), everywhere=True),
    Grant("impersonate groups", (("", "groups", ("impersonate",)),), everywhere=True),
    Grant("create rolebindings", ((RBAC, "rolebindings", _CHANGE),)),
    Grant("create clusterrolebindings", ((RBAC, "clusterrolebindings", _CHANGE),), everywhere=True),
    Grant("bind roles", ((RBAC, "roles", ("bind",)),)),
    Grant("bind clusterroles", ((RBAC, "clusterroles", ("bind",)),)),
    Grant("update roles", ((RBAC, "roles", _CHANGE),)),
    Grant("update clusterroles", ((RBAC, "clusterroles", _CHANGE),), everywhere=True),
    Grant("escalate roles", ((RBAC, "roles", ("escalate",)),)),
    Grant("escalate clusterroles", ((RBAC, "clusterroles", ("escalate",)),), everywhere=True),
)

ALL = "* *"
"""Every verb on every resource: cluster-admin."""

PAIRS: tuple[tuple[str, str, str], ...] = (
    ("create clusterrolebindings", "bind clusterroles", ALL),
    ("create rolebindings", "bind clusterroles", ALL),
    ("create rolebindings", "bind roles", ""),
    ("update roles", "escalate roles", ALL),
    ("update clusterroles", "escalate clusterroles", ALL),
    ("impersonate users", "impersonate groups", ALL),
    ("impersonate serviceaccounts", "impersonate groups", ALL),
)
"""Grants that one identity must hold together, and what both then amount to (in their scope)."""

HALVES = frozenset(text for pair in PAIRS for text in pair[:2])


class Given(msgspec.Struct, frozen=True):
    """A grant that a rule gives: on everything, or on the `names` alone. `by` is the rule's own wording."""

    text: str
    by: str
    names: tuple[str, ...] = ()


def given(rules: Iterable[PolicyRule], everywhere: bool) -> tuple[Given, ...]:
    """What a role's rules give where they hold `everywhere` (a ClusterRoleBinding) or in one namespace."""
    found: dict[tuple[str, tuple[str, ...]], Given] = {}
    for rule in rules:
        for one in _by_rule(rule, everywhere):
            found.setdefault((one.text, one.names), one)
    whole = {text for text, names in found if not names}
    return tuple(one for one in found.values() if not one.names or one.text not in whole)


def _by_rule(rule: PolicyRule, everywhere: bool) -> Iterator[Given]:
    groups, resources = frozenset(rule.api_groups or ()), frozenset(rule.resources or ())
    verbs, names = frozenset(rule.verbs or ()), tuple(rule.resource_names or ())
    if not (groups and resources and verbs):
        return
    if "*" in groups and "*" in resources and "*" in verbs and not names:
        yield Given(ALL, ALL)
    for grant in GRANTS:
        if grant.everywhere and not everywhere:
            continue
        by = next((by for way in grant.ways if (by := _way(way, groups, resources, verbs, bool(names)))), "")
        if by:
            yield Given(grant.text, by, names)


def _way(
    way: tuple[str, str, tuple[str, ...]],
    groups: frozenset[str],
    resources: frozenset[str],
    verbs: frozenset[str],
    named: bool,
) -> str:
    group, resource, wanted = way
    if not ("*" in groups or group in groups) or not _covers(resources, resource):
        return ""
    for verb in wanted:
        nameless = verb == "create" and "/" not in resource
        if ("*" in verbs or verb in verbs) and not (named and nameless):
            return f"{verb} {resource}" + (f".{group}" if group else "")
    return ""


def _covers(resources: frozenset[str], resource: str) -> bool:
    _, slash, sub = resource.partition("/")
    return "*" in resources or resource in resources or bool(slash and f"*/{sub}" in resources)


_POWER = PolicyRule(verbs=("*",), api_groups=("*",), resources=("*",))
_EDITOR = (
    PolicyRule(
        verbs=("create", "patch", "update"),
        api_groups=("",),
        resources=("pods", "pods/exec", "replicationcontrollers", "serviceaccounts/token"),
    ),
    PolicyRule(
        verbs=("create", "patch", "update"),
        api_groups=("apps",),
        resources=("deployments", "daemonsets", "statefulsets", "replicasets"),
    ),
    PolicyRule(verbs=("create", "patch", "update"), api_groups=("batch",), resources=("jobs", "cronjobs")),
    PolicyRule(verbs=("get", "list", "watch"), api_groups=("",), resources=("secrets", "pods/log", "pods/exec")),
    PolicyRule(verbs=("impersonate",), api_groups=("",), resources=("serviceaccounts",)),
)
_BINDER = PolicyRule(verbs=("create", "patch", "update"), api_groups=(RBAC,), resources=("roles", "rolebindings"))

DEFAULTS: dict[str, tuple[PolicyRule, ...]] = {
    "cluster-admin": (_POWER,),
    "admin": (*_EDITOR, _BINDER),
    "edit": _EDITOR,
    "view": (PolicyRule(verbs=("get", "list", "watch"), api_groups=("",), resources=("pods", "pods/log")),),
}
"""What Kubernetes' own user-facing ClusterRoles give, for bindings whose role was not captured."""
