"""What containment is to do, is doing and has done: one row per cut and incident, and what was there before.

        held ──▶ planned ──▶ doing ──▶ done ──▶ undoing ──▶ undone
          │         │          ├──▶ failed ──▲ │   ▲
          └─────────┴─ undone  ▼       └───────┘   │
                             lapsed  (by itself, as read back)

A *lane* is (target, place): all that one driver holds at one place, put in force as one document. The id of a row says
"this cut, because of this incident", so that whatever is asked twice is one row, counted once. What is needed to go on
after a kill is here before a lane is touched; what was there before our first touch is in `places`.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database

HELD, PLANNED, DOING, DONE, FAILED, UNDOING, UNDONE, LAPSED = (
    "held", "planned", "doing", "done", "failed", "undoing", "undone", "lapsed",
)  # fmt: skip
STATES = (HELD, PLANNED, DOING, DONE, FAILED, UNDOING, UNDONE, LAPSED)

Lane = tuple[str, str]
"""(target, place)."""

MEASURED = 1000
"""Last actions of a target from which its seconds are told; fewer than `ENOUGH` tell nothing."""

ENOUGH = 20


class Action(msgspec.Struct, frozen=True):
    """One row. Times in seconds since the epoch, `took` in seconds; `body` is JSON that only the writer reads.

    `until`: when it is to lapse, 0 for never; `lasts`: seconds that each renewal adds, 0 where it does not lapse.
    `stands`: the `until` that was read back. `rank`: its place in the order. `final`: not tried (again). `attempts`
    only grows, whatever begins anew: it tells lines of evidence about one action apart. `told`: an
    evidence line says its state. `read_back`: SHA-256 of what was read when its state was found.
    """

    id: str
    incident: str
    verb: str
    target: str
    place: str
    subject: str
    rank: int = 0
    state: str = PLANNED
    lasts: int = 0
    until: int = 0
    stands: int = 0
    tries: int = 0
    attempts: int = 0
    final: bool = False
    told: bool = False
    why: str = ""
    planned_at: float = 0.0
    changed_at: float = 0.0
    done_at: float | None = None
    took: float | None = None
    read_back: str = ""
    body: bytes = b"{}"

    @property
    def lane(self) -> Lane:
        """Where it is done, and by which driver."""
        return (self.target, self.place)


class Mark(msgspec.Struct, frozen=True):
    """What became of one row, if it is still in one of the states `was` (somebody may have taken it back meanwhile).

    `stands`, `took` and `told` as in `Action`.
    """

    id: str
    state: str
    was: tuple[str, ...]
    why: str = ""
    stands: int = 0
    took: float | None = None
    read_back: str = ""
    told: bool = False


class Waiting(msgspec.Struct, frozen=True):
    """A lane with something to do. Ranks are None where there is none such.

    `first`: lowest rank that was not tried yet; `doing`: lowest that is being tried; `undo`: highest that is to be
    taken back and was not tried; `fresh`: whether anything in it was never tried.
    """

    target: str
    place: str
    first: int | None = None
    doing: int | None = None
    undo: int | None = None
    fresh: bool = False

    @property
    def lane(self) -> Lane:
        """(target, place)."""
        return (self.target, self.place)


_FIELDS = Action.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_INSERT = f"INSERT INTO actions ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608  # our own names
_SELECT = f"SELECT {_COLUMNS} FROM actions"  # noqa: S608  # our own names
_OPEN = "state NOT IN ('held', 'undone', 'lapsed')"
_BEGIN = f"""
    UPDATE actions SET state = 'doing', tries = tries + 1, attempts = attempts + 1, changed_at = ?
    WHERE target = ? AND place = ? AND {_OPEN} AND ((state = 'planned' AND ?) OR (state = 'failed' AND final = 0))
"""  # noqa: S608  # our own names
_MARK = """
    UPDATE actions SET state = ?1, why = ?2, stands = ?3, read_back = ?4, told = ?5, changed_at = ?6,
    done_at = CASE WHEN ?1 = 'done' AND done_at IS NULL THEN ?6 ELSE done_at END, took = coalesce(took, ?7)
    WHERE id = ?8 AND instr(',' || ?9 || ',', ',' || state || ',')
"""
_WAITING = f"""
    SELECT target, place,
        min(CASE WHEN state = 'planned' AND ?1 THEN rank END),
        min(CASE WHEN state = 'doing' THEN rank END),
        max(CASE WHEN state = 'undoing' AND tries = 0 THEN rank END),
        max((state = 'planned' AND ?1) OR (state = 'undoing' AND tries = 0))
    FROM actions WHERE {_OPEN} AND (
        (state = 'planned' AND ?1) OR state IN ('doing', 'undoing') OR (state = 'failed' AND final = 0)
        OR (state = 'done' AND until <> stands) OR (until > 0 AND until <= ?2)
    ) GROUP BY target, place
"""  # noqa: S608  # our own names


def submit(database: Database, wanted: Sequence[Action], now: float, again: bool = False) -> list[Action]:
    """Keep these, all or none; each as it then stands. What is there already stays as it is, but:

    what a person had to release is released where it comes as `planned`; what had lapsed begins anew; with `again`
    so does what was taken back.
    """
    with database.transaction() as sql:
        return [_submitted(sql, one, now, again) for one in wanted]


def release(database: Database, ids: Iterable[str], now: float) -> int:
    """Let held ones be done; how many there were. What lapses does so as long after this as it was to."""
    with database.transaction() as sql:
        return sum(_released(sql, one, now) for one in ids)


def refuse(database: Database, ids: Iterable[str], why: str, now: float) -> int:
    """End held ones: nothing was done, nothing will be; how many there were."""
    with database.transaction() as sql:
        return sum(_moved(sql, one, UNDONE, why, now, "state = 'held'") for one in ids)


def take_back(database: Database, ids: Iterable[str], why: str, now: float) -> int:
    """Let these be undone; how many that concerned. What was not begun is undone with that."""
    with database.transaction() as sql:
        return sum(
            _moved(sql, one, UNDONE, why, now, "state IN ('held', 'planned') OR (state = 'failed' AND tries = 0)")
            or _moved(sql, one, UNDOING, why, now, "state IN ('doing', 'done', 'failed')")
            for one in ids
        )


def renew(database: Database, incidents: Iterable[str], lasts: int, now: float) -> int:
    """Let what lapses and belongs to these last for `lasts` seconds from now on; how many that were.

    What has lapsed although its incident is open begins anew.
    """
    with database.transaction() as sql:
        count = 0
        for one in incidents:
            sql.execute(
                "UPDATE actions SET state = 'planned', tries = 0, attempts = attempts + 1, stands = 0, told = 0,"
                " changed_at = ? WHERE incident = ? AND lasts > 0 AND state = 'lapsed'",
                (now, one),
            )
            count += sql.execute(
                "UPDATE actions SET until = ?1, lasts = ?2 WHERE incident = ?3 AND lasts > 0"
                " AND state IN ('held', 'planned', 'doing', 'done', 'failed')",
                (int(now) + lasts, lasts, one),
            ).rowcount
    return count


def waiting(database: Database, now: float, begin: bool = True) -> list[Waiting]:
    """Lanes with something to do by `now`. With `begin` False, what was not begun waits."""
    with database.reading() as sql:
        rows = sql.execute(_WAITING, (begin, now)).fetchall()
    return [
        Waiting(target, place, first, doing, undo, bool(fresh)) for target, place, first, doing, undo, fresh in rows
    ]


def claim(database: Database, lanes: Sequence[Lane], now: float, begin: bool = True) -> list[list[Action]]:
    """What is to be done in each lane is `doing` from now on; all that is open in each, by id."""
    with database.transaction() as sql:
        for target, place in lanes:
            sql.execute(_BEGIN, (now, target, place, begin))
            sql.execute(
                "UPDATE actions SET tries = tries + 1 WHERE target = ? AND place = ? AND state = 'undoing'",
                (target, place),
            )
        return [_open(sql, lane) for lane in lanes]


def opened(database: Database, lane: Lane) -> list[Action]:
    """All that is open in a lane, by id."""
    with database.reading() as sql:
        return _open(sql, lane)


def mark(database: Database, marks: Iterable[Mark], now: float) -> int:
    """Note what became of these; of how many it is so."""
    with database.transaction() as sql:
        return sum(
            sql.execute(
                _MARK,
                (one.state, one.why, one.stands, one.read_back, one.told, now, one.took, one.id, ",".join(one.was)),
            ).rowcount
            for one in marks
        )


def counted(database: Database) -> dict[str, int]:
    """State → how many, of the states that occur."""
    with database.reading() as sql:
        return dict(sql.execute("SELECT state, count(*) FROM actions GROUP BY state ORDER BY state").fetchall())


def listed(database: Database, incident: str = "", states: Sequence[str] = STATES) -> list[Action]:
    """Rows in the order of doing: of one incident, or of all; of all states, or of some."""
    with database.reading() as sql:
        where = f" WHERE state IN ({', '.join('?' * len(states))})" + (" AND incident = ?" if incident else "")
        values = (*states, incident) if incident else tuple(states)
        return _actions(sql.execute(f"{_SELECT}{where} ORDER BY rank, planned_at, place, id", values))


def untold(database: Database, limit: int = 1000) -> list[Action]:
    """Rows whose state no evidence line says yet, oldest first; what was not begun needs none."""
    with database.reading() as sql:
        where = " WHERE told = 0 AND state NOT IN ('held', 'planned', 'doing', 'undoing')"
        return _actions(sql.execute(f"{_SELECT}{where} ORDER BY changed_at LIMIT ?", (limit,)))


def tell(database: Database, ids: Mapping[str, str]) -> None:
    """Evidence lines were written for these: id → the state that they say."""
    with database.transaction() as sql:
        sql.executemany("UPDATE actions SET told = 1 WHERE id = ? AND state = ?", list(ids.items()))


def before(database: Database, lane: Lane) -> bytes | None:
    """What was in a lane before our first action; None where nothing of ours was begun there."""
    with database.reading() as sql:
        row = sql.execute("SELECT before FROM places WHERE target = ? AND place = ?", lane).fetchone()
    return row[0] if row else None


def keep_before(database: Database, places: Iterable[tuple[Lane, bytes]], now: float) -> None:
    """Keep what is in these lanes before they are touched. What was kept before stays: a lane may be half ours."""
    with database.transaction() as sql:
        sql.executemany(
            "INSERT INTO places VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(*lane, found, now) for lane, found in places],
        )


def forget_before(database: Database, lanes: Iterable[Lane]) -> list[Lane]:
    """Of these lanes, those in which nothing of ours is any more: what was there before is forgotten."""
    with database.transaction() as sql:
        gone = [lane for lane in lanes if not any(one.state != PLANNED for one in _open(sql, lane))]
        sql.executemany("DELETE FROM places WHERE target = ? AND place = ?", gone)
    return gone


def measured(database: Database) -> dict[str, float]:
    """Target → seconds from being asked for to being read back, which 99 of 100 of the last actions stayed below."""
    with database.reading() as sql:
        found: dict[str, float] = {}
        for (target,) in sql.execute("SELECT DISTINCT target FROM actions WHERE took IS NOT NULL").fetchall():
            rows = sql.execute(
                "SELECT took FROM actions WHERE target = ? AND took IS NOT NULL ORDER BY done_at DESC LIMIT ?",
                (target, MEASURED),
            ).fetchall()
            if len(rows) >= ENOUGH:
                found[target] = sorted(took for (took,) in rows)[-(len(rows) // 100) - 1]
    return found


def forget(database: Database, before: float) -> int:
    """Drop what ended before this time, and an evidence line says so; how many that were."""
    with database.transaction() as sql:
        ended = "state IN ('undone', 'lapsed') AND told = 1 AND changed_at < ?"
        return sql.execute(f"DELETE FROM actions WHERE {ended}", (before,)).rowcount  # noqa: S608  # our own names


def _submitted(sql: sqlite3.Connection, one: Action, now: float, again: bool) -> Action:
    if one.state not in (HELD, PLANNED, FAILED):
        raise StateError(f"an action begins as {HELD}, {PLANNED} or {FAILED}, not {one.state}")
    known = _actions(sql.execute(f"{_SELECT} WHERE id = ?", (one.id,)))
    anew = msgspec.structs.replace(one, planned_at=now, changed_at=now)
    if not known:
        sql.execute(_INSERT, msgspec.structs.astuple(anew))
        return anew
    there = known[0]
    if there.state == HELD and one.state == PLANNED:
        _released(sql, one.id, now)
        return msgspec.structs.replace(there, state=PLANNED, until=one.until, changed_at=now)
    if there.state == LAPSED or (again and there.state in (UNDONE, UNDOING)):
        anew = msgspec.structs.replace(anew, attempts=there.attempts + 1)
        sql.execute("DELETE FROM actions WHERE id = ?", (one.id,))
        sql.execute(_INSERT, msgspec.structs.astuple(anew))
        return anew
    return there


def _released(sql: sqlite3.Connection, id: str, now: float) -> int:
    return sql.execute(
        "UPDATE actions SET state = 'planned', changed_at = ?1, planned_at = ?1,"
        " until = CASE WHEN lasts > 0 THEN CAST(?1 AS INTEGER) + lasts ELSE 0 END WHERE id = ?2 AND state = 'held'",
        (now, id),
    ).rowcount


def _moved(sql: sqlite3.Connection, id: str, state: str, why: str, now: float, where: str) -> int:
    return sql.execute(
        "UPDATE actions SET state = ?, why = ?, told = 0, tries = 0, attempts = attempts + 1, changed_at = ?"  # noqa: S608
        f" WHERE id = ? AND ({where})",
        (state, why, now, id),
    ).rowcount


def _open(sql: sqlite3.Connection, lane: Lane) -> list[Action]:
    return _actions(sql.execute(f"{_SELECT} WHERE target = ? AND place = ? AND {_OPEN} ORDER BY id", lane))


def _actions(rows: Iterable[tuple[Any, ...]]) -> list[Action]:
    found = (Action(*list(row)) for row in rows)  # SQLite has no truth values
    return [msgspec.structs.replace(one, final=bool(one.final), told=bool(one.told)) for one in found]
