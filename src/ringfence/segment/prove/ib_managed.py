"""The InfiniBand plane target by target: opensm's fabrics and UFM's, as compiled or as read back from the ports.

        <fabric>/partitions.conf, <fabric>/ufm-pkeys.json ─▶ what the manager would make of it   (prove_ib)
        <fabric>/…, {"tables": …}                         ─▶ what adapters and leaf ports hold   (prove_tables)

Each target judges its own fabrics; ports of the other one's are not its business.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Group, Policy, Proof, Residual
from ringfence.segment.prove.ib import prove_ib, prove_tables
from ringfence.wire.ibnet.tables import Seen

_READ_BACK = '{"tables":'


class _Tables(msgspec.Struct, frozen=True):
    tables: Seen


def prove_opensm(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on the fabrics under opensm."""
    return _prove("opensm", policy, inventory, artefacts, residuals)


def prove_ufm(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on the fabrics under UFM."""
    return _prove("ufm", policy, inventory, artefacts, residuals)


def _prove(
    software: str, policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    kinds = {fabric.software for fabric in inventory.fabrics.values()}
    mine = {name for name, fabric in inventory.fabrics.items() if fabric.software == software}
    read = _seen(artefacts)
    there, rest = mine & read.keys(), mine - read.keys()
    strays = software == min(kinds, default=software)  # ports on no known fabric are judged once
    proofs = []
    if there:
        proofs.append(prove_tables(*_only(policy, inventory, there, strays and not rest), read, residuals))
    if rest or not there:
        compiled = [one for one in artefacts if not one.text.startswith(_READ_BACK)]
        proofs.append(prove_ib(*_only(policy, inventory, rest, strays), compiled, residuals))
    return _together(software, proofs)


def _seen(artefacts: Iterable[Artefact]) -> dict[str, Seen]:
    """Fabric → its tables, of those artefacts that are read back from ports."""
    return {
        one.name.partition("/")[0]: msgspec.json.decode(one.text, type=_Tables).tables
        for one in artefacts
        if one.text.startswith(_READ_BACK)
    }


def _only(policy: Policy, inventory: Inventory, fabrics: Collection[str], strays: bool) -> tuple[Policy, Inventory]:
    """What concerns these fabrics; with `strays` also ports that are on no known one."""
    kept = {name: fabric for name, fabric in inventory.fabrics.items() if name in fabrics}
    ports = {port for fabric in kept.values() for port in fabric.ports}
    others = {port for fabric in inventory.fabrics.values() for port in fabric.ports} - ports
    groups = {
        name: Group(name, group.kind, group.tenant, {"ib": here})
        for name, group in policy.groups.items()
        if (here := tuple(one for one in group.on("ib") if one in ports or (strays and one not in others)))
    }
    allows = tuple(one for one in policy.on("ib") if one.source in groups and one.target in groups)
    return Policy(groups, allows), msgspec.structs.replace(inventory, fabrics=kept)


def _together(software: str, proofs: Sequence[Proof]) -> Proof:
    first = proofs[0]
    return Proof(
        "ib",
        software,
        sum(one.pairs for one in proofs),
        tuple(sorted(gap for one in proofs for gap in one.differences)),
        first.residuals,
        sum(one.open_pairs for one in proofs),
        "; ".join(one.covers for one in proofs),
    )
