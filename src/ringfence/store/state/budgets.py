"""Egress budgets: how many bytes of a jewel each holder may send in a window, and how many it has sent.

A budget belongs to the jewel. Its holders lease shares of it, whose sum, with what was sent beyond a
share, never grows past the budget. What is spent is kept per counter: an enforcer names each
incarnation of the counter it reads (an nft quota since its last reload), and a reading only ever
raises it, so that a retry counts once and a reload that begins again at 0 loses nothing.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database


class Lease(msgspec.Struct, frozen=True):
    """One holder's part in one window, in bytes."""

    jewel: str
    window_start: float
    holder: str
    share: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be sent."""
        return max(0, self.share - self.spent)

    @property
    def bound(self) -> int:
        """What of the budget is gone or promised."""
        return max(self.share, self.spent)


def share_out(
    database: Database, jewel: str, window_start: float, budget: int, shares: Mapping[str, int]
) -> list[Lease]:
    """Set the shares of these holders; others keep theirs, since a lease ends only by a share of 0.

    Raises `StateError`, and sets none, where the shares would exceed `budget` bytes. A share may
    always be lowered, also when more than the budget is spent already.
    """
    with database.transaction() as sql:
        before = sum(one.bound for one in _leases(sql, jewel, window_start))
        sql.executemany(
            "INSERT INTO budget_shares VALUES (?, ?, ?, ?)"
            " ON CONFLICT (jewel, window_start, holder) DO UPDATE SET share = excluded.share",
            [(jewel, window_start, holder, share) for holder, share in shares.items()],
        )
        leases = _leases(sql, jewel, window_start)
        after = sum(one.bound for one in leases)
        if after > max(budget, before):
            raise StateError(
                f"shares of {after} bytes of {jewel} exceed its budget of {budget}", "lower shares, or raise the budget"
            )
    return leases


def spend(database: Database, jewel: str, window_start: float, holder: str, counter: str, reading: int) -> Lease:
    """Note that this counter has counted `reading` bytes so far. A lower reading than before changes nothing."""
    with database.transaction() as sql:
        sql.execute(
            "INSERT INTO budget_spent VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (jewel, window_start, holder, counter) DO UPDATE SET bytes = max(bytes, excluded.bytes)",
            (jewel, window_start, holder, counter, reading),
        )
        return next(one for one in _leases(sql, jewel, window_start) if one.holder == holder)


def leases(database: Database, jewel: str, window_start: float) -> list[Lease]:
    """Every holder that has a share or has spent, by name."""
    with database.reading() as sql:
        return _leases(sql, jewel, window_start)


def forget(database: Database, before: float) -> None:
    """Drop the windows that began before this time."""
    with database.transaction() as sql:
        sql.execute("DELETE FROM budget_shares WHERE window_start < ?", (before,))
        sql.execute("DELETE FROM budget_spent WHERE window_start < ?", (before,))


def _leases(sql: sqlite3.Connection, jewel: str, window_start: float) -> list[Lease]:
    rows = sql.execute(
        "SELECT holder, sum(share), sum(spent) FROM ("
        " SELECT holder, share, 0 AS spent FROM budget_shares WHERE jewel = ? AND window_start = ?"
        " UNION ALL SELECT holder, 0, bytes FROM budget_spent WHERE jewel = ? AND window_start = ?"
        ") AS both GROUP BY holder ORDER BY holder",
        (jewel, window_start, jewel, window_start),
    )
    return [Lease(jewel, window_start, *row) for row in rows]
