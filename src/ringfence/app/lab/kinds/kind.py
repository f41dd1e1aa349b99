"""What a kind of attack is."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ringfence.app.lab.stage import Stage


class About(msgspec.Struct, frozen=True):
    """A kind by its name on the command line. `what` is one sentence; `seen`: what of it can be noticed in the lab."""

    name: str
    title: str
    what: str
    seen: str


class Kind(Protocol):
    """A module of this folder: recorded behaviour, played on the lab's own machines and bounded in time."""

    about: About

    def play(self, stage: Stage, rate: float) -> Sequence[str]:
        """Begin it; what has to be told of it. `rate` in bytes a second, 0: as fast as it goes."""

    def longest(self, rate: float) -> float:
        """Seconds after which it is over in any case."""

    def hosts(self, stage: Stage) -> tuple[str, ...]:
        """Names of the machines that the attacker has or came to."""
