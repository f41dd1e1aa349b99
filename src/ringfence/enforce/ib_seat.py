"""Where one subnet manager sits: its `partitions.conf`, what is in quarantine, and how it reads the file again."""

import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from ringfence.enforce import files
from ringfence.errors import EnforceError

_STAGED = ".ringfence"
_HELD = ".quarantine"

PATIENCE = 60.0
"""Seconds to wait for another change of the same file to end."""


class Seat(Protocol):
    """One manager. `stage` may be called again before `commit`; `drop` forgets what was staged."""

    host: str

    def text(self) -> str:
        """The file now; "" where there is none."""
        ...

    def stage(self, text: str) -> None:
        """Write the text to the disk beside the file, whole."""
        ...

    def commit(self) -> None:
        """Put what was staged in the file's place, at once."""
        ...

    def drop(self) -> None:
        """Remove what was staged and not committed."""
        ...

    def reload(self) -> None:
        """Have the manager read its file and sweep."""
        ...

    def held(self) -> str:
        """What is in quarantine, as it was noted beside the file; "" where nothing is noted."""
        ...

    def hold(self, text: str) -> None:
        """Note it, on disk before this returns; "" takes the note away."""
        ...

    def since(self) -> float:
        """When the file was last written, in seconds since the epoch."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """While it is open, nobody else changes this file: the fence and the quarantine are two processes."""
        ...


class LocalSeat:
    """The manager of this host. `pid` 0: the number in `pid_file`, else the one process here that is called opensm."""

    def __init__(self, host: str, path: Path, pid: int = 0, pid_file: Path | None = None) -> None:
        self.host, self.path, self.pid, self.pid_file = host, path, pid, pid_file
        self._noted = path.with_name(path.name + _HELD)
        self._staged = path.with_name(f".{path.name}{_STAGED}")

    def text(self) -> str:
        """The file as it is; bytes that are no UTF-8 are kept."""
        try:
            return self.path.read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""

    def stage(self, text: str) -> None:
        """With the owner and mode of the file that is there, else readable by its owner only."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._staged, flags, 0o600), "wb") as file:
            with suppress(FileNotFoundError):
                there = os.stat(self.path)
                os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
                os.fchown(file.fileno(), there.st_uid, there.st_gid)
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())

    def commit(self) -> None:
        """Rename, and the folder to the disk as well: after a power cut it is the old file or the new one."""
        os.replace(self._staged, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self) -> None:
        """Nothing if nothing is staged."""
        self._staged.unlink(missing_ok=True)

    def reload(self) -> None:
        """SIGHUP, to a process that is opensm and nothing else."""
        pid = self.pid or (_number_in(self.pid_file) if self.pid_file else _only_one())
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            name = ""
        if name != "opensm":
            raise EnforceError(
                f"{self.host}: no opensm runs as process {pid}; the file is in place, the tables are as they were",
                "start opensm: it reads the file",
                (str(self.path),),
            )
        os.kill(pid, signal.SIGHUP)

    def held(self) -> str:
        """A file beside the manager's, readable by its owner only."""
        return files.text(self._noted)

    def hold(self, text: str) -> None:
        """Replaced whole, and on the disk."""
        files.replace(self._noted, text)

    def since(self) -> float:
        """0 where there is no file."""
        try:
            return self.path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A lock on the folder. Raises `EnforceError` where another change does not end."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise EnforceError(f"nothing was changed: {error}") from None
        try:
            until = time.monotonic() + PATIENCE
            while not _locked(folder):
                if time.monotonic() > until:
                    what = f"{self.path} is being changed by another process for {PATIENCE:.0f} s; nothing was changed"
                    raise EnforceError(what, "look which one it is (fuser), and apply again")
                time.sleep(0.005)
            yield
        finally:
            os.close(folder)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _number_in(file: Path) -> int:
    """The process that a file names; one that cannot be, where it names none."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return -1


def _only_one() -> int:
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if comm.read_text().strip() == "opensm":
                found.append(int(comm.parent.name))
    if len(found) != 1:
        raise EnforceError(f"{len(found)} processes are called opensm here", "name the one to reload by its process id")
    return found[0]
