"""Processes that the lab starts in the background: written down so that exactly those can be ended.

`HOME/NAME.pid` holds the number and the start time (clock ticks since boot, field 22 of proc_pid_stat(5)): a number
that was given to somebody else since is somebody else.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ringfence.errors import EnforceError

_PATIENCE = 10.0
"""Seconds."""


def started_at(pid: int) -> int:
    """When a process was started, in clock ticks since boot; 0 where there is none, or only its remains."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except (OSError, ValueError):
        return 0
    return 0 if state in (b"Z", b"X") else int(fields[18])


def note(home: Path, name: str, pid: int) -> None:
    """Write a process down."""
    beside = home / f".{name}.pid"
    beside.write_text(f"{pid} {started_at(pid)}\n")
    beside.replace(home / f"{name}.pid")


def noted(home: Path) -> dict[str, int]:
    """Name → number of the processes that were written down; 0 for one that has ended."""
    found = {}
    for file in sorted(home.glob("[!.]*.pid")):
        try:
            pid, start = map(int, file.read_text("ascii").split())
        except (OSError, ValueError):
            pid, start = 0, 0
        found[file.stem] = pid if pid and start and started_at(pid) == start else 0
    return found


def end(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    """End processes that are known to be ours. Raises `EnforceError` where one stays."""
    known = {pid: started_at(pid) for pid in pids if pid}

    def ended() -> bool:
        for pid in known:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return not any(start and started_at(pid) == start for pid, start in known.items())

    for pid, start in known.items():
        if start and started_at(pid) == start:
            _signal(pid, number)
    if not wait(ended, _PATIENCE):
        raise EnforceError(f"processes {sorted(known)} do not end")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait(holds: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether something came to hold in time; asked every `pause` seconds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True
