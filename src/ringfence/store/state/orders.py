"""Orders are numbered per host. The server gives each number once; the host takes each number once."""

from collections.abc import Sequence
from enum import Enum

from ringfence.errors import StateError
from ringfence.store.state.database import Database


class Taken(Enum):
    """What a host says of an order that was offered to it."""

    NEW = "new"
    """Higher than any before: carry it out."""
    REPEATED = "repeated"
    """The very order taken last, sent once more: its outcome is known or is to be completed."""
    STALE = "stale"
    """Not above the last one, or another order under its number: a replay, refused."""


def next_sequence(database: Database, host: str) -> int:
    """The number of the next order to this host, from 1; never given again, whatever becomes of the order."""
    (sequence,) = next_sequences(database, [host])
    return sequence


def next_sequences(database: Database, hosts: Sequence[str]) -> list[int]:
    """The numbers of the next orders to these hosts, one for each time that a host is named; on disk at once."""
    with database.transaction() as sql:
        return [
            int(row[0])
            for host in hosts
            for row in sql.execute(
                "INSERT INTO orders_issued (host, sequence) VALUES (?, 1)"
                " ON CONFLICT (host) DO UPDATE SET sequence = sequence + 1 RETURNING sequence",
                (host,),
            ).fetchall()
        ]


def advance(database: Database, host: str, seen: int) -> None:
    """Let the next number be above `seen`: what a host reports after the server came back from an old copy."""
    with database.transaction() as sql:
        sql.execute(
            "INSERT INTO orders_issued (host, sequence) VALUES (?, ?)"
            " ON CONFLICT (host) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
            (host, seen),
        )


def accept(database: Database, host: str, sequence: int, digest: bytes, now: float) -> Taken:
    """Take an order whose signature holds, by its number and the hash of its bytes; on disk before it is carried out.

    Raises `StateError` for a number below 1.
    """
    if sequence < 1:
        raise StateError(f"an order to {host} with the number {sequence}; they begin with 1")
    with database.transaction() as sql:
        last = sql.execute("SELECT sequence, digest FROM orders_accepted WHERE host = ?", (host,)).fetchone()
        if last == (sequence, digest):
            return Taken.REPEATED
        if last and sequence <= last[0]:
            return Taken.STALE
        sql.execute(
            "INSERT INTO orders_accepted (host, sequence, digest, accepted_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (host) DO UPDATE SET"
            " sequence = excluded.sequence, digest = excluded.digest, accepted_at = excluded.accepted_at",
            (host, sequence, digest, now),
        )
    return Taken.NEW


def highest(database: Database, host: str) -> int:
    """The number of the last order that this host took; 0 before the first."""
    with database.reading() as sql:
        row = sql.execute("SELECT sequence FROM orders_accepted WHERE host = ?", (host,)).fetchone()
    return int(row[0]) if row else 0
