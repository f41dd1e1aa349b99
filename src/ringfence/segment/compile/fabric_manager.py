"""Fabric manager: which of a host's fixed partitions to activate, so that each set of accelerators is joined alone.

The partitions of a shared-NVSwitch host are given by its maker. Where none has exactly the members of a set, the
smallest that has them all and takes nothing from another set stands in, and what it joins beyond is a residual; where
there is none, the set stays apart and the proof says what breaks.
"""

from collections.abc import Sequence

from ringfence.segment.cliques import by_domain, joined, open_residuals, surplus
from ringfence.segment.compile.parts import MARK, named
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.segment.racks import single_hosts, uuid
from ringfence.wire.nvlink.partitions import Partition, fabric_manager

PLANE, TARGET = "nvlink", "fabric-manager"


def compile_fabric_manager(policy: Policy, inventory: Inventory) -> Compiled:
    """`fmpm` commands per host; hosts with equal ones share them. Compiled, not enforced here."""
    there = inventory.there.get(TARGET, {})
    hosts = frozenset(one for one in inventory.enforcers.get(TARGET, ()) if one in there)
    domains = by_domain(policy, PLANE, single_hosts(inventory))
    texts: dict[str, list[str]] = {}
    residuals, bare = [], []
    for domain in domains:
        host = "host:" + domain.name.partition(":")[2]
        if host not in hosts:
            bare.append(domain)
            continue
        table = fabric_manager(there[host].encode())
        of_uuid = {uuid(inventory, gpu): gpu for gpu in domain.members}
        sets = joined(domain)
        wanted = _chosen(table, [frozenset(uuid(inventory, gpu) for gpu in one) for one in sets])
        texts.setdefault(_text(table, wanted), []).append(host)
        made = [[of_uuid[gpu] for gpu in one.gpus if gpu in of_uuid] for one in wanted]
        why, remedy = "no partition of this host has exactly these accelerators", "place the jobs as its partitions are"
        residuals += surplus(domain, made, PLANE, TARGET, why, remedy)
    artefacts = [Artefact(f"fabric-manager/{named([text])}.sh", text, tuple(sorted(of))) for text, of in texts.items()]
    why, remedy = "no fabric manager with partitions is known there", "capture `fmpm -l` on the host"
    residuals += open_residuals(bare, policy, PLANE, TARGET, why, remedy)
    return Compiled(TARGET, PLANE, tuple(sorted(artefacts, key=_name)), tuple(sorted(set(residuals))), enforced=False)


def _name(one: Artefact) -> str:
    return one.name


def _chosen(table: Sequence[Partition], sets: Sequence[frozenset[str]]) -> list[Partition]:
    """A partition for each set, exact ones first, none sharing an accelerator with another or with another set."""
    chosen: list[Partition] = []
    exact = {frozenset(one.gpus): one for one in reversed(table)}
    for one in sorted(sets, key=lambda one: (one not in exact, sorted(one))):
        others = frozenset[str]().union(*(each for each in sets if each != one), *(each.gpus for each in chosen))
        fits = [each for each in table if one <= frozenset(each.gpus) and others.isdisjoint(each.gpus)]
        chosen += sorted(fits, key=lambda each: (len(each.gpus), each.number))[:1]
    return sorted(chosen, key=lambda each: each.number)


def _text(table: Sequence[Partition], wanted: Sequence[Partition]) -> str:
    """Deactivated before activated: a partition whose accelerators are in another cannot start."""
    numbers = {one.number for one in wanted}
    lines = [f"fmpm -d {one.number}" for one in table if one.active and one.number not in numbers]
    lines += [f"fmpm -a {one.number}" for one in table if not one.active and one.number in numbers]
    return "\n".join([f"# {MARK}", *lines]) + "\n"
