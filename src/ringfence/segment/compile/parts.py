"""What several writers share: the line that says whose file it is, names made of content, ends nobody guards."""

import hashlib
from collections.abc import Collection, Iterable

from ringfence.segment.model import Policy, Residual

MARK = "Written by Ringfence from the derived policy. Changes here are found as drift and undone."
"""Says in each artefact whose file it is."""


def named(parts: Iterable[str]) -> str:
    """Ten hexadecimal digits that stand for these texts in this order: equal content, equal name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def unguarded(
    policy: Policy, plane: str, target: str, kind: str, guarded: Collection[str], remedy: str
) -> tuple[Residual, ...]:
    """Endpoints that begin with `kind` and that no enforcer of this target guards: open to all, group by group."""
    found: list[Residual] = []
    for group in policy.groups.values():
        mine = [one for one in group.on(plane) if one.startswith(kind)]
        bare = [one for one in mine if one not in guarded]
        whole = bool(bare) and len(bare) == len(group.on(plane))
        why = f"no {target} is known that guards it"
        found += [Residual(plane, target, "*", one, -1, why, remedy) for one in ([group.name] if whole else bare)]
    return tuple(sorted(set(found)))
