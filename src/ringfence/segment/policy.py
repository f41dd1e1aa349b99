"""From an estate to its policy: what work needs is allowed, the rest is denied.

        Estate ─Seen─▶ Scene ─needs─▶ groups, allows, residuals ─▶ Policy
                                                         overrides ──▲ ▲── budgets

The policy is a function of the estate, the overrides and the time, never of what the policy was before. One job's
part of it comes from that job's facts (`needs.needs_of`).
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ringfence.estate.estate import Estate
from ringfence.segment.budget import FLOOR, budgets
from ringfence.segment.constraints import required, unmet
from ringfence.segment.decided import decide, in_force, tenancies, unknown
from ringfence.segment.model import Allow, Group, Policy, Residual
from ringfence.segment.needs import needs
from ringfence.segment.needs.known import Known
from ringfence.segment.overrides import Override, Raised, Rule, agree
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen


def derive_policy(
    estate: Estate,
    overrides: Sequence[Override] = (),
    now: float = 0.0,
    floor: int = FLOOR,
    scene: Scene | None = None,
) -> Policy:
    """What the estate's work needs, as `overrides` change it.

    `now` is in seconds since the epoch: overrides that ended by then are told and not applied. `floor` is in bytes:
    smaller jewels get no byte budget. `scene`: the estate's, if somebody looked at it already. Raises `InputError`
    where two overrides in force contradict each other.
    """
    alive, told = in_force(overrides, now)
    agree(alive)
    more = tenancies(alive)
    if more or not scene:
        scene = Scene(Seen(estate.with_delta(added=more) if more else estate))
    groups, derived, residuals = _derived(scene)
    allows, undone = decide(scene, groups, derived, [one for one in alive if isinstance(one, Rule)])
    raised = [one for one in alive if isinstance(one, Raised)]
    policy = Policy(
        {name: groups[name] for name in sorted(groups)},
        tuple(sorted(allows)),
        tuple(budgets(scene, groups, allows, raised, floor)),
        tuple(sorted({*residuals, *told, *undone, *unknown(estate, alive)})),
    )
    open_ = unmet(required(estate), policy)
    return replace(policy, residuals=tuple(sorted({*policy.residuals, *open_})))


def _derived(scene: Scene) -> tuple[dict[str, Group], list[Allow], set[Residual]]:
    """Everything that the needs ask for; of two reasons for one rule the first in the alphabet is kept."""
    groups: dict[str, Group] = {}
    allows: dict[tuple[str, str, str, str], Allow] = {}
    residuals: set[Residual] = set()
    for found in needs(Known(scene)):
        if isinstance(found, Allow):
            key = (found.source, found.target, found.plane, found.what)
            allows[key] = min(found, allows.get(key, found))
        elif isinstance(found, Group):
            groups[found.name] = _merged(groups.get(found.name, found), found)
        else:
            residuals.add(found)
    return groups, list(allows.values()), residuals


def _merged(one: Group, other: Group) -> Group:
    """One group that two needs speak of: the endpoints of both."""
    if one == other:
        return one
    planes = sorted({*one.members, *other.members})
    members = {plane: tuple(sorted({*one.on(plane), *other.on(plane)})) for plane in planes}
    return Group(one.name, one.kind, one.tenant, members, min(one.why, other.why))
