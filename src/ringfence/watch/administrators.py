"""Who administers the cluster, as far as logins show it, and where he is at work just now.

        logins that worked, not to one's own job ─▶ account → hosts, hours ─▶ many of both: an administrator
                                                 └▶ host → account, when ─▶ he was here a moment ago

In its first hours it knows nobody yet: then whoever came without a job of his own counts as one, where he is at work.
"""

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.watch.roster import Roster
from ringfence.wire.ocsf import classes

MINUTE = 60_000_000
HOUR = 60 * MINUTE
MANY, HOURS = 6, 3
"""Distinct hosts and hours in which an account has logged in before it is an administrator's."""
LEARNING = 8 * HOUR
AT_WORK = 15 * MINUTE
_MOST = 50_000


class Account(msgspec.Struct):
    """Hosts (at most `MANY`) and hours (at most `HOURS`) of its logins."""

    hosts: list[str] = []
    hours: list[int] = []


class Administrators(msgspec.Struct):
    """Accounts; host → account → when it last logged in; when the first login was seen."""

    accounts: dict[str, Account] = {}
    there: dict[str, dict[str, int]] = {}
    since: int = 0

    def take(self, batch: Batch, roster: Roster) -> None:
        """Learn from the logins of a batch."""
        worked = batch.numbers("status_id", 1)
        for row in batch.rows(classes.AUTHENTICATION).tolist():
            who, host, at = cut(batch.text("user.name", row)), batch.text("device.hostname", row), int(batch.times[row])
            if not who or not host or worked[row] != 1 or batch.text("service.name", row) == "redfish":
                continue
            self.since = self.since or at
            if not any(job.user == who for job in roster.at(host, at)):
                self._came(who, cut(host), at)

    def knows(self, who: str) -> bool:
        """Whether the account is an administrator's."""
        account = self.accounts.get(cut(who))
        return account is not None and len(account.hosts) >= MANY and len(account.hours) >= HOURS

    def at(self, host: str, when: int, who: str = "") -> bool:
        """Whether an administrator (this one, if one is named) logged in there a moment ago."""
        there = self.there.get(cut(host), {})
        return any(
            -MINUTE <= when - at <= AT_WORK and (self.knows(name) or when - self.since < LEARNING)
            for name, at in there.items()
            if not who or name == cut(who)
        )

    def _came(self, who: str, host: str, at: int) -> None:
        account = self.accounts.get(who, Account())
        if len(account.hosts) < MANY and host not in account.hosts:
            account.hosts.append(host)
        if len(account.hours) < HOURS and at // HOUR not in account.hours:
            account.hours.append(at // HOUR)
        put(self.accounts, who, account, _MOST)
        there = self.there.get(host, {})
        put(there, who, at, 16)
        put(self.there, host, there, _MOST)
