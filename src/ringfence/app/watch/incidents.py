"""What was found, read back: incidents, their verdicts, and how each threat stands."""

import contextlib
import errno
import getpass
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.watch import keeping
from ringfence.app.watch.live import ABOUT, DATABASE, STATUS
from ringfence.errors import StateError, UsageError
from ringfence.store import incidents
from ringfence.store.journal import durable
from ringfence.store.state import Database
from ringfence.watch.habit import BENIGN, CONFIRMED_WORD
from ringfence.watch.incident import CLOSED, DISMISSED, OPEN
from ringfence.watch.values import Incident

_LATELY = 30.0

_UNKEPT = "what was found is not kept for `ringfence incidents`"
_ANOTHER, _ROOM = "name a folder that you may write with --home", "make room, or name another folder with --home"


def listed(home: Path, every: bool = False) -> list[Incident]:
    """The open incidents, or with `every` all of them, the gravest first. Raises `UsageError` where nothing watched."""
    with contextlib.closing(_database(home)) as database:
        return keeping.kept(database, () if every else ("open",))


def one(home: Path, id: str) -> tuple[Incident, list[dict[str, Any]]]:
    """One incident by its id, or enough of it, and what was said of it. Raises `UsageError` where there is none."""
    with contextlib.closing(_database(home)) as database:
        found = incidents.get(database, id)
        if found is None:
            raise UsageError(f"there is no incident {id}", "`ringfence incidents --all` lists them")
        said = [msgspec.to_builtins(each) for each in incidents.verdicts(database, found.id)]
        return msgspec.json.decode(found.body, type=Incident), said


def judge(home: Path, id: str, verdict: str, why: str) -> Incident:
    """Keep a verdict. A watch that runs there learns of it within seconds; without one the incident ends here."""
    found, _ = one(home, id)
    if verdict == BENIGN and not why:
        raise UsageError("what is called benign is looked for less from then on", 'say why: --why "a drill"')
    with contextlib.closing(_database(home)) as database:
        incidents.verdict(database, found.id, verdict, getpass.getuser(), time.time(), why)
        if not _is_watched(home) and found.state == OPEN and verdict in (BENIGN, CONFIRMED_WORD):
            state = DISMISSED if verdict == BENIGN else CLOSED
            said = {**found.why, "verdict": verdict}
            found = msgspec.structs.replace(found, state=state, version=found.version + 1, why=said)
            keeping.keep(database, [found])
    return found


def _is_watched(home: Path) -> bool:
    """Whether a watch told within the last seconds how it stands."""
    told = status(home)
    return bool(told.get("live")) and time.time() - float(told.get("at", 0)) < _LATELY


def keep(home: Path, found: Sequence[Incident], threats: dict[str, str]) -> None:
    """Keep what a reading of files came to, so that it can be asked for later.

    Raises `UsageError` for a folder that cannot be made, `StateError` for a disk that has no room.
    """
    try:
        durable.ensure(home)
        home.chmod(0o700)
    except OSError as error:
        kind = StateError if error.errno in (errno.ENOSPC, errno.EDQUOT) else UsageError
        raise kind(f"{home} cannot be the watch's folder: {error.strerror}; {_UNKEPT}", _ANOTHER) from None
    try:
        with contextlib.closing(Database.open(home / DATABASE)) as database:
            keeping.keep(database, found)
        durable.put(home / ABOUT, STATUS, msgspec.json.encode({"at": time.time(), "threats": threats}))
    except OSError as error:
        raise StateError(f"{home}: {error.strerror}; {_UNKEPT}", _ROOM) from None
    except StateError as error:
        raise StateError(f"{error.what}; {_UNKEPT}", _ROOM if "full" in error.what else error.remedy) from None


def status(home: Path) -> dict[str, Any]:
    """How it stands, as the watch there last told: threats, what was held back, events counted."""
    _database(home).close()
    path = home / ABOUT / STATUS
    return dict(msgspec.json.decode(path.read_bytes())) if path.exists() else {}


def _database(home: Path) -> Database:
    if not (home / DATABASE).exists():
        raise UsageError(f"nothing was watched in {home}", "`ringfence watch FILE…` or `ringfence watch --listen` does")
    return Database.open(home / DATABASE)
