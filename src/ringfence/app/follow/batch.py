"""Who of several that wait for one sweep cannot be served, so that the others can.

all of them ─ does not fit ─▶ half of them ─ … ─▶ the one that does not fit beside the others: refused
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from ringfence.errors import RingfenceError
from ringfence.segment.fabrics import guid_of
from ringfence.segment.model import Group, Policy

IB = "ib"


def misfits(
    gangs: Sequence[str], why_not: Callable[[Collection[str]], RingfenceError | None], out: frozenset[str] | None = None
) -> dict[str, RingfenceError]:
    """Of `gangs` those that do not fit beside the others, each with the reason; earlier ones have the better right.

    `why_not` tells what is wrong with a policy that leaves out some of them. None is to blame where it is wrong
    without all of them. One misfit of n costs some 2 log2 n questions.
    """
    if out is None:
        out = frozenset(gangs)
        if why_not(out):
            return {}
    error = why_not(out.difference(gangs))
    if error is None:
        return {}
    if len(gangs) == 1:
        return {gangs[0]: error}
    first, second = gangs[: len(gangs) // 2], gangs[len(gangs) // 2 :]
    found = misfits(first, why_not, out)
    return found | misfits(second, why_not, out.difference(first) | found.keys())


def without(policy: Policy, names: frozenset[str], before: Policy) -> Policy:
    """The policy on InfiniBand where these groups have no more than they have now, and had `before` as well."""
    if not names:
        return policy
    groups = {name: one for name, one in policy.groups.items() if name not in names}
    for name in names & policy.groups.keys() & before.groups.keys():
        new, old = policy.groups[name], before.groups[name]
        if both := sorted(set(new.on(IB)) & set(old.on(IB))):
            groups[name] = Group(name, new.kind, new.tenant, {IB: tuple(both)}, new.why)
    had = {(one.source, one.target) for one in before.on(IB)}
    allows = tuple(
        one
        for one in policy.on(IB)
        if {one.source, one.target} <= groups.keys()
        and (names.isdisjoint((one.source, one.target)) or (one.source, one.target) in had)
    )
    return Policy({name: groups[name] for name in sorted(groups)}, allows)


def guids(policy: Policy, names: Collection[str]) -> frozenset[int]:
    """GUIDs of the ports of these groups."""
    groups: Mapping[str, Group] = policy.groups
    ports = (port for name in names if name in groups for port in groups[name].on(IB))
    return frozenset(guid for port in ports if (guid := guid_of(port)))
