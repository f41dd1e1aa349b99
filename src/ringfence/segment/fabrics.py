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


def entity(fabric: Fabric) -> str:
    """The fabric as a residual names it: all its ports."""
    return f"network:ib/{fabric.name}"


def uncovered(policy: Policy, inventory: Inventory, software: str) -> Iterator[Residual]:
    """What no manager fences: whole fabrics, and ports of the policy that lie in none or have no GUID."""
    known: set[str] = set()
    for fabric in inventory.fabrics.values():
        closed = enforced(inventory, fabric)
        known.update(port for port in fabric.ports if guid_of(port) or not closed)
        if fabric.software == software and not closed:
            count, why = len(fabric.ports), "the fabric has no subnet manager that Ringfence can change"
            yield Residual(
                "ib", software, entity(fabric), "*", count * (count - 1), why, "let its managers be enforced"
            )
    told: set[str] = set()
    for name, group in sorted(policy.groups.items()):
        lost = [port for port in group.on("ib") if port not in known]
        whole = bool(lost) and len(lost) == len(group.on("ib"))
        for end in [name] if whole else [port for port in lost if port not in told]:
            why = "the port is on no fabric that was captured, or its GUID was not"
            yield Residual("ib", software, end, "*", -1, why, "capture the fabric: ibnetdiscover")
        told.update(lost)
