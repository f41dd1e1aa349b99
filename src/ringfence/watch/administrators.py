"""Who administers the cluster, as far as logins show it, and where he is at work just now.

logins that worked ─▶ account → hosts ─▶ on many of them: an administrator
                   └▶ host → account, when ─▶ he was here a moment ago
"""

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.wire.ocsf import classes

MINUTE = 60_000_000
MANY = 12
"""Hosts that an account has logged in to before it is an administrator's."""
AT_WORK = 15 * MINUTE
_MOST = 50_000


class Administrators(msgspec.Struct):
    """Account → hosts (at most `MANY`); host → account → when it last logged in."""

    hosts: dict[str, list[str]] = {}
    there: dict[str, dict[str, int]] = {}

    def take(self, batch: Batch) -> None:
        """Learn from the logins of a batch."""
        worked = batch.numbers("status_id", 1)
        for row in batch.rows(classes.AUTHENTICATION).tolist():
            who, host = cut(batch.text("user.name", row)), cut(batch.text("device.hostname", row))
            if not who or not host or worked[row] != 1 or batch.text("service.name", row) == "redfish":
                continue
            known = self.hosts.get(who, [])
            if len(known) < MANY and host not in known:
                put(self.hosts, who, [*known, host], _MOST)
            if len(known) >= MANY - 1:
                at = self.there.get(host, {})
                put(at, who, int(batch.times[row]), 16)
                put(self.there, host, at, _MOST)

    def knows(self, who: str) -> bool:
        """Whether the account is an administrator's."""
        return len(self.hosts.get(cut(who), ())) >= MANY

    def at(self, host: str, when: int, who: str = "") -> bool:
        """Whether an administrator (this one, if one is named) logged in there a moment ago."""
        there = self.there.get(cut(host), {})
        return any(
            -MINUTE <= when - at <= AT_WORK and self.knows(name)
            for name, at in there.items()
            if not who or name == cut(who)
        )
