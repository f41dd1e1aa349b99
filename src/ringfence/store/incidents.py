"""Incidents in the state database: the last version of each, what people said of them, and how far a log was read.

Putting a version that is there, or an older one, changes nothing: whoever reads a log again puts the same again.
"""

from collections.abc import Iterable, Sequence

import msgspec

from ringfence.errors import StateError, UsageError
from ringfence.store.state.database import Database

VERDICTS = ("confirmed", "benign", "unknown")
_PUT = """
    INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, state = excluded.state, severity = excluded.severity, opened = excluded.opened,
    updated = excluded.updated, body = excluded.body WHERE excluded.version > incidents.version
"""
_ALL = "SELECT id, version, state, severity, opened, updated, body FROM incidents"
_SAID = "SELECT incident, verdict, who, why, given_at FROM incident_verdicts"


class Kept(msgspec.Struct, frozen=True):
    """An incident as it is kept: `body` is its JSON; times in seconds since the epoch."""

    id: str
    version: int
    state: str
    severity: int
    opened: float
    updated: float
    body: bytes


class Said(msgspec.Struct, frozen=True):
    """What somebody said of an incident."""

    incident: str
    verdict: str
    who: str
    why: str
    given_at: float


def put(database: Database, incidents: Iterable[Kept], log: str = "", number: int = 0) -> list[Kept]:
    """Keep these; those that are new or newer than what was kept. With them, how far `log` was read."""
    with database.transaction() as sql:
        new = [one for one in incidents if sql.execute(_PUT, msgspec.structs.astuple(one)).rowcount == 1]
        if log:
            sql.execute(
                "INSERT INTO positions VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number = excluded.number"
                " WHERE excluded.number > positions.number",
                (log, number),
            )
    return new


def position(database: Database, log: str) -> int:
    """How far a log was read; 0 if it never was."""
    with database.reading() as sql:
        row = sql.execute("SELECT number FROM positions WHERE name = ?", (log,)).fetchone()
    return int(row[0]) if row else 0


def listed(database: Database, states: Sequence[str] = ()) -> list[Kept]:
    """Incidents in these states (any, if none is named), the gravest first."""
    with database.reading() as sql:
        found = [Kept(*row) for row in sql.execute(f"{_ALL} ORDER BY severity DESC, opened, id")]
    return [one for one in found if not states or one.state in states]


def ids(database: Database, state: str) -> list[str]:
    """The ids of those in a state: no body is read."""
    with database.reading() as sql:
        return [str(row[0]) for row in sql.execute("SELECT id FROM incidents WHERE state = ? ORDER BY id", (state,))]


def get(database: Database, id: str) -> Kept | None:
    """One incident, by its id or the beginning of it where that is enough. Raises `UsageError` where it is not."""
    with database.reading() as sql:
        rows = sql.execute(f"{_ALL} WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 2", (len(id), id)).fetchall()
    exact = [row for row in rows if row[0] == id]
    if len(rows) > 1 and not exact:
        raise UsageError(f"several incidents begin with {id}", "`ringfence incidents` lists them")
    return Kept(*(exact or rows)[0]) if rows else None


def verdict(database: Database, id: str, verdict: str, who: str, when: float, why: str) -> Said:
    """Keep what somebody says of an incident. Raises `StateError` for an incident that is not there."""
    if verdict not in VERDICTS:
        raise UsageError(f"{verdict!r} is not a verdict", f"a verdict is one of {', '.join(VERDICTS)}")
    with database.transaction() as sql:
        if sql.execute("SELECT 1 FROM incidents WHERE id = ?", (id,)).fetchone() is None:
            raise StateError(f"there is no incident {id}", "`ringfence incidents` lists them")
        sql.execute("INSERT INTO incident_verdicts VALUES (?, ?, ?, ?, ?)", (id, verdict, who, why, when))
    return Said(id, verdict, who, why, when)


def verdicts(database: Database, id: str = "") -> list[Said]:
    """What was said of one incident, or of all, oldest first."""
    with database.reading() as sql:
        rows = sql.execute(f"{_SAID} ORDER BY given_at, rowid")
        return [Said(*row) for row in rows if id in ("", row[0])]


def said_after(database: Database, number: int) -> list[tuple[int, Said]]:
    """What was said after the verdict of this number, each with its own number, in the order of giving."""
    with database.reading() as sql:
        rows = sql.execute(f"{_SAID.replace('SELECT', 'SELECT rowid,')} WHERE rowid > ? ORDER BY rowid", (number,))
        return [(int(row[0]), Said(*row[1:])) for row in rows]


def forget(database: Database, before: float) -> int:
    """Drop what is over and was last changed before this time, with what was said of it; how many."""
    with database.transaction() as sql:
        gone = sql.execute("DELETE FROM incidents WHERE state <> 'open' AND updated < ?", (before,)).rowcount
        sql.execute("DELETE FROM incident_verdicts WHERE incident NOT IN (SELECT id FROM incidents)")
    return gone
