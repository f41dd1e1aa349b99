"""What a sampler is."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from ringfence.wire.ocsf.event import Event

PUSH, SAMPLED = "push", "sampled"


class About(msgspec.Struct, frozen=True):
    """A source: its name on the wire, what it tells, what it needs, and what it cannot see.

    `how` is `push` where the kernel tells by itself, else `sampled`. `needs` is a capability, a package or a device.
    `blind` is always true of it: the stated hole of a source that works.
    """

    name: str
    what: str
    how: str
    needs: str
    blind: str = ""


class Sampler(Protocol):
    """One source of one machine.

    `every` is how many seconds may pass between two looks. `slow` says that a look may wait for a driver or a
    program: it is then done in a thread of its own.
    """

    @property
    def about(self) -> About: ...
    @property
    def every(self) -> float: ...
    @property
    def slow(self) -> bool: ...

    def open(self) -> int | None:
        """Begin. A descriptor that becomes readable when there is something, None for a source that is asked.

        Raises `MissingPart` with the reason and the remedy.
        """

    def look(self) -> Iterator[Event]:
        """What there is now; bounded, and never waits. Raises `OSError` where the source has broken."""

    def lost(self) -> int:
        """Events that the kernel dropped or that were too many to look at, since this was last asked."""

    def close(self) -> None:
        """End."""
