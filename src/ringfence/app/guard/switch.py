"""The global stop: one small file in the guard's folder that says whether anything new may be cut.

        ringfence stop ──▶ switch/now.json ◀── the guard looks before every cut
        ringfence resume ─▶

No file: nobody has stopped it. A file that cannot be read as what it should be: stopped, since nobody knows. The stop
holds new cuts, queued ones that have not begun among them; what stands goes on standing and is renewed, and undo works.
"""

import os
import time
from pathlib import Path

import msgspec

from ringfence.app import files
from ringfence.errors import StateError
from ringfence.estate import ids

_FOLDER, _FILE = "switch", "now.json"
_MOST = 4096
_WAIT = 0.5
"""Seconds that another process may hold the switch: who stops has no time."""


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the switch was last set, by which account (`uid`, `who`), and `at` which second since the epoch."""

    stopped: bool
    who: str
    why: str
    uid: int
    at: float


def stop(folder: Path, who: str, why: str, uid: int | None = None) -> Switch:
    """Let nothing new be cut. `uid`: the person's, ours unless given. Raises `StateError` where that cannot be kept.

    On a full disk, or where another process hangs with the switch in hand, the file is emptied, which stops as well;
    only who and why are lost then.
    """
    try:
        return _set(folder, True, who, why, uid)
    except StateError as cause:
        try:
            os.truncate(folder / _FOLDER / _FILE, 0)
        except OSError as error:
            also = "" if isinstance(error, FileNotFoundError) else f"; it cannot be emptied: {error.strerror}"
            what = f"{cause.what}{also}; it is NOT stopped"
            raise StateError(what, "end the guard's process, or mend that and stop again") from None
        return Switch(True, who, why, os.getuid() if uid is None else uid, time.time())


def resume(folder: Path, who: str, why: str = "", uid: int | None = None) -> Switch:
    """Let cuts be done again. Raises `StateError` where that cannot be kept: then it stays stopped."""
    return _set(folder, False, who, why, uid)


def begin(folder: Path) -> None:
    """Have a file there that a stop can empty when the disk is full. It changes nothing. Raises `StateError`."""
    with files.alone(folder / _FOLDER, _WAIT):
        if not os.path.lexists(folder / _FOLDER / _FILE):
            _write(folder, Switch(False, "ringfence", "the guard began", os.getuid(), time.time()))


def stopped(folder: Path) -> str:
    """Why nothing new may be cut, in one sentence; "" where it may. Never raises; ask again before every cut."""
    try:
        found = now(folder)
    except StateError as error:
        return f"{error.what}; that counts as stopped"
    return f"stopped by {found.who}: {found.why}".rstrip(": ") if found and found.stopped else ""


def now(folder: Path) -> Switch | None:
    """How the switch was last set; None where nobody ever did. Raises `StateError` for what cannot be read."""
    path = folder / _FOLDER / _FILE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", "`ringfence resume` writes it anew") from None
    try:
        with os.fdopen(handle, "rb") as file:
            return msgspec.json.decode(file.read(_MOST), type=Switch)
    except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise StateError(f"{path} is damaged", "`ringfence resume` writes it anew") from None


def mark(folder: Path) -> tuple[int, int]:
    """Changes whenever the switch was set."""
    try:
        found = (folder / _FOLDER / _FILE).lstat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def _set(folder: Path, stopped: bool, who: str, why: str, uid: int | None) -> Switch:
    said = Switch(stopped, ids.clean(who), ids.clean(why), os.getuid() if uid is None else uid, time.time())
    with files.alone(folder / _FOLDER, _WAIT):
        _write(folder, said)
    return said


def _write(folder: Path, said: Switch) -> None:
    try:
        files.write(folder / _FOLDER, _FILE, msgspec.json.encode(said))
    except OSError as error:
        what = f"{folder / _FOLDER / _FILE}: {error.strerror}"
        raise StateError(what, "check the folder, its owner and disk") from None
