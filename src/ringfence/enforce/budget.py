"""What was spent of a budget, and the limit that follows from it. Nothing here forgets a byte before its hour is over.

The kernel's `used` only grows, and the limit of a quota may be changed while it counts (the kernel keeps `used`). So a
budget is refilled by raising the limit, never by lowering `used`: no packet falls between a read and a write.

        limit = share + what was spent more than an hour ago         (then any 60 minutes hold at most one share)

The kernel goes on counting what it refuses, unseen: a quota that is spent up is therefore made anew when it is given
something back; while it refuses everything, nothing can be missed.

Bytes are dated by slots of five minutes and leave when the whole slot is an hour old. `spent.json` remembers across
restarts and a flushed table; what passed between the last look and the loss of the table is not in it.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ringfence.enforce import files
from ringfence.errors import EnforceError

SLOT = 300
HOUR = 3600
_MOST = (1 << 63) - 1


class Spent(msgspec.Struct, frozen=True):
    """One quota: bytes an hour, bytes counted ever, and bytes by slot (seconds since the epoch / `SLOT`)."""

    share: int = 0
    used: int = 0
    slots: Mapping[int, int] = {}

    @property
    def recent(self) -> int:
        """Bytes whose hour is not over."""
        return sum(self.slots.values())

    @property
    def limit(self) -> int:
        """The limit that leaves exactly what the share has left."""
        return min(self.share + self.used - self.recent, _MOST)


def counted(spent: Spent, used: int, now: float) -> Spent:
    """The same after the kernel says that `used` bytes were counted. One that counts less was reset by others."""
    fresh = used - spent.used if used >= spent.used else used
    slot = int(now) // SLOT
    slots = {at: count for at, count in spent.slots.items() if int(now) < (at + 1) * SLOT + HOUR}
    if fresh:
        slots[slot] = slots.get(slot, 0) + fresh
    return Spent(spent.share, spent.used + fresh, slots)


class Ledger:
    """Spent bytes by quota, in a file that only root reads; without a file, in memory."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.spent: dict[str, Spent] = _loaded(file)

    def count(self, used: Mapping[str, int], now: float) -> frozenset[str]:
        """Take note of what the kernel counted; returns the quotas that others have reset."""
        reset = frozenset(name for name, count in used.items() if count < self._of(name).used)
        for name in {*self.spent, *used}:
            before = self._of(name)
            self.spent[name] = counted(before, used.get(name, before.used), now)
        return reset

    def share(self, shares: Mapping[str, int]) -> None:
        """Set what each quota may let through in an hour; one that has neither share nor debt is forgotten."""
        for name in {*self.spent, *shares}:
            before = self._of(name)
            self.spent[name] = msgspec.structs.replace(before, share=shares.get(name, 0))
            if name not in shares and not before.recent:
                del self.spent[name]

    def save(self) -> None:
        """Make it durable."""
        if self._file:
            files.replace(self._file, msgspec.json.encode(self.spent).decode())

    def _of(self, name: str) -> Spent:
        return self.spent.get(name, Spent())


def _loaded(file: Path | None) -> dict[str, Spent]:
    text = files.text(file) if file else ""
    try:
        return msgspec.json.decode(text, type=dict[str, Spent]) if text else {}
    except msgspec.MsgspecError as error:
        raise EnforceError(
            f"{file} cannot be read: {error}", "what was spent is not known; remove it after an hour"
        ) from None
