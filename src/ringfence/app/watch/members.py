"""Who shares the work, and whose a slot is: every process works it out for itself from who is heard.

A process is heard each second over NATS, unkept: no leader and no election stands between it and the others, as would
with a lease in a bucket. Two that hold the same slot for a moment do no harm: they yield the same under the same
numbers (`stages`), and state is saved by the one that is ahead (`transport.nats.blobs`). So there is no lock to lose.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

EVERY, MISSED = 1.0, 4
"""Seconds between signs of life, and how many may be missed."""
NODE, JOINT, INTAKE = "worker", "joint", "intake"
JOINT_SLOT = "joint"
ROLES = {"all": (INTAKE, NODE, JOINT), INTAKE: (INTAKE,), NODE: (NODE,), JOINT: (JOINT,)}


class Here(msgspec.Struct, frozen=True):
    """A sign of life. `leaving` says goodbye."""

    name: str
    roles: tuple[str, ...]
    leaving: bool = False


class Members:
    """Those heard of late, this process among them always."""

    def __init__(self, me: Here) -> None:
        self.me = me
        self._heard: dict[str, tuple[Here, float]] = {}

    def heard(self, here: Here, now: float) -> bool:
        """Note a sign of life; whether it changes who is here."""
        before = here.name in self._heard
        if here.leaving:
            self._heard.pop(here.name, None)
            return before
        self._heard[here.name] = (here, now)
        return not before

    def deaf(self, seconds: float) -> None:
        """This process heard nothing for so long: nobody else's silence counts."""
        self._heard = {name: (here, when + seconds) for name, (here, when) in self._heard.items()}

    def here(self, now: float) -> list[Here]:
        """Who is here, by name."""
        late = now - EVERY * MISSED
        self._heard = {name: (here, when) for name, (here, when) in self._heard.items() if when >= late}
        others = {name: here for name, (here, _) in self._heard.items()}
        return [one for _, one in sorted((others | {self.me.name: self.me}).items())]

    def mine(self, partitions: int, now: float) -> set[str]:
        """The slots that are this process's."""
        here = self.here(now)
        slots = [(str(at), NODE) for at in range(partitions)] + [(JOINT_SLOT, JOINT)]
        return {
            slot for slot, role in slots if owner(slot, (one.name for one in here if role in one.roles)) == self.me.name
        }


def owner(slot: str, names: Iterable[str]) -> str:
    """Whose a slot is: when one comes or goes, only the slots that become or were its own move."""
    return max(names, key=lambda name: blake2b(f"{name}/{slot}".encode(), digest_size=8).digest(), default="")
