"""What every enforcer offers to the one who applies a plan.

before = enforcer.read()         what is there now, in a form that `restore` takes
enforcer.apply(artefact)         atomically: all of it, or nothing
enforcer.read()                  read back, for the proof
enforcer.restore(before)         set-equal to what was there
"""

from typing import Protocol, runtime_checkable

from ringfence.segment.model import Artefact


class Enforcer(Protocol):
    """One enforcer of one target: a host's nftables, a fabric's subnet manager, a cluster's API.

    Each method raises `ringfence.errors.EnforceError` with what was left, if anything. `apply` is idempotent.
    """

    target: str
    """`nftables`, `opensm`, …: the `Compiled.target` whose artefacts it takes."""

    where: str
    """Entity that it acts on: a host, a fabric, a cluster."""

    def read(self) -> str:
        """What is in force now, as text of the target's own language; "" where nothing of ours is."""
        ...

    def apply(self, artefact: Artefact) -> None:
        """Put the artefact in force, in place of what we had in force before; what is not ours stays."""
        ...

    def restore(self, before: str) -> None:
        """Bring back what `read` returned."""
        ...


@runtime_checkable
class Lapsing(Protocol):
    """An enforcer that holds the expiry of what is in force: the process that it runs in lifts it, with no server."""

    def due(self) -> float:
        """When something lapses next: seconds since the epoch, infinite for never."""
        ...

    def lapse(self) -> tuple[str, ...]:
        """Lift what has lapsed, and name it. Raises `EnforceError`."""
        ...


@runtime_checkable
class Telling(Protocol):
    """An enforcer whose change can stand and still leave something, which is no failure and has to be told."""

    left: tuple[str, ...]
    """What the last change left, each in a line."""


@runtime_checkable
class Covering(Protocol):
    """An enforcer whose host has a job gate: it has to know which jobs its next artefact holds."""

    covers: tuple[str, ...]
    """Numbers of those jobs."""


@runtime_checkable
class Answering(Protocol):
    """An enforcer elsewhere whose answer to a change has what was read back after it: it need not be asked again."""

    found: str | None
    """What was read back after the last change, where it was made; None where that is not known."""
