"""What the table of writers holds."""

from typing import Protocol

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy


class Write(Protocol):
    """A writer: pure, and of one target. What it needs beyond these two has a default."""

    def __call__(self, policy: Policy, inventory: Inventory, /) -> Compiled:
        """The artefacts of one target, and the pairs that it cannot keep apart."""
        ...


class Writer(msgspec.Struct, frozen=True):
    """One target's writer, and the plane that it fences."""

    plane: str
    write: Write
