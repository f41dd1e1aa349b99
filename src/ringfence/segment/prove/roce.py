"""The RoCE plane: which port's RDMA reaches which, from the access lists where it enters the fabric.

Judged by direction: a write that expects no answer needs one way only, so one open way is a leak; a connection needs
both, so one closed way is a break. A port that no list of a family stands before sends to everyone by that family.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from ringfence.segment.address import Index, Span, meet, span, spans
from ringfence.segment.inventory import Inventory
from ringfence.segment.leaves import cabled, guards
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.sided import mask
from ringfence.segment.prove.verdict import Names, verdict
from ringfence.segment.relation import Block, Ints
from ringfence.segment.what import What
from ringfence.wire.ibnet import acl
from ringfence.wire.ibnet.acl import Fence, List, Rule

PLANE = "roce"
Key = tuple[str, tuple[tuple[int, tuple[Rule, ...]], ...]]
"""VRF, and (address family, rules) of each list that stands before a port."""

COVERS = "RoCEv2 (UDP 4791) at the switch port where it enters; not RoCEv1 within one VLAN, nor other traffic"


def prove_nvue(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on what ports of NVUE's switches send, and those that no switch of ours has."""
    return _judged("nvue", ("nvue", ""), acl.nvue, policy, inventory, artefacts, residuals)


def prove_sonic(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on what ports of SONiC's switches send."""
    return _judged("sonic", ("sonic",), acl.sonic, policy, inventory, artefacts, residuals)


class _Directed(Names):
    """Each allow both ways, as two."""

    @property
    def symmetric(self) -> bool:
        return False

    def intent(self) -> list[Block]:
        return [way for one in super().intent() for way in (one, Block(one.targets, one.sources, one.what))]


def _judged(
    target: str,
    mine: tuple[str, ...],
    read: Callable[[bytes], Fence],
    policy: Policy,
    inventory: Inventory,
    artefacts: Sequence[Artefact],
    residuals: Sequence[Residual],
) -> Proof:
    names = _Directed(policy, PLANE)
    fences = {switch: read(one.text.encode()) for one in artefacts for switch in one.loaded_by}
    lists = {switch: _lists(fence) for switch, fence in fences.items()}
    set_by = guards(inventory)
    ports = {one: at for at, one in enumerate(names.names) if set_by.get(cabled(inventory, one)[0], "") in mine}
    vrfs: dict[str, str] = {}
    alike: dict[Key, list[int]] = {}
    for port, at in ports.items():
        switch, interface = cabled(inventory, port)
        vrfs[port] = fences[switch].vrfs.get(interface, "") if switch in fences else ""
        key = tuple((one.family, one.rules) for one in lists.get(switch, {}).get(interface, ()))
        alike.setdefault((vrfs[port], key), []).append(at)
    reach = _Reach(inventory, names, vrfs)
    found = [Block(np.array(of, np.int64), reach.through(*key), What("any")) for key, of in alike.items()]
    theirs = ~mask(names, np.array(list(ports.values()), np.int64))
    found += [Block(one.sources[theirs[one.sources]], one.targets, one.what) for one in names.intent()]
    told = tuple(one for one in residuals if one.plane == PLANE)
    both = [*told, *(msgspec.structs.replace(one, source=one.target, target=one.source) for one in told)]
    return msgspec.structs.replace(verdict(names, target, [found], both, COVERS), residuals=tuple(sorted(told)))


class _Reach:
    """Which ports a list of rules lets through; equal lists are worked out once."""

    def __init__(self, inventory: Inventory, names: Names, vrfs: Mapping[str, str]) -> None:
        self._names, self._inventory = names, inventory
        self._index = Index(inventory.addresses, names.names)
        self._vrfs = {
            vrf: mask(names, names.numbers(one for one in names.names if vrfs.get(one, "") == vrf))
            for vrf in sorted(set(vrfs.values()))
        }

    def through(self, vrf: str, lists: Sequence[tuple[int, tuple[Rule, ...]]]) -> Ints:
        """Numbers of the ports that all these lists let through, in the same VRF."""
        let: dict[int, Ints] = {}
        for family, rules in lists:
            mine = self._let(rules)
            let[family] = np.intersect1d(let[family], mine) if family in let else mine
        everyone = self._names.of("*")  # each port has a link-local address of its own, whatever was captured
        found = np.union1d(let.get(4, everyone), let.get(6, everyone))
        return found[self._vrfs[vrf][found]] if len(self._vrfs) > 1 else found

    def _let(self, rules: tuple[Rule, ...]) -> Ints:
        """The first rule that meets an address decides; nearly always: permits, then one that denies the rest."""
        permits = [one for one in rules if one.permit]
        if rules and rules[-1] == Rule(False, "") and list(rules[:-1]) == permits and all(one.to for one in permits):
            return self._names.numbers(name for one in permits for name in self._index.within(span(one.to)))
        ordered = [(one.permit, span(one.to) if one.to else None) for one in rules]
        return self._names.numbers(
            name
            for name in self._names.names
            if any(_first(ordered, one) for one in spans(self._inventory.addresses.get(name, ())))
        )


def _first(rules: Sequence[tuple[bool, Span | None]], address: Span) -> bool:
    return next((permit for permit, to in rules if to is None or meet(to, address)), True)


def _lists(fence: Fence) -> Mapping[str, Sequence[List]]:
    found: dict[str, list[List]] = {}
    for one in fence.lists:
        for interface in one.interfaces:
            found.setdefault(interface, []).append(one)
    return found
