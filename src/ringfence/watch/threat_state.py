"""What is going on, by threat: quiet, signals, or under way."""

from collections.abc import Iterable, Mapping

import msgspec

from ringfence.estate.threats import THREATS
from ringfence.watch.values import Incident, Signal

QUIET, SIGNALS, UNDER_WAY, UNKNOWN = "quiet", "signals", "under way", "unknown"
"""Unknown where the stage that would know is not at hand."""
RECENT = 24 * 3600 * 1_000_000
"""Microseconds for which a signal that led to no incident is still told."""


class Seen(msgspec.Struct):
    """When a signal last named each threat."""

    last: dict[str, int] = {}

    def take(self, signals: Iterable[Signal]) -> None:
        """Learn of signals."""
        for one in signals:
            for threat in one.threats:
                self.last[threat] = max(self.last.get(threat, 0), one.time)


def states(seen: Seen, open_incidents: Iterable[Incident], now: int) -> Mapping[str, str]:
    """The state of every threat that has a name. Quiet says that nothing was noticed, not that nothing happens."""
    under_way = {threat for one in open_incidents for threat in one.threats}
    found = {}
    for threat in THREATS:
        recent = now - seen.last[threat] <= RECENT if threat in seen.last else False
        found[threat] = UNDER_WAY if threat in under_way else SIGNALS if recent else QUIET
    return found
