"""Which job a process belongs to, as the kernel tells it: by its ancestors, never by what the process says.

        slurmstepd [4711.0]   root, the installed slurmstepd, still running
          └─ the task         the job's user: the *leader*, which becomes the user's program
               └─ …           anything of the same user, such as a task prolog

A process cannot choose its parent, and an orphan goes to its own slurmstepd's children or to init, never to another
job. What is believed of the slurmstepd: that root runs it (all four uids, as the kernel counts them outside any user
namespace), that its program is the very file (device and inode) installed here, and its title, which only it writes.
`/proc` is read twice and must say the same, so that no number of a process that ended is taken for another's.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path

import msgspec

PROC = Path("/proc")
STEPPERS = (
    "/usr/sbin/slurmstepd",
    "/usr/sbin/slurmstepd-wlm",
    "/usr/local/sbin/slurmstepd",
    "/opt/slurm/sbin/slurmstepd",
)
"""Where slurmstepd is installed, unless the enforcer's settings say otherwise."""

_TITLE = re.compile(rb"\A[^\0\[]{0,64}slurmstepd[^\0\[]{0,16}: \[([0-9]{1,12})\.[^\]\0]{1,40}\]")
_DEEPEST = 256


class Process(msgspec.Struct, frozen=True):
    """One process. `uids` are real, effective, saved and file system; `start` in clock ticks since boot."""

    pid: int
    parent: int
    start: int
    uids: tuple[int, int, int, int]


class Member(msgspec.Struct, frozen=True):
    """The job a process belongs to, and the task of it below which the process stands."""

    job: str
    leader: Process


def installed(paths: Collection[str] = STEPPERS) -> frozenset[tuple[int, int]]:
    """Device and inode of every slurmstepd that is there."""
    found = set()
    for path in paths:
        try:
            at = os.stat(path)
        except OSError:
            continue
        found.add((at.st_dev, at.st_ino))
    return frozenset(found)


def process(pid: int, proc: Path = PROC) -> Process | None:
    """A process, or None where there is none (any more)."""
    try:
        stat = (proc / str(pid) / "stat").read_bytes()
        status = (proc / str(pid) / "status").read_bytes()
        fields = stat[stat.rindex(b")") + 2 :].split()
        uids = next(line for line in status.splitlines() if line.startswith(b"Uid:")).split()[1:5]
        real, effective, saved, files = (int(uid) for uid in uids)
        return Process(pid, int(fields[1]), int(fields[19]), (real, effective, saved, files))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def membership(pid: int, uid: int, steppers: Collection[tuple[int, int]], proc: Path = PROC) -> Member | str:
    """The job that process `pid` of user `uid` belongs to; else why it belongs to none."""
    line = _ancestors(pid, proc)
    if not line or line[0].uids[1] != uid:
        return "the process is gone"
    found = next((at for at, one in enumerate(line) if _is_stepper(one, steppers, proc)), 0)
    if not found:
        return "no slurmstepd stands above it"
    job = _job(line[found].pid, proc)
    # a forked slurmstepd that has not become root's job's program yet still looks like its parent
    while (
        found + 1 < len(line)
        and _is_stepper(line[found + 1], steppers, proc)
        and _job(line[found + 1].pid, proc) == job
    ):
        found += 1
    leader = line[found - 1]
    if not job:
        return "the slurmstepd above it names no job"
    if any(one.uids[1] != uid for one in line[:found]):
        return "it does not run as the job's user"
    if _ancestors(pid, proc) != line:
        return "its ancestors changed while they were read"
    return Member(job, leader)


def descendants(pid: int, proc: Path = PROC) -> set[int]:
    """A process and everything below it, as far as it is there now."""
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        one = process(int(entry.name), proc) if entry.name.isdigit() else None
        if one:
            children.setdefault(one.parent, []).append(one.pid)
    found, todo = set[int](), [pid]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += children.get(at, [])
    return found


def _ancestors(pid: int, proc: Path) -> list[Process]:
    """The process and those above it up to init, each no younger than its child; [] if the line is not whole."""
    line: list[Process] = []
    while pid > 0 and len(line) < _DEEPEST:
        one = process(pid, proc)
        if one is None or (line and one.start > line[-1].start):
            return []
        line.append(one)
        pid = one.parent
    return line


def _is_stepper(one: Process, steppers: Collection[tuple[int, int]], proc: Path) -> bool:
    if set(one.uids) != {0}:
        return False
    try:
        at = os.stat(proc / str(one.pid) / "exe")
    except OSError:
        return False
    return (at.st_dev, at.st_ino) in steppers


def _job(pid: int, proc: Path) -> str:
    try:
        with (proc / str(pid) / "cmdline").open("rb") as file:
            title = _TITLE.match(file.read(256))
    except OSError:
        return ""
    return title.group(1).decode("ascii") if title else ""
