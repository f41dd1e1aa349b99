"""The NVLink plane: which accelerators load from and store to which, from partitions of NMX-M or a fabric manager."""

from collections.abc import Sequence

from ringfence.segment.cliques import Pair, by_domain
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.domains import judged
from ringfence.segment.racks import nmx_id, racks, single_hosts, uuid
from ringfence.wire.nvlink.partitions import activated, fabric_manager, nmx_partitions, nmx_request

PLANE = "nvlink"
COVERS = "partitions within each NVLink domain; not memory exported by IMEX, nor what one host does with its own"


def prove_nmx(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on request bodies beside the partitions that are there; a domain that no NMX-M has is open."""
    guarded = frozenset(inventory.enforcers.get("nmx-m", ()))
    domains = by_domain(policy, PLANE, racks(inventory))
    bodies: dict[str, list[tuple[str, ...]]] = {}
    for artefact in artefacts:
        members = nmx_request(artefact.text.encode()).members
        for name in artefact.loaded_by:
            bodies.setdefault(name, []).append(members)
    for name, text in inventory.there.get("nmx-m", {}).items():
        of_others = (one for one in nmx_partitions(text.encode()) if not one.Name.startswith("ringfence-"))
        rows = [tuple(each for each in one.Members or () if isinstance(each, str)) for one in of_others]
        bodies.setdefault(name, []).extend(rows)
    found: dict[str, list[Pair]] = {}
    for domain in domains:
        of_id = {nmx_id(inventory, gpu): gpu for gpu in domain.members}
        sets = [frozenset(of_id[one] for one in body if one in of_id) for body in bodies.get(domain.name, ())]
        sets = sets if domain.name in guarded else [domain.members]
        found[domain.name] = [(one, one) for one in sets]
    return judged(policy, PLANE, "nmx-m", domains, found, residuals, COVERS)


def prove_fabric_manager(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on which of each host's partitions are active once the commands have run."""
    there = inventory.there.get("fabric-manager", {})
    guarded = frozenset(one for one in inventory.enforcers.get("fabric-manager", ()) if one in there)
    domains = by_domain(policy, PLANE, single_hosts(inventory))
    texts: dict[str, list[str]] = {}
    for artefact in artefacts:
        for host in artefact.loaded_by:
            texts.setdefault(host, []).append(artefact.text)
    found: dict[str, list[Pair]] = {}
    for domain in domains:
        host = "host:" + domain.name.partition(":")[2]
        sets = [domain.members]
        if host in guarded:
            of_uuid = {uuid(inventory, gpu): gpu for gpu in domain.members}
            table = activated(fabric_manager(there[host].encode()), "\n".join(texts.get(host, ())).encode())
            sets = [frozenset(of_uuid[gpu] for gpu in one.gpus if gpu in of_uuid) for one in table if one.active]
        found[domain.name] = [(one, one) for one in sets]
    return judged(policy, PLANE, "fabric-manager", domains, found, residuals, COVERS)
