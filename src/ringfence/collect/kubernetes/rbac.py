"""RBAC → identities, roles with their scope, and what each role permits.

        binding ─▶ (role, scope) ─▶ permits / permits_on          one entity per role *and* scope
                ─▶ subjects ─▶ holds_role                         groups stay groups: member_of

Where an identity holds both halves of a pair (`permissions.PAIRS`) in two roles only, the API
server still lets it act, since it authorises each request by the union: such a union becomes a
role of its own, held by that identity.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.collect.base import asked, stamped
from ringfence.collect.kubernetes.model import Held, Model, labels
from ringfence.collect.kubernetes.names import Names, name_of, namespace_of
from ringfence.collect.kubernetes.permissions import ALL, DEFAULTS, HALVES, PAIRS, Given, given
from ringfence.estate.facts import Fact
from ringfence.estate.ids import clean
from ringfence.wire.kubernetes.shapes import PolicyRule, Role, Selector, Subject

EVERYWHERE = "*"
ANONYMOUS, UNAUTHENTICATED = "system:anonymous", "system:unauthenticated"

READ_SECRETS, READ_LOGS = "read secrets", "read logs"
_OPENS = {
    "create pods": "create pods",
    "create pods/exec": "create pods/exec",
    "use nodes/proxy": "create pods/exec",
    "patch pods": "patch pods",
    "list secrets": READ_SECRETS,
    "get secrets": READ_SECRETS,
    "get pods/log": READ_LOGS,
    "get nodes/log": READ_LOGS,
    "create serviceaccounts/token": "impersonate",
    "impersonate serviceaccounts": "impersonate",
    "impersonate users": "impersonate users",
}
_ADMIN_OPENS = (ALL, "create pods", "create pods/exec", READ_SECRETS)
"""What an administrator of a scope is drawn to do next; the rest follows from it."""


class Bound(msgspec.Struct, frozen=True):
    """A role where a scope's bindings put it."""

    entity: str
    scope: str
    given: tuple[Given, ...]

    @property
    def texts(self) -> frozenset[str]:
        return frozenset(one.text for one in self.given if not one.names)


class Rbac(msgspec.Struct, frozen=True):
    """What the facts of other parts need to know: `opened` are (scope, what somebody may do there).

    `groups` are the groups that bindings name, `holders` the identities that hold a role.
    """

    facts: tuple[Fact, ...]
    opened: frozenset[tuple[str, str]]
    groups: frozenset[str]
    holders: frozenset[str]


def rbac(model: Model) -> Rbac:
    """All facts of roles and bindings."""
    facts: list[Fact] = []
    roles = _rules(model)
    bound: dict[tuple[str, str, str], Bound] = {}
    held_by: dict[str, dict[str, Bound]] = {}
    groups: set[str] = set()
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        for held in model.of(kind):
            binding = held.value
            scope = EVERYWHERE if kind == "ClusterRoleBinding" else namespace_of(binding.metadata)
            ref = binding.role_ref
            key = (scope, ref.kind, ref.name)
            if key not in bound:
                bound[key] = _bind(model.names, key, roles)
                facts.extend(_role_facts(model, bound[key], key, held, roles))
            for subject in binding.subjects or ():
                identity = _identity(model.names, subject, scope)
                if subject.kind == "Group":
                    groups.add(subject.name)
                facts.append(held.say(identity, "holds_role", bound[key].entity, binding=name_of(binding.metadata)))
                facts.extend(_subject_facts(model.names, subject, identity, scope, held))
                held_by.setdefault(identity, {})[bound[key].entity] = bound[key]
    unions = list(_unions(model.names, held_by))
    opened = frozenset(_opened([*bound.values(), *(union for _, union in unions)]))
    for identity, union in unions:
        facts.append(Fact(identity, "holds_role", union.entity, source="RBAC: the union of its roles"))
        facts.extend(_permits(model.names, union, "RBAC: the union of its roles"))
    facts.extend(_every_role(model, roles, bound))
    facts.extend(_anonymous(model.names, held_by))
    for scope, what in sorted(opened):
        facts.append(
            Fact(_scope(model.names, scope), "setting", f"grants={what}", source="RBAC: some role here gives it")
        )
    return Rbac(tuple(facts), opened, frozenset(groups), frozenset(held_by))


def _scope(names: Names, scope: str) -> str:
    return names.cluster if scope == EVERYWHERE else names.namespace(scope)


def _rules(model: Model) -> dict[tuple[str, str, str], tuple[PolicyRule, ...]]:
    """(scope, kind, name) → rules; ClusterRoles stand under EVERYWHERE, aggregated ones with what they gather."""
    found: dict[tuple[str, str, str], tuple[PolicyRule, ...]] = {}
    for held in model.of("Role"):
        found[namespace_of(held.value.metadata), "Role", name_of(held.value.metadata)] = held.value.rules or ()
    cluster: list[Role] = [held.value for held in model.of("ClusterRole")]
    by_label: dict[tuple[str, str], list[int]] = {}
    for at, role in enumerate(cluster):
        for label in labels(role.metadata):
            by_label.setdefault(label, []).append(at)
    for at, role in enumerate(cluster):
        rules = _gathered(cluster, by_label, at)
        found[EVERYWHERE, "ClusterRole", name_of(role.metadata)] = rules
    return found


def _gathered(cluster: list[Role], by_label: dict[tuple[str, str], list[int]], first: int) -> tuple[PolicyRule, ...]:
    """A ClusterRole's own rules and, through aggregation, those of the roles that its selectors match."""
    seen, waiting = {first}, [first]
    rules: list[PolicyRule] = []
    while waiting:
        role = cluster[waiting.pop()]
        rules.extend(role.rules or ())
        for selector in (role.aggregation_rule.cluster_role_selectors or ()) if role.aggregation_rule else ():
            new = [at for at in _selected(cluster, by_label, selector) if at not in seen]
            seen.update(new)
            waiting.extend(new)
    return tuple(rules)


def _selected(cluster: list[Role], by_label: dict[tuple[str, str], list[int]], selector: Selector) -> Iterator[int]:
    wanted = [(key, str(value)) for key, value in (selector.match_labels or {}).items()]
    lists = [by_label.get(one, []) for one in wanted]
    candidates = min(lists, key=len) if lists else range(len(cluster))
    for at in candidates:
        if selects(selector, labels(cluster[at].metadata)):
            yield at


def selects(selector: Selector | None, have: frozenset[tuple[str, str]]) -> bool:
    """Whether a label selector selects; an empty one selects everything."""
    if selector is None:
        return True
    if any((key, str(value)) not in have for key, value in (selector.match_labels or {}).items()):
        return False
    if not selector.match_expressions:
        return True
    values = dict(have)
    for one in selector.match_expressions:
        value, wanted = values.get(one.key), one.values or ()
        met = {
            "In": value in wanted,
            "NotIn": value not in wanted,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }.get(one.operator, True)
        if not met:
            return False
    return True


def _bind(names: Names, key: tuple[str, str, str], roles: dict[tuple[str, str, str], tuple[PolicyRule, ...]]) -> Bound:
    scope, kind, name = key
    rules = roles.get((EVERYWHERE if kind == "ClusterRole" else scope, kind, name))
    if rules is None:
        rules = DEFAULTS.get(name, ()) if kind == "ClusterRole" else ()
    return Bound(names.role(scope, kind, name), scope, given(rules, scope == EVERYWHERE))


def _role_facts(
    model: Model,
    bound: Bound,
    key: tuple[str, str, str],
    held: Held,
    roles: dict[tuple[str, str, str], tuple[PolicyRule, ...]],
) -> Iterator[Fact]:
    scope, kind, name = key
    yield from _permits(model.names, bound, held.file.path, held.file.observed_at)
    if (EVERYWHERE if kind == "ClusterRole" else scope, kind, name) not in roles:
        reason = "bound, but the role itself was not captured"
        answered = name in DEFAULTS and kind == "ClusterRole"
        yield stamped(asked(bound.entity, "kubernetes-rbac", answered=answered, reason=reason), held.file)
    else:
        yield stamped(asked(bound.entity, "kubernetes-rbac", answered=True, complete=True), held.file)


def _permits(names: Names, bound: Bound, source: str, at: float = 0.0) -> Iterator[Fact]:
    yield Fact(bound.entity, "scoped_to", _scope(names, bound.scope), source=source, observed_at=at)
    for one in bound.given:
        if not one.names:
            yield Fact(bound.entity, "permits", one.text, {"by": one.by}, source, at)
        for name in one.names:
            for target in _target(names, bound, one.text, name):
                yield Fact(bound.entity, "permits_on", target, {"permission": one.text, "by": one.by}, source, at)


def _target(names: Names, bound: Bound, text: str, name: str) -> Iterator[str]:
    """The one thing that a grant with a resourceName is about; cluster-wide ones of namespaced things name none."""
    scope = bound.scope
    if text in ("impersonate users",):
        yield names.user(name)
    elif text == "impersonate groups":
        yield names.group(name)
    elif text == "bind clusterroles":
        yield names.role(scope, "ClusterRole", name)
    elif scope == EVERYWHERE:
        return
    elif text in ("create pods/exec", "patch pods"):
        yield names.pod(scope, name)
    elif text in ("get secrets", "list secrets"):
        yield names.secret(scope, name)
    elif text in ("impersonate serviceaccounts", "create serviceaccounts/token"):
        yield names.account(scope, name)
    elif text == "bind roles":
        yield names.role(scope, "Role", name)


def _identity(names: Names, subject: Subject, scope: str) -> str:
    if subject.kind == "ServiceAccount":
        return names.account(subject.namespace or (scope if scope != EVERYWHERE else "default"), subject.name)
    return names.group(subject.name) if subject.kind == "Group" else names.user(subject.name)


def _subject_facts(names: Names, subject: Subject, identity: str, scope: str, held: Held) -> Iterator[Fact]:
    yield held.say(identity, "in_cluster", names.cluster)
    if subject.kind == "ServiceAccount":
        namespace = subject.namespace or (scope if scope != EVERYWHERE else "default")
        yield held.say(identity, "in_namespace", names.namespace(namespace))
    yield held.say(identity, "labelled", f"subject={clean(subject.kind)}")


def _unions(names: Names, held_by: dict[str, dict[str, Bound]]) -> Iterator[tuple[str, Bound]]:
    """A role for every identity and scope where only several of its roles together make a pair."""
    for identity, roles in held_by.items():
        halves = [role for role in roles.values() if role.texts & HALVES]
        if len(halves) < 2:
            continue
        wide = frozenset().union(*(role.texts for role in halves if role.scope == EVERYWHERE))
        for scope in sorted({role.scope for role in halves}):
            here = [role for role in halves if role.scope in (scope, EVERYWHERE)]
            texts = wide.union(*(role.texts for role in here))
            made = {
                half
                for one, other, _ in PAIRS
                if {one, other} <= texts and not any({one, other} <= role.texts for role in here)
                for half in (one, other)
            }
            if made and not (scope != EVERYWHERE and made <= wide):
                entity = names.role(scope, "union", identity.partition(":")[2])
                yield identity, Bound(entity, scope, tuple(Given(text, "union") for text in sorted(made)))


def _opened(bound: Iterable[Bound]) -> Iterator[tuple[str, str]]:
    for role in bound:
        texts = role.texts
        for text in texts & _OPENS.keys():
            yield role.scope, _OPENS[text]
        made = {what for one, other, what in PAIRS if {one, other} <= texts}
        if ALL in texts or ALL in made:
            for what in _ADMIN_OPENS:
                yield role.scope, what


def _anonymous(names: Names, held_by: dict[str, dict[str, Bound]]) -> Iterator[Fact]:
    """The one identity of callers who show no credential, where a binding gives it what matters.

    Every cluster binds it something harmless (versions, cluster-info), which is no way in.
    """
    user, group = names.user(ANONYMOUS), names.group(UNAUTHENTICATED)
    source = "Kubernetes: a request without a credential"
    if group in held_by:
        yield Fact(user, "member_of", group, source=source)
        yield Fact(user, "in_cluster", names.cluster, source=source)
    if any(role.given for identity in (user, group) for role in held_by.get(identity, {}).values()):
        yield Fact(user, "labelled", "subject=anonymous", source=source)


def _every_role(
    model: Model, roles: dict[tuple[str, str, str], tuple[PolicyRule, ...]], bound: dict[tuple[str, str, str], Bound]
) -> Iterator[Fact]:
    """Hubs: who may bind any Role of a scope may become each Role there, bound to somebody today or not."""
    binders = {role.scope for role in bound.values() if {"create rolebindings", "bind roles"} <= role.texts}
    if not binders:
        return
    source = "RBAC: every Role of the scope"
    for scope in sorted(binders):
        hub = model.names.role(scope, "every-Role", "*")
        yield Fact(hub, "scoped_to", _scope(model.names, scope), source=source)
        yield Fact(hub, "labelled", "set=every Role", source=source)
    for held in model.of("Role"):
        namespace, name = namespace_of(held.value.metadata), name_of(held.value.metadata)
        key = (namespace, "Role", name)
        entity = model.names.role(*key)
        for scope in binders & {namespace, EVERYWHERE}:
            yield Fact(model.names.role(scope, "every-Role", "*"), "assumes", entity, source=held.file.path)
        if key not in bound:
            yield from _permits(model.names, _bind(model.names, key, roles), held.file.path, held.file.observed_at)
