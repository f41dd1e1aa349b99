"""Where one subnet manager sits: its `partitions.conf`, and how it is told to read it again."""

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ringfence.errors import EnforceError

_STAGED = ".ringfence"


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


class LocalSeat:
    """The manager of this host. `pid` 0: the one process here that is called opensm."""

    def __init__(self, host: str, path: Path, pid: int = 0) -> None:
        self.host, self.path, self.pid = host, path, pid
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
        pid = self.pid or _only_one()
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


def _only_one() -> int:
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if comm.read_text().strip() == "opensm":
                found.append(int(comm.parent.name))
    if len(found) != 1:
        raise EnforceError(f"{len(found)} processes are called opensm here", "name the one to reload by its process id")
    return found[0]
