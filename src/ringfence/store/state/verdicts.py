"""The last verdict on each job, for as long as it holds: what a job gate answers while the server is away."""

import msgspec

from ringfence.errors import StateError
from ringfence.store.state.database import Database

VERDICTS = ("allow", "hold", "refuse")


class Verdict(msgspec.Struct, frozen=True):
    """What was decided of a job (`job:slurm/cluster/4711`), why, and until when."""

    job: str
    verdict: str
    reason: str
    expires_at: float


def keep(database: Database, verdict: Verdict) -> None:
    """Remember a verdict; a newer one takes the place of the last. Raises `StateError` for an unknown one."""
    if verdict.verdict not in VERDICTS:
        raise StateError(f"{verdict.verdict!r} is not a verdict", f"a verdict is one of {', '.join(VERDICTS)}")
    with database.transaction() as sql:
        sql.execute(
            "INSERT INTO verdicts VALUES (?, ?, ?, ?) ON CONFLICT (job) DO UPDATE SET"
            " verdict = excluded.verdict, reason = excluded.reason, expires_at = excluded.expires_at",
            msgspec.structs.astuple(verdict),
        )


def last(database: Database, job: str, now: float) -> Verdict | None:
    """The verdict on this job that holds at this time; none once it has expired."""
    with database.reading() as sql:
        row = sql.execute(
            "SELECT job, verdict, reason, expires_at FROM verdicts WHERE job = ? AND expires_at > ?", (job, now)
        ).fetchone()
    return Verdict(*row) if row else None


def forget(database: Database, now: float) -> None:
    """Drop what has expired."""
    with database.transaction() as sql:
        sql.execute("DELETE FROM verdicts WHERE expires_at <= ?", (now,))
