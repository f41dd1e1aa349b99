"""Receipts: what stood on each target before a plan changed it, kept until it is undone.

        begun ──▶ applied ──▶ undoing ──▶ undone        targets: planned ▶ changing ▶ changed ▶ undone
          ├─────▶ failed ──────▲
          └────────────────────┘

A receipt is on disk with all it needs to undo before the first target is touched. Beginning it once
more after a crash gives back what was kept the first time: by then the targets may hold half of the
new state, and that must never pass for the old one.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database

_NEXT = {
    "begun": ("applied", "failed", "undoing"),
    "applied": ("undoing",),
    "failed": ("undoing",),
    "undoing": ("undone",),
    "undone": (),
}
"""Status of a receipt → those that may follow. Staying is always allowed: a retry is no error."""

STEPS = ("planned", "changing", "changed", "undone")
"""Where a target stands. `changing` is written before the first touch, so nothing touched is forgotten."""


class Target(msgspec.Struct, frozen=True):
    """One thing that the plan changes (`nft:host:gpu0001`, `opensm`), and its state before, as its enforcer had it."""

    target: str
    before: bytes
    status: str = "planned"


class Receipt(msgspec.Struct, frozen=True):
    """One application of one plan. `plan` is the hash of the plan; `targets` stand in the order of the plan."""

    id: str
    plan: bytes
    status: str
    begun_at: float
    changed_at: float
    targets: tuple[Target, ...]


def begin(database: Database, id: str, plan: bytes, targets: Sequence[Target], now: float) -> Receipt:
    """Keep what is there before anything is changed. The same id and plan once more: the first one, unchanged.

    Raises `StateError` for an id that another plan has.
    """
    with database.transaction() as sql:
        known = _read(sql, id)
        if known is not None and known.plan != plan:
            raise StateError(f"the receipt {id} is that of another plan", "apply under a new id")
        if known is not None:
            return known
        sql.execute("INSERT INTO receipts VALUES (?, ?, 'begun', ?, ?)", (id, plan, now, now))
        sql.executemany(
            "INSERT INTO receipt_targets VALUES (?, ?, ?, ?, 'planned')",
            [(id, at, one.target, one.before) for at, one in enumerate(targets)],
        )
    return Receipt(id, plan, "begun", now, now, tuple(Target(one.target, one.before) for one in targets))


def step(database: Database, id: str, target: str, status: str) -> None:
    """Note where a target stands. Raises `StateError` for a target that the receipt does not name."""
    mark(database, id, [target], status)


def mark(database: Database, id: str, targets: Sequence[str], status: str) -> None:
    """The same for several targets, in one flush to disk: all of them, or none."""
    if status not in STEPS:
        raise StateError(f"{status!r} is not a step of a target", f"a step is one of {', '.join(STEPS)}")
    with database.transaction() as sql:
        for target in targets:
            done = sql.execute(
                "UPDATE receipt_targets SET status = ? WHERE receipt = ? AND target = ?", (status, id, target)
            )
            if done.rowcount != 1:
                raise StateError(f"the receipt {id} does not name {target}")


def settle(database: Database, id: str, status: str, now: float) -> Receipt:
    """Move the receipt on. Raises `StateError` where the drawing above has no such arrow."""
    with database.transaction() as sql:
        known = _read(sql, id)
        if known is None:
            raise StateError(f"there is no receipt {id}", "`ringfence fence status` lists them")
        if known.status == status:
            return known
        if status not in _NEXT[known.status]:
            raise StateError(f"the receipt {id} is {known.status}; it cannot become {status}")
        sql.execute("UPDATE receipts SET status = ?, changed_at = ? WHERE id = ?", (status, now, id))
    return msgspec.structs.replace(known, status=status, changed_at=now)


def receipt(database: Database, id: str) -> Receipt | None:
    """The receipt of this id."""
    with database.reading() as sql:
        return _read(sql, id)


def listed(database: Database, statuses: Sequence[str] = tuple(_NEXT)) -> list[Receipt]:
    """The receipts that stand so, oldest first; `("begun", "undoing")` are those somebody was cut off in."""
    with database.reading() as sql:
        rows = sql.execute("SELECT id, status FROM receipts ORDER BY begun_at, id").fetchall()
        return [found for one, status in rows if status in statuses and (found := _read(sql, one))]


def _read(sql: sqlite3.Connection, id: str) -> Receipt | None:
    row = sql.execute("SELECT id, plan, status, begun_at, changed_at FROM receipts WHERE id = ?", (id,)).fetchone()
    if row is None:
        return None
    targets = sql.execute(
        "SELECT target, before, status FROM receipt_targets WHERE receipt = ? ORDER BY position", (id,)
    ).fetchall()
    _, plan, status, begun_at, changed_at = row
    return Receipt(id, plan, status, begun_at, changed_at, tuple(Target(*one) for one in targets))
