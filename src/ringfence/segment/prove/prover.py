"""What the table of provers holds."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual


class Prove(Protocol):
    """A prover: pure, and of one target's artefacts. What it needs beyond these four has a default."""

    def __call__(
        self, policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual], /
    ) -> Proof:
        """The verdict on artefacts, be they compiled or read back."""
        ...


class Prover(msgspec.Struct, frozen=True):
    """One target's prover, and the plane that it judges."""

    plane: str
    prove: Prove
