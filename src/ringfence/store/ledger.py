"""What the server of the order channel keeps: open tokens, what each host is to have in force, what was sent, answered.

Who is enrolled and how orders are numbered stands in `store.state`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.store.state.database import Database
from ringfence.store.state.schema import Migration

_FIRST: Migration = (
    """
    CREATE TABLE tokens (
        digest  TEXT PRIMARY KEY,
        host    TEXT NOT NULL,
        role    TEXT NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE desired (
        host   TEXT NOT NULL,
        target TEXT NOT NULL,
        job    TEXT NOT NULL,
        action TEXT NOT NULL,
        name   TEXT NOT NULL,
        digest TEXT NOT NULL,
        covers TEXT NOT NULL,
        PRIMARY KEY (host, target, job)
    ) STRICT
    """,
    "CREATE INDEX desired_text ON desired (digest)",
    "CREATE TABLE texts (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT",
    """
    CREATE TABLE orders (
        id       TEXT PRIMARY KEY,
        host     TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        receipt  BLOB
    ) STRICT
    """,
    "CREATE INDEX orders_to ON orders (host, sequence)",
)
_SECOND: Migration = (
    """
    CREATE TABLE told (
        host  TEXT NOT NULL,
        what  TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (host, what)
    ) STRICT
    """,
)
_SWEEP = "DELETE FROM texts WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM desired WHERE digest = ?1)"
KEPT = 200
"""Orders with their receipts that are kept per host; the journal keeps all of them, without their text."""


class Desired(msgspec.Struct, frozen=True):
    """What a slot of a host is to hold. With action `remove`: nothing of ours. `digest` is that of `text`."""

    host: str
    target: str
    job: str
    action: str
    name: str
    digest: str
    text: str
    covers: tuple[str, ...] = ()


class Ledger:
    """The server's file. Every change is on disk when the method returns."""

    def __init__(self, path: Path) -> None:
        self._file = Database.open(path, (_FIRST, _SECOND))

    def offer(self, digest: str, host: str, role: str, expires: int, now: int) -> None:
        """Keep the digest of a new one-time token, in place of the host's earlier one; forget those that are over."""
        with self._file.transaction() as sql:
            sql.execute("DELETE FROM tokens WHERE expires <= ? OR (host = ? AND role = ?)", (now, host, role))
            sql.execute("INSERT INTO tokens VALUES (?, ?, ?, ?)", (digest, host, role, expires))

    def redeem(self, digest: str, now: int) -> tuple[str, str] | None:
        """(host, role) of a token, which is thereby used up; None where it is unknown, used or over."""
        with self._file.transaction() as sql:
            query = "DELETE FROM tokens WHERE digest = ? AND expires > ? RETURNING host, role"
            return next(iter(sql.execute(query, (digest, now)).fetchall()), None)

    def withdraw(self, host: str) -> None:
        """End every open token of a host."""
        with self._file.transaction() as sql:
            sql.execute("DELETE FROM tokens WHERE host = ?", (host,))

    def desire(self, wanted: Sequence[Desired]) -> None:
        """What slots are to hold from now on; a text that many share is kept once, and as long as one wants it."""
        rows = [(*msgspec.structs.astuple(one)[:6], " ".join(one.covers)) for one in wanted]
        keys = [(one.host, one.target, one.job) for one in wanted]
        with self._file.transaction() as sql:
            old = "SELECT digest FROM desired WHERE host = ? AND target = ? AND job = ?"
            before = {row for key in keys for row in sql.execute(old, key)}
            sql.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", {(one.digest, one.text) for one in wanted})
            sql.executemany("INSERT OR REPLACE INTO desired VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            sql.executemany(_SWEEP, before)

    def desired(self, host: str) -> list[Desired]:
        """What a host is to hold, the host's own slots before its jobs'."""
        query = (
            "SELECT host, target, job, action, name, digest, text, covers FROM desired JOIN texts USING (digest)"
            " WHERE host = ? ORDER BY job, target"
        )
        return [Desired(*(*row[:7], tuple(row[7].split()))) for row in self._rows(query, host)]

    def settled(self, host: str, target: str, job: str) -> None:
        """A removal was carried out: nothing is left to want."""
        with self._file.transaction() as sql:
            query = (
                "DELETE FROM desired WHERE host = ? AND target = ? AND job = ? AND action = 'remove' RETURNING digest"
            )
            sql.executemany(_SWEEP, sql.execute(query, (host, target, job)).fetchall())

    def sent(self, orders: Iterable[tuple[str, str, int, bytes]]) -> None:
        """Orders are about to be sent: id, host, sequence, signed."""
        rows = list(orders)
        old = "SELECT id FROM orders WHERE host = ? ORDER BY sequence DESC LIMIT -1 OFFSET ?"
        with self._file.transaction() as sql:
            sql.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, NULL)", rows)
            hosts = [(host, KEPT) for host in {row[1] for row in rows}]
            sql.executemany(f"DELETE FROM orders WHERE id IN ({old})", hosts)  # noqa: S608  # constant text

    def unanswered(self, receipts: Iterable[tuple[str, str]]) -> set[str]:
        """Of (order, host): the orders that were sent to that host and have no receipt yet."""
        query = "SELECT id FROM orders WHERE id = ? AND host = ? AND receipt IS NULL"
        with self._file.reading() as sql:
            return {row[0] for pair in receipts for row in sql.execute(query, pair)}

    def answered(self, receipts: Iterable[tuple[str, bytes]]) -> None:
        """Keep signed receipts, by order."""
        with self._file.transaction() as sql:
            sql.executemany(
                "UPDATE orders SET receipt = ? WHERE id = ?", [(envelope, order) for order, envelope in receipts]
            )

    def count(self, host: str, what: str) -> int:
        """One more of what a host did without an order: `foreign` or `mended`; how many that makes."""
        once = (
            "INSERT INTO told VALUES (?, ?, 1) ON CONFLICT (host, what) DO UPDATE SET count = count + 1 RETURNING count"
        )
        with self._file.transaction() as sql:
            return int(sql.execute(once, (host, what)).fetchall()[0][0])

    def counted(self) -> dict[tuple[str, str], int]:
        """Those counts, by host and what."""
        return {(host, what): count for host, what, count in self._rows("SELECT host, what, count FROM told")}

    def history(self, host: str) -> list[tuple[bytes, bytes | None]]:
        """(signed order, signed receipt or None), the latest first."""
        return self._rows("SELECT envelope, receipt FROM orders WHERE host = ? ORDER BY sequence DESC", host)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._file.reading() as sql:
            return sql.execute(query, values).fetchall()
