"""Constraints that facts require (`requires_constraint`): what the policy and the scheduler's part make of them.

`one-tenant` on an NVLink domain and `no-foreign-neighbour` on an accelerator are the scheduler's to keep: work of one
tenant at a time may start on the hosts behind them. On one host the Slurm part does that (`OverSubscribe=EXCLUSIVE`
where several tenants are let in); over several hosts only a policy that lets in a single tenant does. Whose image a
job starts from (`own-images-only`) is nothing that any target here can see.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ringfence.estate.estate import Estate
from ringfence.segment.model import BETWEEN, Policy, Proof, Residual
from ringfence.segment.rules import by_target, sources

PLANE, TARGET = "scheduler", "constraints"
OWN_IMAGES = "own-images-only"
SLURM, KUBERNETES = "slurm", "kubernetes"


class Constraint(msgspec.Struct, frozen=True, order=True):
    """`subject` is to be used so; `hosts` are those on which work reaches it, sorted.

    `by` says of each host who places work on it: `SLURM`, `KUBERNETES`, or "" where nothing tells.
    """

    subject: str
    rule: str
    hosts: tuple[str, ...]
    by: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """Whether a constraint is kept, and why (not). None: nothing here can tell."""

    constraint: Constraint
    held: bool | None
    why: str


def required(estate: Estate) -> list[Constraint]:
    """The constraints that the estate's facts ask for, sorted."""
    wanted = sorted({(fact.subject, fact.object) for fact in estate.facts("requires_constraint")})
    if not wanted:
        return []
    host_of = {fact.object: fact.subject for fact in estate.facts("has_gpu")}
    members: dict[str, set[str]] = {}
    for fact in estate.facts("nvlink_member"):
        if fact.subject in host_of:
            members.setdefault(fact.object, set()).add(host_of[fact.subject])
    placed = _placed(estate)
    found = []
    for subject, rule in wanted:
        own = (subject,) if subject.startswith("host:") else tuple(filter(None, (host_of.get(subject, ""),)))
        hosts = tuple(sorted(members.get(subject, own)))
        found.append(Constraint(subject, rule, hosts, tuple(placed.get(host, "") for host in hosts)))
    return found


def _placed(estate: Estate) -> Mapping[str, str]:
    """Host → who places work on it. Of a host of both, Slurm: only of Slurm it can be told whose work starts where.

    A cluster with partitions is Slurm's; one with namespaces, Kubernetes'.
    """
    kinds: dict[str, str] = {}
    hosts: list[tuple[str, str]] = []
    for fact in estate.facts("in_cluster"):
        kind = fact.subject.partition(":")[0]
        if kind == "partition":
            kinds[fact.object] = SLURM
        elif kind == "namespace":
            kinds.setdefault(fact.object, KUBERNETES)
        elif kind == "host":
            hosts.append((fact.subject, fact.object))
    found: dict[str, str] = {}
    for host, cluster in hosts:
        kind = kinds.get(cluster, "")
        if kind and found.get(host) != SLURM:
            found[host] = kind
    return found


def tenants_of(policy: Policy) -> Mapping[str, tuple[str, ...]]:
    """Host → the tenants whose work may start there."""
    return {
        host: sources(policy, PLANE, rules, "tenant:")
        for rules, hosts in by_target(policy, PLANE, "host:").items()
        for host in hosts
    }


def unmet(wanted: Sequence[Constraint], policy: Policy) -> Iterator[Residual]:
    """Constraints that this policy does not keep. Neither end is an endpoint: the policy opens nothing by it."""
    tenants = tenants_of(policy) if wanted else {}
    for one in wanted:
        why, remedy = _unmet(one, tenants)
        if why:
            yield Residual(PLANE, TARGET, f"constraint {one.rule}", f"use of {one.subject}", 0, why, remedy)


def _unmet(one: Constraint, tenants: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """(why a policy does not keep a constraint, what would), or two empty strings."""
    untold = _untold(one, tenants)
    if untold[0]:
        return untold
    several = sorted({tenant for host in one.hosts for tenant in tenants[host]})
    if len(several) > 1 and len(one.hosts) > 1:
        why = f"work of {BETWEEN.join(several[:5])} may start on its {len(one.hosts)} hosts at the same time"
        return why, "give the whole domain to one tenant, or partition its links"
    return "", ""


def _untold(one: Constraint, tenants: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """(why nothing here can tell whether a constraint is kept, what would), or two empty strings."""
    if one.rule == OWN_IMAGES:
        return "the fence does not see whose image a job starts from", "admit only your own registry there, or patch it"
    if not one.hosts:
        return "no host is known on which work reaches it", "collect `nvidia-smi -q -x` of its hosts"
    unknown = [at for at, host in enumerate(one.hosts) if host not in tenants]
    if unknown:
        by = one.by[unknown[0]] if one.by else ""
        return f"nobody says whose {_WORK.get(by, 'work')} may start on {one.hosts[unknown[0]]}", _REMEDIES[by]
    return "", ""


_WORK = {KUBERNETES: "pods"}
_REMEDIES = {
    SLURM: "capture `scontrol show partition` of its cluster",
    KUBERNETES: "taint its nodes for one tenant, and let admission give the toleration to that tenant's namespaces "
    "only (PodTolerationRestriction): what Kubernetes keeps apart so is not read back here",
    "": "capture the scheduler of its cluster: of Slurm `scontrol show partition`",
}


def held(wanted: Sequence[Constraint], policy: Policy, proof: Proof | None) -> list[Held]:
    """Which constraints a proof of the scheduler's part shows to be kept; None: nothing was proven."""
    tenants = tenants_of(policy) if wanted else {}
    return [_held(one, policy, tenants, proof) for one in wanted]


def _held(one: Constraint, policy: Policy, tenants: Mapping[str, tuple[str, ...]], proof: Proof | None) -> Held:
    untold, _ = _untold(one, tenants)
    if untold or proof is None:
        return Held(one, None, untold or "no scheduler's part of the fence was proven")
    why, _ = _unmet(one, tenants)
    if why:
        return Held(one, held=False, why=why)
    let_in = {tenant for host in one.hosts for tenant in tenants[host]}
    for gap in proof.differences:
        if gap.kind == "leak" and gap.target in one.hosts:
            return Held(one, held=False, why=f"work of {gap.source} may start on {gap.target}, and should not")
    for open_ in proof.residuals:
        meet = len(let_in) > 1 and {open_.source, open_.target} <= let_in
        if meet or not _ends(policy, open_.target).isdisjoint(one.hosts):
            return Held(one, held=False, why=open_.why)
    if proof.differences:
        return Held(one, None, "the proof of the scheduler's part does not hold")
    return Held(one, held=True, why=proof.covers)


def _ends(policy: Policy, named: str) -> set[str]:
    """The hosts that a residual's end names: by themselves, by their group, or all."""
    names = policy.groups if named == "*" else named.split(BETWEEN)
    return {end for name in names for end in (policy.groups[name].on(PLANE) if name in policy.groups else (name,))}
