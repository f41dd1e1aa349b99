"""The outcome of every workload, computed once for all that stand under the same policies."""

from collections.abc import Iterable

from ringfence.segment.prove.netpol.layers import Outcome, Subject
from ringfence.segment.prove.netpol.ports import Ports
from ringfence.segment.prove.netpol.world import Bits, World, members
from ringfence.wire.netpol.values import AdminPolicy, Policy


def ranked(admin: Iterable[AdminPolicy]) -> list[AdminPolicy]:
    """The order in which cluster-wide policies are asked; the one BaselineAdminNetworkPolicy comes last."""
    return sorted(admin, key=lambda one: (one.kind == "BaselineAdminNetworkPolicy", one.priority, one.name))


def outcomes(world: World, admin: list[AdminPolicy], policies: list[Policy], inward: bool) -> list[Outcome]:
    """The outcome of every workload; those under the same policies share one."""
    touching: list[list[int]] = [[] for _ in world.workloads]
    rules: list[AdminPolicy | Policy] = [*admin, *policies]
    for number, one in enumerate(rules):
        for at in members(_subjects(world, one, inward)):
            touching[at].append(number)
    known: dict[object, Outcome] = {}
    found = []
    for at, numbers in enumerate(touching):
        named = world.workloads[at].ports if inward else None
        key = (tuple(numbers), named)
        if key not in known:
            mine = [rules[number] for number in numbers]
            subject = Subject(
                [one for one in mine if isinstance(one, AdminPolicy)],
                [one for one in mine if isinstance(one, Policy)],
                named,
            )
            known[key] = subject.outcome(world, inward)
        found.append(known[key])
    return found


def _subjects(world: World, one: AdminPolicy | Policy, inward: bool) -> Bits:
    if isinstance(one, AdminPolicy):
        rules = one.ingress if inward else one.egress
        return world.selected(one.subject.pods, one.subject.namespaces) if rules else 0
    touched = (one.ingress if inward else one.egress) is not None
    return world.selected(one.pods, None, one.namespace) if touched else 0


def let_in(world: World, ingress: list[Outcome]) -> list[Outcome]:
    """For every source, the targets by what they let in from it: the ingress outcomes turned over."""
    shared: dict[int, tuple[Outcome, Bits]] = {}
    for at, outcome in enumerate(ingress):
        before = shared.get(id(outcome), (outcome, 0))[1]
        shared[id(outcome)] = (outcome, before | 1 << at)
    found: list[Outcome] = [{} for _ in world.workloads]
    same: dict[tuple[Ports, ...], Outcome] = {}
    for source in range(len(world.workloads)):
        bit = 1 << source
        answers = tuple(next(ports for ports, peers in one.items() if peers & bit) for one, _ in shared.values())
        if answers not in same:
            outcome = {}
            for ports, (_, targets) in zip(answers, shared.values(), strict=True):
                outcome[ports] = outcome.get(ports, 0) | targets
            same[answers] = outcome
        found[source] = same[answers]
    return found
