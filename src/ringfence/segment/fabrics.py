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
    """Whether keys can be put in force there: the fabric is named as enforced, or each of its managers is.

    The managers' ports must be known: they are full members of the default partition, whatever is written.
    """
    where = set(inventory.enforcers.get(fabric.software, ()))
    named = fabric.name in where or bool(fabric.managers and where.issuperset(fabric.managers))
    return named and any(guid_of(port) for port in fabric.manager_ports)


def entity(fabric: Fabric) -> str:
    """The fabric as a residual names it: all its ports."""
    return f"network:ib/{fabric.name}"


def uncovered(policy: Policy, inventory: Inventory, software: str) -> Iterator[Residual]:
    """What no manager fences: whole fabrics, ports without a GUID, and ports of the policy on no known fabric."""
    known = {port for fabric in inventory.fabrics.values() for port in fabric.ports}
    for fabric in inventory.fabrics.values():
        count = len(fabric.ports)
        if fabric.software == software and not enforced(inventory, fabric):
            why = "the fabric has no subnet manager that Ringfence can change, or its port is not known"
            yield Residual(
                "ib", software, entity(fabric), "*", count * (count - 1), why, "let its managers be enforced"
            )
        elif fabric.software == software:
            for port in (port for port in fabric.ports if not guid_of(port)):
                yield Residual("ib", software, port, "*", count - 1, "its GUID was not captured", "run ibnetdiscover")
    told: set[str] = set()
    for name, group in sorted(policy.groups.items()):
        lost = [port for port in group.on("ib") if port not in known]
        whole = bool(lost) and len(lost) == len(group.on("ib"))
        for end in [name] if whole else [port for port in lost if port not in told]:
            yield Residual(
                "ib", software, end, "*", -1, "the port is on no fabric that was captured", "run ibnetdiscover"
            )
        told.update(lost)
