"""Who may speak to the server, by which key. A key belongs to one holder for good, even when revoked."""

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database

ROLES = ("agent", "enforcer", "operator", "relay")

_BY_KEY = "SELECT holder, role, public_key, enrolled_at, revoked_at FROM enrolments WHERE public_key = ?"
_LIVE = """
    SELECT holder, role, public_key, enrolled_at, revoked_at FROM enrolments
    WHERE holder = ? AND role = ? AND revoked_at IS NULL
"""
_ALL = """
    SELECT holder, role, public_key, enrolled_at, revoked_at FROM enrolments ORDER BY enrolled_at, holder, role
"""


class Enrolment(msgspec.Struct, frozen=True):
    """One key. `holder` is an entity (`host:gpu0001`, `identity:alice`), `public_key` 32 bytes of Ed25519."""

    holder: str
    role: str
    public_key: bytes
    enrolled_at: float
    revoked_at: float | None = None


def enrol(database: Database, holder: str, role: str, public_key: bytes, now: float) -> Enrolment:
    """Take the key as the holder's in this role; once more with the same key changes nothing.

    Raises `StateError` for a key that is or was anybody's, a role that has a live key already
    (revoke it first), an unknown role and a key of another length.
    """
    if role not in ROLES:
        raise StateError(f"{role!r} is not a role", f"a role is one of {', '.join(ROLES)}")
    if len(public_key) != 32:
        raise StateError(f"a public key of {len(public_key)} bytes; Ed25519 has 32")
    with database.transaction() as sql:
        row = sql.execute(_BY_KEY, (public_key,)).fetchone()
        if row:
            return _same(Enrolment(*row), holder, role)
        if sql.execute(_LIVE, (holder, role)).fetchone():
            raise StateError(f"{holder} is enrolled as {role} with another key", "revoke that key first")
        sql.execute(
            "INSERT INTO enrolments (holder, role, public_key, enrolled_at) VALUES (?, ?, ?, ?)",
            (holder, role, public_key, now),
        )
    return Enrolment(holder, role, public_key, now)


def revoke(database: Database, public_key: bytes, now: float) -> bool:
    """End a key for good. False if it was not live; the time of a first revocation stays."""
    with database.transaction() as sql:
        done = sql.execute(
            "UPDATE enrolments SET revoked_at = ? WHERE public_key = ? AND revoked_at IS NULL", (now, public_key)
        )
        return done.rowcount == 1


def by_key(database: Database, public_key: bytes) -> Enrolment | None:
    """Whose live key this is; nobody's once it is revoked."""
    with database.reading() as sql:
        row = sql.execute(_BY_KEY, (public_key,)).fetchone()
    found = Enrolment(*row) if row else None
    return found if found and found.revoked_at is None else None


def live(database: Database, holder: str, role: str) -> Enrolment | None:
    """The holder's live key in this role."""
    with database.reading() as sql:
        row = sql.execute(_LIVE, (holder, role)).fetchone()
    return Enrolment(*row) if row else None


def everyone(database: Database) -> list[Enrolment]:
    """Every key ever enrolled, oldest first."""
    with database.reading() as sql:
        return [Enrolment(*row) for row in sql.execute(_ALL)]


def _same(known: Enrolment, holder: str, role: str) -> Enrolment:
    if known.revoked_at is not None:
        raise StateError(f"this key of {known.holder} was revoked", "make a new key")
    if (known.holder, known.role) != (holder, role):
        raise StateError(f"this key is that of {known.holder} as {known.role}", "make a key of its own")
    return known
