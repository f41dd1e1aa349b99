"""InfiniBand subnets as writers and provers both see them: which are enforced, and which GUID a port has."""

from collections.abc import Iterator
from functools import lru_cache

from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Policy, Residual

_PREFIX = "ibport:0x"


@lru_cache(maxsize=1 << 18)
def guid_of(port: str) -> int:
    """The port GUID of `ibport:0x…`; 0 for a port that no capture gave a GUID."""
    digits = port.removeprefix(_PREFIX)
    if digits == port or len(digits) != 16:
        return 0
    try:
        return int(digits, 16)
    except ValueError:
        return 0


def enforced(inventory: Inventory, fabric: Fabric) -> bool:
    """Whether this version can put keys in force there: the fabric is named as enforced, or each of its managers is."""
    where = set(inventory.enforcers.get(fabric.software, ()))
    return fabric.name in where or bool(fabric.managers and where.issuperset(fabric.managers))


def covered(inventory: Inventory) -> set[str]:
    """Ports whose tables Ringfence decides: those with a GUID in a fabric that is enforced."""
    return {
        port
        for fabric in inventory.fabrics.values()
        if enforced(inventory, fabric)
        for port in fabric.ports
        if guid_of(port)
    }


def uncovered(policy: Policy, inventory: Inventory, software: str) -> Iterator[Residual]:
    """Ports of the policy that no manager fences: each may speak with everyone on its subnet."""
    known = covered(inventory)
    other = {port for one in inventory.fabrics.values() if one.software != software for port in one.ports}
    told: set[str] = set()
    for name, group in sorted(policy.groups.items()):
        lost = [port for port in group.on("ib") if port not in known and port not in other]
        whole = bool(lost) and len(lost) == len(group.on("ib"))
        for end in [name] if whole else [port for port in lost if port not in told]:
            why = "no subnet manager that Ringfence can change programs this port"
            yield Residual("ib", software, end, "*", -1, why, "name the fabric under `enforcers`, or capture its GUIDs")
        told.update(lost)
