"""What the Kubernetes clusters of a site file say of themselves: the kinds that they know, and what others keep there.

That a site file names a cluster is the operator's word that its network plugin obeys; which kinds can be written there
and which policies stand beside ours the API tells, and better than an estate that was collected yesterday.
"""

from collections.abc import Mapping

import msgspec

from ringfence.app.fence.design import Design
from ringfence.app.fence.steps import Enforcers
from ringfence.enforce.kubernetes import Kubernetes
from ringfence.segment.inventory import Inventory


def informed(design: Design, enforcers: Enforcers) -> Design:
    """The design with that in its inventory. Raises `EnforceError` where a cluster does not answer."""
    found = [one for one in enforcers.values() if isinstance(one, Kubernetes)]
    if not found:
        return design
    inventory = design.inventory
    for one in found:
        inventory = _with(inventory, one)
    return design.with_inventory(inventory)


def _with(inventory: Inventory, one: Kubernetes) -> Inventory:
    spoken = one.speaks()
    every = {*inventory.enforcers, *spoken}
    enforcers = {name: _where(inventory.enforcers, name, one.where, spoken) for name in sorted(every)}
    there = {**inventory.there, one.target: {**inventory.there.get(one.target, {}), one.where: one.theirs()}}
    return msgspec.structs.replace(inventory, enforcers={k: v for k, v in enforcers.items() if v}, there=there)


def _where(known: Mapping[str, tuple[str, ...]], name: str, where: str, spoken: tuple[str, ...]) -> tuple[str, ...]:
    """Where a target can be put in force, now that this cluster has spoken."""
    rest = {place for place in known.get(name, ()) if place != where}
    return tuple(sorted(rest | {where} if name in spoken else rest))
