"""Enforcers that also end what was open before: new rules bind new connections, so a cut takes a second step.

        rules in force ─▶ what they would not let begin now ─▶ ended

Both are safe to repeat: an apply that was cut off between the two steps ends the rest when it is done again.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Lock

from ringfence.collect.nft import Entered
from ringfence.enforce import files
from ringfence.enforce.budget import Ledger
from ringfence.enforce.conntrack import end_flows
from ringfence.enforce.nftables import Nftables
from ringfence.enforce.ssh import Sshd, end_sessions
from ringfence.wire.host import logins
from ringfence.wire.nft import text

_ONE_AT_A_TIME = Lock()
"""libnftables does not promise that two threads may use it at once, whatever the context (libnftables(3))."""


class EndingFlows(Nftables):
    """nftables of one host. Connections that our table would not let begin any more are forgotten, and closed.

    Judged by our table alone: what the tables of others did to a connection is theirs. In shadow mode nothing is cut.
    """

    def __init__(self, where: str, entered: Entered = nullcontext, ledger: Ledger | None = None) -> None:
        with _ONE_AT_A_TIME:
            super().__init__(where, entered, ledger)
        self._run = within(entered)

    def restore(self, before: str) -> None:
        """As `Nftables.restore`, then end what no longer may be."""
        with _ONE_AT_A_TIME:
            super().restore(before)
        if ours := self.read():
            end_flows(text.read(ours.encode()), self._run)

    def read(self) -> str:
        """Our table."""
        with _ONE_AT_A_TIME:
            return super().read()

    def look(self) -> str:
        """Every table of the host: what a packet really has to pass."""
        with _ONE_AT_A_TIME:
            return self.ruleset()


class EndingSessions(Sshd):
    """sshd of one host. Logins that would be refused now are ended."""

    def __init__(self, where: str, main: Path, drop_in: Path, pid: int) -> None:
        super().__init__(where, main, drop_in, pid)
        self._listener = pid

    def restore(self, before: str) -> None:
        """As `Sshd.restore`, then end who no longer may be there."""
        super().restore(before)
        if before:
            end_sessions(self._listener, logins.read(before.encode()))


def within(entered: Entered) -> Callable[[Sequence[str]], str]:
    """Commands of the host whose network namespace is entered."""

    def run(argv: Sequence[str]) -> str:
        with entered():
            return files.run(argv)

    return run
