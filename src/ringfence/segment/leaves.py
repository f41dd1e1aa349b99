"""RoCE ports and the switch ports that they are cabled to, by who sets the switch."""

from ringfence.segment.inventory import Inventory

TARGETS = ("nvue", "sonic")


def cabled(inventory: Inventory, port: str) -> tuple[str, str]:
    """(switch, interface) of a RoCE port; ("", "") where nobody told."""
    switch, _, interface = inventory.known_as.get(port, "").rpartition("/")
    return switch, interface


def guards(inventory: Inventory) -> dict[str, str]:
    """Switch → the target that sets it."""
    return {switch: target for target in reversed(TARGETS) for switch in inventory.enforcers.get(target, ())}
