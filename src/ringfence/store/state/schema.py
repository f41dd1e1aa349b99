"""The tables of the state database, version by version.

A version that has been released never changes; what comes later is one more entry in `MIGRATIONS`.
Times are seconds since the epoch (REAL), hashes and keys BLOBs. The SQL keeps to what SQLite and
PostgreSQL share (STRICT and the placeholders aside), since a shared database is to come.
"""

Migration = tuple[str, ...]
"""The statements that lead from one version to the next."""

_FIRST: Migration = (
    """
    CREATE TABLE enrolments (
        public_key  BLOB PRIMARY KEY CHECK (length(public_key) = 32),
        holder      TEXT NOT NULL,
        role        TEXT NOT NULL CHECK (role IN ('agent', 'enforcer', 'operator')),
        enrolled_at REAL NOT NULL,
        revoked_at  REAL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX enrolments_live ON enrolments (holder, role) WHERE revoked_at IS NULL",
    """
    CREATE TABLE orders_issued (
        host     TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL CHECK (sequence >= 0)
    ) STRICT
    """,
    """
    CREATE TABLE orders_accepted (
        host        TEXT PRIMARY KEY,
        sequence    INTEGER NOT NULL CHECK (sequence > 0),
        digest      BLOB NOT NULL,
        accepted_at REAL NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE receipts (
        id         TEXT PRIMARY KEY,
        plan       BLOB NOT NULL,
        status     TEXT NOT NULL CHECK (status IN ('begun', 'applied', 'failed', 'undoing', 'undone')),
        begun_at   REAL NOT NULL,
        changed_at REAL NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE receipt_targets (
        receipt  TEXT NOT NULL REFERENCES receipts (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        target   TEXT NOT NULL,
        before   BLOB NOT NULL,
        status   TEXT NOT NULL CHECK (status IN ('planned', 'changing', 'changed', 'undone')),
        PRIMARY KEY (receipt, target)
    ) STRICT
    """,
    """
    CREATE TABLE partition_keys (
        key         INTEGER PRIMARY KEY CHECK (key BETWEEN 1 AND 32766),
        compartment TEXT NOT NULL,
        state       TEXT NOT NULL CHECK (state IN ('held', 'freed', 'quarantined')),
        since       REAL NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX partition_keys_of ON partition_keys (compartment) WHERE state <> 'quarantined'",
    """
    CREATE TABLE budget_shares (
        jewel        TEXT NOT NULL,
        window_start REAL NOT NULL,
        holder       TEXT NOT NULL,
        share        INTEGER NOT NULL CHECK (share >= 0),
        PRIMARY KEY (jewel, window_start, holder)
    ) STRICT
    """,
    """
    CREATE TABLE budget_spent (
        jewel        TEXT NOT NULL,
        window_start REAL NOT NULL,
        holder       TEXT NOT NULL,
        counter      TEXT NOT NULL,
        bytes        INTEGER NOT NULL CHECK (bytes >= 0),
        PRIMARY KEY (jewel, window_start, holder, counter)
    ) STRICT
    """,
    """
    CREATE TABLE verdicts (
        job        TEXT PRIMARY KEY,
        verdict    TEXT NOT NULL CHECK (verdict IN ('allow', 'hold', 'refuse')),
        reason     TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT
    """,
)

_SECOND: Migration = (
    """
    CREATE TABLE incidents (
        id       TEXT PRIMARY KEY,
        version  INTEGER NOT NULL CHECK (version > 0),
        state    TEXT NOT NULL,
        severity INTEGER NOT NULL,
        opened   REAL NOT NULL,
        updated  REAL NOT NULL,
        body     BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX incidents_updated ON incidents (updated)",
    """
    CREATE TABLE incident_verdicts (
        incident TEXT NOT NULL,
        verdict  TEXT NOT NULL CHECK (verdict IN ('confirmed', 'benign', 'unknown')),
        who      TEXT NOT NULL,
        why      TEXT NOT NULL,
        given_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX incident_verdicts_of ON incident_verdicts (incident, given_at)",
    "CREATE TABLE positions (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",
)

_THIRD: Migration = (
    # relays: a CHECK cannot be changed in place
    """
    CREATE TABLE enrolments_with_relays (
        public_key  BLOB PRIMARY KEY CHECK (length(public_key) = 32),
        holder      TEXT NOT NULL,
        role        TEXT NOT NULL CHECK (role IN ('agent', 'enforcer', 'operator', 'relay')),
        enrolled_at REAL NOT NULL,
        revoked_at  REAL
    ) STRICT
    """,
    """
    INSERT INTO enrolments_with_relays
    SELECT public_key, holder, role, enrolled_at, revoked_at FROM enrolments
    """,
    "DROP TABLE enrolments",
    "ALTER TABLE enrolments_with_relays RENAME TO enrolments",
    "CREATE UNIQUE INDEX enrolments_live ON enrolments (holder, role) WHERE revoked_at IS NULL",
)

_FOURTH: Migration = (
    """
    CREATE TABLE actions (
        id         TEXT PRIMARY KEY,
        incident   TEXT NOT NULL,
        verb       TEXT NOT NULL,
        target     TEXT NOT NULL,
        place      TEXT NOT NULL,
        subject    TEXT NOT NULL,
        rank       INTEGER NOT NULL,
        state      TEXT NOT NULL CHECK (
            state IN ('held', 'planned', 'doing', 'done', 'failed', 'undoing', 'undone', 'lapsed')
        ),
        lasts      INTEGER NOT NULL CHECK (lasts >= 0),
        until      INTEGER NOT NULL CHECK (until >= 0),
        stands     INTEGER NOT NULL CHECK (stands >= 0),
        tries      INTEGER NOT NULL CHECK (tries >= 0),
        attempts   INTEGER NOT NULL CHECK (attempts >= 0),
        final      INTEGER NOT NULL CHECK (final IN (0, 1)),
        told       INTEGER NOT NULL CHECK (told IN (0, 1)),
        why        TEXT NOT NULL,
        planned_at REAL NOT NULL,
        changed_at REAL NOT NULL,
        done_at    REAL,
        took       REAL,
        read_back  TEXT NOT NULL,
        body       BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX actions_open ON actions (target, place, state, rank) WHERE state NOT IN ('held', 'undone', 'lapsed')",
    "CREATE INDEX actions_untold ON actions (changed_at) WHERE told = 0",
    "CREATE INDEX actions_of ON actions (incident)",
    "CREATE INDEX actions_state ON actions (state)",
    """
    CREATE TABLE places (
        target  TEXT NOT NULL,
        place   TEXT NOT NULL,
        before  BLOB NOT NULL,
        kept_at REAL NOT NULL,
        PRIMARY KEY (target, place)
    ) STRICT
    """,
)

_FIFTH: Migration = (
    # nothing came to use them: keys, budgets and verdicts are kept where they are enforced
    "DROP TABLE partition_keys",
    "DROP TABLE budget_shares",
    "DROP TABLE budget_spent",
    "DROP TABLE verdicts",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)
"""Entry n leads from version n to version n + 1; version 0 is an empty file."""
