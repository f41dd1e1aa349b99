"""RoCE ports and the switch ports that they are cabled to, by who sets the switch."""

from ringfence.segment.inventory import Inventory

TARGETS = ("nvue", "sonic")


def cabled(inventory: Inventory, port: str) -> tuple[str, str]:
    """(switch, interface) of a RoCE port; ("", "") where nobody told."""
    switch, _, interface = inventory.known_as.get(port, "").rpartition("/")
    return switch, interface


def guard(inventory: Inventory, port: str) -> str:
    """The target that fences what this port sends; "" where none does."""
    switch = cabled(inventory, port)[0]
    return next((one for one in TARGETS if switch in inventory.enforcers.get(one, ())), "")
