"""InfiniBand partition keys: which compartment has which of the 15-bit numbers.

        (free) ──allocate──▶ held ──free──▶ freed ──release──▶ (free)
                              └──quarantine──┴──▶ quarantined ──release──▶ (free)

A freed key still stands in port tables until they are read back without it; one whose tables cannot
be read is quarantined. Neither is given to anybody else before `release` says that no table has it:
a reused key would join two tenants.
"""

import sqlite3
from collections.abc import Collection, Sequence
from itertools import islice

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database

SPACE = range(1, 0x7FFF)
"""The keys there are: 15 bits, without 0 (invalid) and 0x7FFF (the default partition)."""


class Allocation(msgspec.Struct, frozen=True):
    """One key that is not free. `state` is held, freed or quarantined, `since` when it became so."""

    key: int
    compartment: str
    state: str
    since: float


def allocate(
    database: Database, compartments: Sequence[str], now: float, taken: Collection[int] = (), space: range = SPACE
) -> dict[str, int]:
    """A key for each compartment: the one it has, also if just freed; else the lowest that is free.

    `taken` are keys that others use (UFM's own partitions). Raises `StateError`, and gives none,
    where `space` is used up or others now use a key that one of these compartments has.
    """
    with database.transaction() as sql:
        known = _all(sql)
        used = {*taken, *(one.key for one in known)}
        have = {one.compartment: one.key for one in known if one.state != "quarantined"}
        freed = {one.key for one in known if one.state == "freed"}
        new = [one for one in dict.fromkeys(compartments) if one not in have]
        lowest = list(islice((key for key in space if key not in used), len(new)))
        if len(lowest) < len(new):
            waiting = sum(one.state != "held" for one in known)
            raise StateError(
                f"{len(new)} partition keys are wanted, {len(lowest)} are free, {waiting} wait for their read-back",
                "end compartments, or release keys that no port table holds",
            )
        for one in compartments:
            if have.get(one) in taken:
                raise StateError(
                    f"partition key {have[one]:#06x} of {one} is used by others too", "quarantine that key"
                )
        have.update(zip(new, lowest, strict=True))
        sql.executemany("INSERT INTO partition_keys VALUES (?, ?, 'held', ?)", [(have[one], one, now) for one in new])
        sql.executemany(
            "UPDATE partition_keys SET state = 'held', since = ? WHERE key = ?",
            [(now, key) for key in {have[one] for one in compartments} & freed],
        )
    return {compartment: have[compartment] for compartment in compartments}


def free(database: Database, compartments: Sequence[str], now: float) -> list[int]:
    """The compartments have ended: their keys are freed, but not yet free. Those freed before keep their time."""
    with database.transaction() as sql:
        held = {one.compartment: one.key for one in _all(sql) if one.state == "held"}
        ended = [held[one] for one in dict.fromkeys(compartments) if one in held]
        sql.executemany(
            "UPDATE partition_keys SET state = 'freed', since = ? WHERE key = ?", [(now, key) for key in ended]
        )
    return ended


def quarantine(database: Database, key: int, now: float) -> bool:
    """Keep a key from everybody, its compartment included, until it is released. False if it was free."""
    with database.transaction() as sql:
        done = sql.execute(
            "UPDATE partition_keys SET state = 'quarantined', since = ? WHERE key = ? AND state <> 'quarantined'",
            (now, key),
        )
        known = sql.execute("SELECT 1 FROM partition_keys WHERE key = ?", (key,)).fetchone()
    return done.rowcount == 1 or known is not None


def release(database: Database, keys: Collection[int], read_at: float) -> list[int]:
    """Tables read at `read_at` did not hold these keys: those freed or quarantined before then are free.

    Keys that are held, or were freed or quarantined since, stay. Gives those released.
    """
    with database.transaction() as sql:
        return [
            key
            for key in sorted(keys)
            if sql.execute(
                "DELETE FROM partition_keys WHERE key = ? AND state <> 'held' AND since < ?", (key, read_at)
            ).rowcount
        ]


def allocations(database: Database) -> list[Allocation]:
    """Every key that is not free, lowest first."""
    with database.reading() as sql:
        return _all(sql)


def _all(sql: sqlite3.Connection) -> list[Allocation]:
    rows = sql.execute("SELECT key, compartment, state, since FROM partition_keys ORDER BY key")
    return [Allocation(*row) for row in rows]
