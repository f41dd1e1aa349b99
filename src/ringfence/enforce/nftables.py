"""nftables of one host: our own table, changed by as little as will do, in one transaction.

        what is there ─┐
                       ├─▶ equal: nothing · only elements differ: add, delete · rules differ: rules and sets anew
        what is wanted ┘        └ quotas keep counting, who is blocked stays blocked

A transaction takes effect as a whole or not at all (nft(8), "-f"), so a process killed in the middle leaves the old
table or the new one. Nothing but `table inet ringfence` is ever touched.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from ringfence.collect.nft import Entered, Nft
from ringfence.enforce.budget import Ledger
from ringfence.enforce.nft_delta import changes, raised
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.nft import text as nft_text
from ringfence.wire.nft.values import Ruleset, Table

_BASE = re.compile(r"\s*type filter hook [a-z]{1,9} priority filter - 5; policy drop;\s*\Z")
_QUOTA = re.compile(r"(\tquota (\S{1,80}) \{\n)\t+over [^\n]{1,80}\n")


class Nftables:
    """One host's table. `ledger` remembers what was spent; `now` is seconds since the epoch."""

    target = "nftables"

    def __init__(
        self,
        where: str,
        entered: Entered = nullcontext,
        ledger: Ledger | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.where = where
        self._nft, self._ledger, self._now = Nft(entered), ledger or Ledger(), now

    def read(self) -> str:
        """Our table as nft lists it; a quota says `over` its share, `used` what was spent in the last hour."""
        listed = self._nft.ours()
        return self._shown(listed) if listed else ""

    def ruleset(self) -> str:
        """Every table on the host, as text: what a packet really has to pass."""
        return self._nft.ruleset()

    def apply(self, artefact: Artefact) -> None:
        """Make our table what the artefact says."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """Make our table what a text says; "" takes it away. What was spent, and who is blocked, stays."""
        wanted = _wanted(before) if before else None
        now, reset = self._counted()
        self._ledger.share({name: quota.limit for name, quota in wanted.quotas.items()} if wanted else {})
        self._change(changes(now, wanted, before, self._ledger.spent, reset | self._spent_up(now)))

    def refill(self) -> None:
        """Date what was counted, and give back what was spent an hour ago. To be called every few minutes."""
        now, reset = self._counted()
        anew = reset | self._spent_up(now)
        if now and anew:
            self._change(changes(now, now, self.read(), self._ledger.spent, anew))
        elif now:
            self._change(list(raised(now, self._ledger.spent)))

    def _change(self, commands: Sequence[str]) -> None:
        self._ledger.save()
        if commands:
            self._nft.run("\n".join(commands))

    def _counted(self) -> tuple[Table | None, frozenset[str]]:
        listed = self._nft.ours()
        now = _table(listed) if listed else None
        used = {name: quota.used for name, quota in now.quotas.items()} if now else {}
        return now, self._ledger.count(used, self._now())

    def _spent_up(self, now: Table | None) -> frozenset[str]:
        """Quotas that let nothing through and shall: the kernel counts what it refuses too, so they begin anew.

        As long as one refuses everything nothing is spent, so no byte is missed between the look and the change.
        """
        spent, quotas = self._ledger.spent, now.quotas if now else {}
        full = (name for name, quota in quotas.items() if quota.used >= quota.limit)
        return frozenset(name for name in full if name in spent and spent[name].limit > quotas[name].limit)

    def _shown(self, listed: str) -> str:
        def share(found: re.Match[str]) -> str:
            spent = self._ledger.spent.get(found[2])
            return f"{found[1]}\t\tover {spent.share} bytes used {spent.recent} bytes\n" if spent else found[0]

        return _QUOTA.sub(share, listed)


def _wanted(text: str) -> Table:
    """The table that a text is, if it is that alone: it goes to nft as it stands, so nothing else may hide in it."""
    found = Ruleset() if _hides(text) else _read(text)
    table = found.ours
    if table is None or found.foreign or table.others:
        raise EnforceError("this is not one table of ours and nothing else", "nothing was changed")
    strange = [rule.unknown for chain in table.chains.values() for rule in chain.rules if rule.unknown]
    if strange:
        raise EnforceError(f"the table has a rule that is not ours: {strange[0]}", "nothing was changed")
    return table


def _hides(text: str) -> bool:
    """Whether a line holds more than one statement."""
    return any(";" in line and not _BASE.match(line) for line in text.splitlines())


def _table(text: str) -> Table | None:
    return _read(text).ours


def _read(text: str) -> Ruleset:
    try:
        return nft_text.read(text.encode())
    except InputError as error:
        raise EnforceError(f"line {error.line} of the table: {error.what}", "nothing was changed") from None
