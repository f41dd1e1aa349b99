"""One SQLite file, opened safely: private, durable, of a schema that this version knows.

        with database.transaction() as sql:
            sql.execute("…", (…))

A transaction takes the write lock when it begins, so that what it reads is still so when it writes;
it is on disk when the block ends, and never happened if the block raises or the process dies.
Other processes use the same file at the same time, and wait for one another.
"""

import fcntl
import os
import sqlite3
import stat
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ringfence.errors import StateError
from ringfence.store.state.schema import MIGRATIONS, Migration

WAIT = 10.0
"""Seconds to wait for another process's transaction; none of ours waits for anything outside."""

_RESTORE = "restore it from a copy"
_SAID = {
    sqlite3.SQLITE_NOTADB: ("is not a state database, or damaged", _RESTORE),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _RESTORE),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "make room; nothing was changed"),
    sqlite3.SQLITE_BUSY: ("is in use by another process", "try again; nothing was changed"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "run as the user that owns it"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the folder and its owner"),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk fails or is full",
        "mend the disk; nothing was changed",
    ),
}


class Database:
    """An open state database. May be used by several threads; their transactions take turns."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._one_at_a_time = threading.RLock()

    @classmethod
    def open(cls, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> "Database":
        """Open the file, or make it (0600), and bring its schema up to date.

        Raises `StateError` for a file that is damaged, no state database, of a newer schema,
        or that cannot be opened.
        """
        with _opening(path):
            with _problems(path):
                connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
            database = cls(path, connection)
            try:
                database._prepare(migrations)
            except BaseException:
                connection.close()
                raise
        return database

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block, or nothing of it. Raises `StateError` where the database cannot do it."""
        with self._one_at_a_time, _problems(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the database for the whole block, without keeping writers out."""
        with self._one_at_a_time, _problems(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Give the file back, once no other thread is in the middle of something. What was committed stays."""
        with self._one_at_a_time:
            self._connection.close()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _prepare(self, migrations: Sequence[Migration]) -> None:
        with _problems(self.path):
            sql = self._connection
            sql.execute("PRAGMA trusted_schema = OFF")
            sql.execute("PRAGMA foreign_keys = ON")
            self._refuse_others(migrations)
            sql.execute("PRAGMA journal_mode = WAL")
            sql.execute("PRAGMA synchronous = FULL")
            if (found := sql.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
                raise StateError(f"{self.path} is damaged: {found[0]}", _RESTORE)
        with self.transaction() as sql:
            version = self._refuse_others(migrations)
            for statements in migrations[version:]:
                for statement in statements:
                    sql.execute(statement)
            sql.execute(f"PRAGMA application_id = {_application(migrations)}")
            sql.execute(f"PRAGMA user_version = {len(migrations)}")

    def _refuse_others(self, migrations: Sequence[Migration]) -> int:
        """The file's version; an error where it holds other tables than these or is newer."""
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if application != _application(migrations) and (application or version or tables):
            raise StateError(f"{self.path} is another program's database, or for another purpose", "name another file")
        if version > len(migrations):
            known = f"schema version {version}, this ringfence knows {len(migrations)}"
            raise StateError(f"{self.path}: {known}", "upgrade ringfence")
        return int(version)


def _application(migrations: Sequence[Migration]) -> int:
    """SQLite's application id of a file that began with the first of these migrations, spaces aside: never 0."""
    first = " ".join(" ".join(migrations[0]).split())
    return zlib.crc32(first.encode()) & 0x7FFFFFFF | 1


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """One process at a time makes, migrates or checks the file, which is nobody's but its owner's to read.

    The change to write-ahead logging does not wait for others by itself, hence the lock. The
    database file is never opened here: closing it would drop the locks that SQLite holds on it for
    another connection of this process (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", "check the folder and its owner") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _private(path)
        yield
    finally:
        os.close(lock)


def _private(path: Path) -> None:
    try:
        if not os.path.lexists(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        elif not stat.S_ISREG(path.lstat().st_mode):
            raise StateError(f"{path} is not a file", "name a file of its own")
        path.chmod(0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", "check the folder and its owner") from None


@contextmanager
def _problems(path: Path) -> Iterator[None]:
    """What SQLite refuses, said as ours. A broken rule of a table is a fault of this program and stays what it is."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        said, remedy = _SAID.get(code, (f"cannot be used: {error}", ""))
        raise StateError(f"{path} {said}", remedy) from None
    except (OverflowError, UnicodeEncodeError) as error:
        raise StateError(f"{path} cannot hold such a value: {error}", "nothing was changed") from None
