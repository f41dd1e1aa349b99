"""The proof of the InfiniBand plane: from tables of partition keys to who may speak with whom.

        two ports may speak  iff  they hold a common 15-bit key, at least one of them as a full member  (IBA 10.9.3)

The tables are those that opensm would make of a file, or those that were read from adapters and leaf switches.
Each fabric is judged by itself: ports of two subnets never meet, whatever the policy says. A table that could not
be read is taken for open.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

import msgspec
import numpy as np

from ringfence.segment.fabrics import enforced, entity, guid_of
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Artefact, Difference, Group, Policy, Proof, Residual
from ringfence.segment.prove.verdict import Names, verdict
from ringfence.segment.relation import Block
from ringfence.segment.what import What
from ringfence.wire.ibnet import partitions, ufm
from ringfence.wire.ibnet.partitions import Port, Tables
from ringfence.wire.ibnet.tables import Seen
from ringfence.wire.ibnet.values import DEFAULT_PKEY

FULL = "full"
_ANY = What("any")


def prove_ib(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual] = ()
) -> Proof:
    """The verdict on what was compiled. A fabric without an artefact is judged as opensm treats a missing file."""
    texts = {artefact.name: artefact.text for artefact in artefacts}
    proofs = [
        _judge(policy, fabric, [("", foretold(fabric, texts))], residuals, enforced(inventory, fabric))
        for _, fabric in sorted(inventory.fabrics.items())
    ]
    return _joined(policy, inventory, proofs, residuals, "what was compiled; not what the ports hold")


def prove_tables(
    policy: Policy, inventory: Inventory, seen: Mapping[str, Seen], residuals: Sequence[Residual] = ()
) -> Proof:
    """The verdict on what is really there, `seen` by fabric: adapters and leaf switches each have to hold."""
    proofs, away = [], 0
    for name, fabric in sorted(inventory.fabrics.items()):
        found = seen.get(name, Seen({}, {}, tuple(guid_of(port) for port in fabric.ports)))
        lost, absent = set(found.unread), set(found.absent)
        there = tuple(port for port in fabric.ports if guid_of(port) not in absent)
        away += len(absent)
        sides = [
            ("adapters: ", _opened(found.ends, lost - found.ends.keys())),
            ("leaf switches: ", _opened(found.leaves, lost - found.leaves.keys())),
        ]
        here = msgspec.structs.replace(fabric, ports=there)
        proofs.append(_judge(policy, here, sides, residuals, enforced(inventory, fabric)))
    covers = "the tables of every end port and of its leaf port"
    covers += f"; {away} port(s) are not on the fabric and not judged" if away else ""
    return _joined(policy, inventory, proofs, residuals, covers)


def foretold(fabric: Fabric, texts: Mapping[str, str]) -> Tables:
    """What the fabric's manager makes of the artefacts (name → text), whichever of its hosts is the master."""
    return _READ[fabric.software](fabric, texts)


def _of_opensm(fabric: Fabric, texts: Mapping[str, str]) -> Tables:
    return manager_tables(fabric, texts.get(f"{fabric.name}/partitions.conf", ""))


def _of_ufm(fabric: Fabric, texts: Mapping[str, str]) -> Tables:
    """UFM's own partitions as the artefact lists them; its default one limited where it does not say."""
    made: Tables = {guid: {DEFAULT_PKEY: "limited"} for port in fabric.ports if (guid := guid_of(port))}
    for port in fabric.manager_ports:
        made.setdefault(guid_of(port), {})[DEFAULT_PKEY] = FULL
    artefact = texts.get(f"{fabric.name}/ufm-pkeys.json")
    said = ufm.wanted(artefact.encode()) if artefact else ufm.Wanted({})
    for body in (*said.left, *said.ours.values()):
        for member, membership in body.members().items():
            made.setdefault(member, {})[body.number] = membership
    return made


_READ: Mapping[str, Callable[[Fabric, Mapping[str, str]], Tables]] = {"opensm": _of_opensm, "ufm": _of_ufm}


def manager_tables(fabric: Fabric, text: str) -> Tables:
    """What opensm programs from this text; of what differs with the host that is master, the more open."""
    conf = partitions.read_text(text)
    ports = [Port(guid, "adapter") for port in fabric.ports if (guid := guid_of(port))]
    managers = [guid_of(port) for port in fabric.manager_ports]
    made = partitions.tables(conf, ports, managers[0] if managers else 0)
    for manager in managers[1:]:
        own = partitions.tables(conf, [Port(guid, "adapter") for guid in managers if guid in made], manager)
        for guid, held in own.items():
            made[guid] |= {key: how for key, how in held.items() if how == FULL or key not in made[guid]}
    return made


def _opened(tables: Tables, lost: Iterable[int]) -> Tables:
    """A port whose table did not come may hold anything: it counts as a full member of every key that is seen."""
    everything = {key: FULL for held in tables.values() for key in held} or {DEFAULT_PKEY: FULL}
    return tables | dict.fromkeys(lost, everything)


def _judge(
    policy: Policy,
    fabric: Fabric,
    sides: Sequence[tuple[str, Tables]],
    residuals: Sequence[Residual],
    fenced: bool,
) -> Proof:
    """One fabric: each side against the policy; the differences of all sides together."""
    within = _within(policy, fabric)
    names = Names(within, "ib", fabric.ports)
    told = [here for one in residuals if one.plane == "ib" and (here := _here(one, fabric, names))]
    proofs = []
    for label, tables in sides:
        blocks = _blocks(names, tables) if fenced else [Block(names.of("*"), names.of("*"), _ANY)]
        proof = verdict(names, fabric.software, [blocks], told)
        why = tuple(_because(one, label, tables, fenced) for one in proof.differences)
        proofs.append(msgspec.structs.replace(proof, differences=why))
    return reduce(_both, proofs)


def _both(one: Proof, other: Proof) -> Proof:
    return msgspec.structs.replace(
        one, differences=one.differences + other.differences, open_pairs=max(one.open_pairs, other.open_pairs)
    )


def _here(residual: Residual, fabric: Fabric, names: Names) -> Residual | None:
    """A residual as far as it is about this fabric, whose own name stands for all its ports."""
    if residual.source == entity(fabric):
        return msgspec.structs.replace(residual, source="*")
    return residual if len(names.of(residual.source)) and len(names.of(residual.target)) else None


def _within(policy: Policy, fabric: Fabric) -> Policy:
    """The policy as far as it is about ports of this fabric."""
    here = frozenset(fabric.ports)
    groups = {
        name: Group(name, group.kind, group.tenant, {"ib": kept})
        for name, group in policy.groups.items()
        if (kept := tuple(port for port in group.on("ib") if port in here))
    }
    allows = tuple(one for one in policy.on("ib") if one.source in groups and one.target in groups)
    return Policy(groups, allows)


def _blocks(names: Names, tables: Tables) -> list[Block]:
    """One block a key: its full members, and all its members. A port without a GUID is under no key, hence open."""
    holders: dict[int, tuple[list[int], list[int]]] = {}
    open_ = []
    for name, at in names.index.items():
        guid = guid_of(name)
        if not guid:
            open_.append(at)
        for key, how in tables.get(guid, {}).items():
            full, everyone = holders.setdefault(key, ([], []))
            everyone.append(at)
            if how == FULL:
                full.append(at)
    blocks = []
    for full, everyone in holders.values():
        if full:
            whole = np.array(everyone, np.int64)  # one array, where all are full: it is looked at once
            blocks.append(Block(whole if len(full) == len(whole) else np.array(full, np.int64), whole, _ANY))
    return [*blocks, Block(np.array(open_, np.int64), names.of("*"), _ANY)] if open_ else blocks


def _because(one: Difference, label: str, tables: Tables, fenced: bool) -> Difference:
    source, target = (tables.get(guid_of(end), {}) for end in (one.source, one.target))
    common = [key for key in source if key in target and FULL in (source[key], target[key])]
    if one.kind == "leak" and not fenced:
        why = "the fabric is not under a manager that Ringfence can change"
    elif common:
        why = "common keys " + ", ".join(f"0x{key:04x}" for key in sorted(common)[:3])
    else:
        why = "no common key with a full member"
    return msgspec.structs.replace(one, because=label + why)


def _joined(
    policy: Policy, inventory: Inventory, proofs: Sequence[Proof], residuals: Sequence[Residual], covers: str
) -> Proof:
    """All fabrics together. Ports of the policy on no known fabric are open: told, or leaks."""
    known = {port for fabric in inventory.fabrics.values() for port in fabric.ports}
    stray = sorted({port for group in policy.groups.values() for port in group.on("ib")} - known)
    if stray:
        lost = Fabric("", (), (), tuple(stray))
        proofs = [*proofs, _judge(policy, lost, [("", {})], residuals, False)]
    targets = sorted({fabric.software for fabric in inventory.fabrics.values()})
    return Proof(
        "ib",
        "+".join(targets) or "opensm",
        sum(one.pairs for one in proofs),
        tuple(sorted(gap for one in proofs for gap in one.differences)),
        tuple(sorted({row for row in residuals if row.plane == "ib"})),
        sum(one.open_pairs for one in proofs),
        covers,
    )
