"""What an enforcer must still know after it was killed: its slots, the last sequence, receipts not yet taken.

A slot is recorded as `pending`, together with the order's sequence, *before* the world is changed, and as `in force`
or `failed` together with the receipt after. Whatever cuts the process off in between, the next start finds the
pending slot and finishes it.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from ringfence.store.state.database import Database
from ringfence.store.state.schema import Migration

PENDING, IN_FORCE, FAILED = "pending", "in force", "failed"

_FIRST: Migration = (
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    """
    CREATE TABLE slots (
        target   TEXT NOT NULL,
        job      TEXT NOT NULL,
        action   TEXT NOT NULL,
        name     TEXT NOT NULL,
        desired  TEXT NOT NULL,
        covers   TEXT NOT NULL,
        before   TEXT NOT NULL,
        made_by  TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        state    TEXT NOT NULL CHECK (state IN ('pending', 'in force', 'failed')),
        digest   TEXT NOT NULL,
        since    INTEGER NOT NULL,
        error    TEXT NOT NULL,
        PRIMARY KEY (target, job)
    ) STRICT
    """,
    "CREATE TABLE receipts (made_by TEXT PRIMARY KEY, envelope BLOB NOT NULL, text TEXT NOT NULL) STRICT",
    "CREATE TABLE used_tokens (token TEXT PRIMARY KEY) STRICT",
    "CREATE TABLE refusals (why TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT",
    "CREATE TABLE verdicts (job TEXT PRIMARY KEY, verdict TEXT NOT NULL, given_at INTEGER NOT NULL) STRICT",
)
_SECOND: Migration = (
    """
    CREATE TABLE good (
        target   TEXT NOT NULL,
        job      TEXT NOT NULL,
        action   TEXT NOT NULL,
        name     TEXT NOT NULL,
        desired  TEXT NOT NULL,
        covers   TEXT NOT NULL,
        before   TEXT NOT NULL,
        made_by  TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        state    TEXT NOT NULL CHECK (state = 'in force'),
        digest   TEXT NOT NULL,
        since    INTEGER NOT NULL,
        error    TEXT NOT NULL,
        found    TEXT NOT NULL,
        PRIMARY KEY (target, job)
    ) STRICT
    """,
)
_KEEP = "INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KEEP_GOOD = "INSERT OR REPLACE INTO good VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = "
_VERDICTS = 10_000
"""Jobs whose last verdict is kept."""


class Slot(msgspec.Struct, frozen=True):
    """One slot. `desired` is brought about by `action`; `before` is what was there before its first order.

    `digest` is that of the last read-back, `since` the second of the last change of `state`, `covers` the jobs that
    it lets start, `made_by` the order's id.
    """

    target: str
    job: str
    action: str
    name: str
    desired: str
    covers: tuple[str, ...]
    before: str
    made_by: str
    sequence: int
    state: str
    digest: str
    since: int
    error: str = ""


class Good(msgspec.Struct, frozen=True):
    """A slot as it was last in force, whatever was tried since, and the whole read-back that followed."""

    slot: Slot
    found: str


class Slots:
    """The file of one enforcer. Every change is on disk when the method returns."""

    def __init__(self, path: Path) -> None:
        self._file = Database.open(path, (_FIRST, _SECOND))

    def all(self) -> list[Slot]:
        """Every slot, the oldest order first."""
        rows = self._rows("SELECT * FROM slots ORDER BY sequence")
        return [_slot(row) for row in rows]

    def find(self, target: str, job: str) -> Slot | None:
        """One slot, or None."""
        return next((slot for slot in self.all() if (slot.target, slot.job) == (target, job)), None)

    def good(self, target: str, job: str) -> Good | None:
        """What the slot last had in force, or None; also where a later order failed."""
        rows = self._rows("SELECT * FROM good WHERE target = ? AND job = ?", target, job)
        return Good(_slot(rows[0][:-1]), rows[0][-1]) if rows else None

    def count(self, name: str) -> None:
        """One more under this name."""
        with self._file.transaction() as sql:
            sql.execute(_COUNT + "value + excluded.value", (name, 1))

    def counter(self, name: str) -> int:
        """`sequence` (the highest accepted), `missed`, `mended`, `released` (open until that second); 0 if none."""
        rows = self._rows("SELECT value FROM counters WHERE name = ?", name)
        return int(rows[0][0]) if rows else 0

    def begin(self, sequence: int, slot: Slot | None) -> None:
        """An order was accepted: its sequence is used up, and its slot (if it changes one) is as given."""
        with self._file.transaction() as sql:
            (seen,) = sql.execute("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'sequence'").fetchone()
            sql.execute(_COUNT + "value + excluded.value", ("missed", max(0, sequence - seen - 1)))
            sql.execute(_COUNT + "max(value, excluded.value)", ("sequence", sequence))
            if slot:
                sql.execute(_KEEP, _row(slot))

    def finish(
        self,
        slot: Slot | None,
        gone: tuple[str, str] | None = None,
        order: str = "",
        envelope: bytes = b"",
        text: str = "",
        found: str | None = None,
    ) -> None:
        """What became of it: the slot as it is now, or the key of one that is gone; receipt and read-back to send.

        With `found`, the whole read-back, the slot is what the host falls back to from now on.
        """
        with self._file.transaction() as sql:
            if slot:
                sql.execute(_KEEP, _row(slot))
            if slot and found is not None:
                sql.execute(_KEEP_GOOD, (*_row(slot), found))
            if gone:
                sql.execute("DELETE FROM slots WHERE target = ? AND job = ?", gone)
                sql.execute("DELETE FROM good WHERE target = ? AND job = ?", gone)
            if envelope:
                sql.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)", (order, envelope, text))

    def unsent(self, but: Collection[str] = ()) -> list[tuple[str, bytes, str]]:
        """(order, receipt, read-back) that the server has not taken, without the orders in `but`."""
        orders = [row[0] for row in self._rows("SELECT made_by FROM receipts") if row[0] not in but]
        query = "SELECT made_by, envelope, text FROM receipts WHERE made_by = ?"
        return [row for order in orders for row in self._rows(query, order)]

    def took(self, order: str) -> None:
        """The server has the receipt of this order."""
        with self._file.transaction() as sql:
            sql.execute("DELETE FROM receipts WHERE made_by = ?", (order,))

    def refuse(self, why: str) -> None:
        """Count a refusal under the first words of its reason."""
        with self._file.transaction() as sql:
            once = "INSERT INTO refusals VALUES (?, 1) ON CONFLICT (why) DO UPDATE SET count = count + 1"
            sql.execute(once, (why,))

    def refused(self) -> dict[str, int]:
        """Refusals by reason."""
        return dict(self._rows("SELECT why, count FROM refusals ORDER BY why"))

    def release(self, token: str, until: int) -> None:
        """A release token was used; the host is open until then."""
        with self._file.transaction() as sql:
            sql.execute("INSERT INTO used_tokens VALUES (?)", (token,))
            sql.execute(_COUNT + "excluded.value", ("released", until))

    def used(self, token: str) -> bool:
        """Whether a release token was used before."""
        return bool(self._rows("SELECT 1 FROM used_tokens WHERE token = ?", token))

    def remember(self, job: str, verdict: str, when: int) -> None:
        """Keep the last verdict on a job; the oldest beyond `_VERDICTS` are forgotten."""
        with self._file.transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", (job, verdict, when))
            kept = "SELECT job FROM verdicts ORDER BY given_at DESC LIMIT ?"
            sql.execute(f"DELETE FROM verdicts WHERE job NOT IN ({kept})", (_VERDICTS,))  # noqa: S608  # constant text

    def verdict(self, job: str) -> str:
        """The last verdict on a job; "" if none is known."""
        rows = self._rows("SELECT verdict FROM verdicts WHERE job = ?", job)
        return str(rows[0][0]) if rows else ""

    def forget(self, job: str) -> None:
        """A job has ended: its verdict says nothing about another one."""
        with self._file.transaction() as sql:
            sql.execute("DELETE FROM verdicts WHERE job = ?", (job,))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._file.reading() as sql:
            return sql.execute(query, values).fetchall()


def _slot(row: tuple[Any, ...]) -> Slot:
    return Slot(*(*row[:5], tuple(row[5].split()), *row[6:]))


def _row(slot: Slot) -> tuple[object, ...]:
    values = msgspec.structs.astuple(slot)
    return *values[:5], " ".join(slot.covers), *values[6:]
