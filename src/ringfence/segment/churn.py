"""From the policy in force to the next one, so that two tenants' rules are never in force together.

        old ──────▶ middle ──────▶ new
             break          make

Within a tenant make comes before break: the middle allows what either policy allows there. Between tenants break
comes before make: an endpoint that changes hands keeps only what all share, and a rule across tenants stands in the
middle only if it stands in both. When everyone has read the middle back, and the flows it no longer allows have
ended, the new policy follows. Nothing here depends on how the old policy came about.
"""

from collections import defaultdict
from collections.abc import Mapping

from ringfence.segment.model import Allow, Group, Policy

_Owners = Mapping[tuple[str, str], frozenset[str]]


def middle(old: Policy, new: Policy) -> Policy:
    """The policy between `old` and `new`; equal to `old` or `new` where one step is enough."""
    groups = {
        name: _united(old.groups.get(name), new.groups.get(name))
        for name in sorted(old.groups.keys() | new.groups.keys())
    }
    handed = _handed_over(_owners(old), _owners(new))
    kept = {name: _without(group, handed) for name, group in groups.items()}
    both = {_rule(allow) for allow in old.allows} & {_rule(allow) for allow in new.allows}
    union = {_rule(allow): allow for allow in (*old.allows, *new.allows)}
    allows = sorted(allow for rule, allow in union.items() if rule in both or _within(allow, old, new))
    budgets = {budget.jewel: budget for budget in (*old.budgets, *new.budgets)}
    return Policy(kept, tuple(allows), tuple(budgets.values()), new.residuals)


def stages(old: Policy | None, new: Policy) -> tuple[Policy, ...]:
    """The policies to put in force one after the other, the last being `new`."""
    if old is None:
        return (new,)
    between = middle(old, new)
    return (new,) if _same(between, new) or _same(between, old) else (between, new)


def _owners(policy: Policy) -> _Owners:
    """(plane, endpoint) → tenants whose groups it is in."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for group in policy.groups.values():
        for plane, members in group.members.items():
            for one in members:
                found[plane, one].update({group.tenant} - {""})
    return {end: frozenset(tenants) for end, tenants in found.items()}


def _united(one: Group | None, other: Group | None) -> Group:
    if one is None or other is None:
        found = one or other
        assert found is not None
        return found
    if one.tenant != other.tenant:  # the name was given to another tenant: nothing of the old one stays
        return Group(other.name, other.kind, other.tenant, {}, other.why)
    planes = sorted(one.members.keys() | other.members.keys())
    members = {plane: tuple(sorted({*one.on(plane), *other.on(plane)})) for plane in planes}
    return Group(other.name, other.kind, other.tenant, members, other.why)


def _handed_over(before: _Owners, after: _Owners) -> _Owners:
    """(plane, endpoint) → tenants that it leaves or joins, where it does both: shared ends keep who stays."""
    changes = {end: (before[end] - after[end], after[end] - before[end]) for end in before.keys() & after.keys()}
    return {end: left | joined for end, (left, joined) in changes.items() if left and joined}


def _without(group: Group, handed: _Owners) -> Group:
    if not group.tenant:
        return group
    none: frozenset[str] = frozenset()
    members = {
        plane: tuple(one for one in ends if group.tenant not in handed.get((plane, one), none))
        for plane, ends in group.members.items()
    }
    return Group(group.name, group.kind, group.tenant, members, group.why)


def _rule(allow: Allow) -> tuple[str, str, str, str]:
    return allow.source, allow.target, allow.plane, allow.what


def _within(allow: Allow, old: Policy, new: Policy) -> bool:
    """Whether a rule concerns one tenant at most, whichever policy is asked."""
    ends = ((policy, name) for policy in (old, new) for name in (allow.source, allow.target))
    tenants = {policy.groups[name].tenant for policy, name in ends if name in policy.groups}
    return len(tenants - {""}) <= 1


def _same(one: Policy, other: Policy) -> bool:
    return _shape(one) == _shape(other)


def _shape(policy: Policy) -> tuple[frozenset[object], frozenset[object]]:
    groups: frozenset[object] = frozenset(
        (name, plane, members)
        for name, group in policy.groups.items()
        for plane, members in group.members.items()
        if members
    )
    return groups, frozenset(_rule(allow) for allow in policy.allows)
