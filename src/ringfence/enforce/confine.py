"""Control groups of jobs, and moving a task into the one of its job (cgroups v2, cgroup-v2.rst of the kernel).

Where Slurm itself keeps a job in a cgroup v2 (`…/slurmstepd.scope/job_4711`), the task is in it from the start and
nothing is moved. Else a group of our own is made below `RING` before the job starts, and the task is moved there,
with all that it has started. What it starts later is born there.
"""

import os
import re
from pathlib import Path

from ringfence.collect.processes import Process, descendants, process
from ringfence.errors import EnforceError

RING = "ringfence.slice"
"""Our part of the hierarchy; a job's group is `ringfence.slice/job_<number>`."""

_GROUP = re.compile(re.escape(RING) + r"/job_([0-9]{1,12})")
MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
_ROUNDS = 20


def mount(mounts: tuple[Path, ...] = MOUNTS) -> Path:
    """Where the cgroup v2 hierarchy is mounted. Raises `EnforceError`."""
    for path in mounts:
        if (path / "cgroup.procs").exists() and (path / "cgroup.controllers").exists():
            return path
    raise EnforceError("no cgroup v2 hierarchy is mounted here", "mount -t cgroup2 none /sys/fs/cgroup/unified")


def group_of(job: str) -> str:
    """The job's group, relative to the hierarchy."""
    return f"{RING}/job_{job}"


def prepare(text: str) -> None:
    """Make every group of ours that an artefact names: a rule can name only a group that is there.

    Raises `EnforceError`.
    """
    for job in sorted(set(_GROUP.findall(text))):
        make(mount(), job)


def make(root: Path, job: str) -> Path:
    """The job's group, made if it is not there. Raises `EnforceError`."""
    path = root / group_of(job)
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise EnforceError(f"{path}: {error.strerror}", "the enforcer needs to write the cgroup v2 hierarchy") from None
    return path


def drop(root: Path, job: str) -> bool:
    """Remove the job's group; False where processes are still in it. No group is no error. Raises `EnforceError`."""
    path = root / group_of(job)
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in (16, 39):  # EBUSY, ENOTEMPTY: a process, or a group that somebody made below it
            return False
        raise EnforceError(f"{path}: {error.strerror}") from None
    return True


def where(pid: int) -> str:
    """The process's group in the v2 hierarchy, without the leading slash; "" where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line[4:] for line in lines if line.startswith("0::/")), "")


def confined(pid: int, job: str) -> bool:
    """Whether the process is in its job's group: ours, or Slurm's own."""
    names = where(pid).split("/")
    ours = "/".join(names[:2]) == group_of(job)
    slurms = len(names) > 2 and f"job_{job}" in names and any(name.endswith("slurmstepd.scope") for name in names)
    return ours or slurms


def move(leader: Process, job: str, root: Path) -> int:
    """Bring a task and everything below it into the job's group; how many were moved.

    Repeated until nobody is left outside, since a process may fork while it is being moved; a child born in the
    group stays. Raises `EnforceError` where some stay outside, or where the task has ended.
    """
    procs, moved = make(root, job) / "cgroup.procs", 0
    for _ in range(_ROUNDS):
        if process(leader.pid) != leader:
            raise EnforceError("the task has ended")
        outside = [pid for pid in descendants(leader.pid) if not confined(pid, job)]
        if not outside:
            return moved
        for pid in outside:
            moved += _write(procs, pid)
    raise EnforceError(f"the task starts processes faster than they are moved into {group_of(job)}", "try again")


def _write(procs: Path, pid: int) -> int:
    try:
        handle = os.open(procs, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.write(handle, str(pid).encode("ascii"))
        finally:
            os.close(handle)
    except ProcessLookupError:
        return 0
    except OSError as error:
        raise EnforceError(f"{procs}: {error.strerror}") from None
    return 1
