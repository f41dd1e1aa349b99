"""From an estate to its policy: what work needs is allowed, the rest is denied.

        Estate ─Seen─▶ Scene ─needs─▶ groups, allows, residuals ─▶ Policy
                                                         overrides ──▲ ▲── budgets

The policy is a function of the estate, the overrides and the time, never of what the policy was before. One job's
part of it comes from that job's facts: `compartment`, and the functions of `needs` that take one gang.
"""

from collections.abc import Sequence
from typing import Any

from ringfence.estate.estate import Estate
from ringfence.segment.model import Allow, Group, Policy, Residual
from ringfence.segment.needs import NEEDS
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen


def derive_policy(estate: Estate, overrides: Sequence[Any] = (), now: float = 0.0) -> Policy:
    """What the estate's work needs. `now` is in seconds since the epoch: overrides that ended before it are told."""
    groups: dict[str, Group] = {}
    allows: dict[tuple[str, str, str, str], Allow] = {}
    residuals: set[Residual] = set()
    scene = Scene(Seen(estate))
    for needs in NEEDS:
        for found in needs(scene):
            if isinstance(found, Allow):
                key = (found.source, found.target, found.plane, found.what)
                allows[key] = min(found, allows.get(key, found))
            elif isinstance(found, Group):
                groups[found.name] = _merged(groups.get(found.name, found), found)
            else:
                residuals.add(found)
    return Policy(
        {name: groups[name] for name in sorted(groups)},
        tuple(allows[key] for key in sorted(allows)),
        (),
        tuple(sorted(residuals)),
    )


def _merged(one: Group, other: Group) -> Group:
    """One group that two needs speak of: the endpoints of both."""
    if one == other:
        return one
    planes = sorted({*one.members, *other.members})
    members = {plane: tuple(sorted({*one.on(plane), *other.on(plane)})) for plane in planes}
    return Group(one.name, one.kind, one.tenant, members, min(one.why, other.why))
