"""What is changed in place, without a file to replace: kernel values, permissions, settings that `nvidia-smi` holds.

Each is small and whole: one write, one chmod, one command. Doing it again does no harm.
"""

import os
import stat
import subprocess
from collections.abc import Sequence

from ringfence.assess.harden.changes import Permit, Put, Run
from ringfence.collect.tree import PATIENCE, Tree
from ringfence.enforce.host.files import reached, writable
from ringfence.enforce.host.kept import Theirs, Was
from ringfence.errors import EnforceError
from ringfence.estate.ids import clean

CUT_OFF = ""
"""What a kill leaves of a plain file that stands for a kernel's (a tree with another root): it was emptied first."""
_PLAN = "nothing was changed; plan again"


def value(tree: Tree, path: str) -> Was:
    """What a file of /proc or /sys holds."""
    with reached(tree, path) as (folder, name):
        handle = _opened(folder, name, os.O_RDONLY)
        with os.fdopen(handle, "rb") as file:
            return Was(file.read(4096))


def settable(tree: Tree, path: str) -> None:
    """Raises `EnforceError` where the kernel would not take a value."""
    with reached(tree, path) as (folder, name):
        writable(folder, name, path)


def put(tree: Tree, change: Put) -> None:
    """Set a kernel value. Raises `EnforceError` if it is neither what was seen nor what is wanted."""
    now = _stripped(value(tree, change.path))
    if now == change.value:
        return
    if now not in (change.before, CUT_OFF):
        raise EnforceError(f"{change.path} is {now[:40]!r} and no longer {change.before!r}", _PLAN)
    _set(tree, change.path, f"{change.value}\n".encode())
    if _stripped(value(tree, change.path)) != change.value:
        raise EnforceError(f"the kernel did not take {change.value!r} for {change.path}", left=(change.path,))


def put_back(tree: Tree, change: Put, was: Was, over: Theirs | None = None) -> None:
    """The value of before. Raises `EnforceError` where somebody set another since, and not `over`."""
    now = _stripped(value(tree, change.path))
    if now == _stripped(was):
        return
    if now not in (change.value, CUT_OFF) and not _named(over, now):
        raise EnforceError(f"{change.path} was set to {now[:40]!r} by somebody else", "decide by hand", (change.path,))
    _set(tree, change.path, was.content or b"")


def permissions(tree: Tree, path: str) -> Was:
    """Mode and owners."""
    with reached(tree, path) as (folder, name):
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return Was(b"", seen.st_mode & 0o7777, seen.st_uid, seen.st_gid)


def permit(tree: Tree, change: Permit) -> None:
    """Set mode and group."""
    now = permissions(tree, change.path)
    between = (change.before[0], change.gid)  # killed after the group was set
    if (now.mode, now.gid) not in (change.before, (change.mode, change.gid), between):
        raise EnforceError(f"{change.path} is {now.mode:04o} now", _PLAN)
    _own(tree, change.path, change.mode, now.uid, change.gid)
    if permissions(tree, change.path) != Was(b"", change.mode, now.uid, change.gid):
        raise EnforceError(f"{change.path} did not keep mode {change.mode:04o}", left=(change.path,))


def permit_back(tree: Tree, change: Permit, was: Was, over: Theirs | None = None) -> None:
    """Mode and owners of before. Raises `EnforceError` where somebody set others since, and not `over`."""
    now = permissions(tree, change.path)
    between = (was.mode, change.gid), (change.mode, was.gid)  # killed between the two
    if (now.mode, now.gid) not in ((was.mode, was.gid), (change.mode, change.gid), *between) and not _named(
        over, rights(now.mode, now.gid)
    ):
        what = f"{change.path} was set to {rights(now.mode, now.gid)} by somebody else"
        raise EnforceError(what, "decide by hand", (change.path,))
    _own(tree, change.path, was.mode, was.uid, was.gid)


def said(tree: Tree, change: Run) -> Was:
    """What the program says now."""
    answer = tree.ask(change.ask)
    if answer.status != 0:
        raise EnforceError(f"{change.name}: {answer.why or answer.text}"[:300], _PLAN)
    return Was(answer.text.strip().encode())


def run(tree: Tree, change: Run) -> None:
    """Set it, and ask."""
    now = _stripped(said(tree, change))
    if now == change.value:
        return
    if now != change.before:
        raise EnforceError(f"{change.name} is {now[:40]!r} now", _PLAN)
    _done(tree, change.argv)
    if _stripped(said(tree, change)) != change.value:
        raise EnforceError(f"{change.name} is not {change.value} after it was set", left=(change.name,))


def run_back(tree: Tree, change: Run, was: Was, over: Theirs | None = None) -> None:
    """The setting of before. Raises `EnforceError` where somebody set another since, and not `over`."""
    now = _stripped(said(tree, change))
    if now not in (_stripped(was), change.value) and not _named(over, now):
        raise EnforceError(f"{change.name} was set to {now[:40]!r} by somebody else", "decide by hand", (change.name,))
    if now != _stripped(was):
        _done(tree, change.back)


def rights(mode: int, gid: int) -> str:
    """Permissions in words."""
    return f"{mode:04o} group {gid}"


def _named(over: Theirs | None, now: str) -> bool:
    return over is not None and over.now == clean(now)


def _opened(folder: int, name: str, how: int) -> int:
    """A plain file, as those of the kernel are: a pipe put in its place would hold us for ever."""
    handle = os.open(name, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise EnforceError(f"{name} is no plain file", _PLAN)
    return handle


def _stripped(was: Was) -> str:
    return (was.content or b"").decode("utf-8", "replace").strip()


def _set(tree: Tree, path: str, content: bytes) -> None:
    with reached(tree, path) as (folder, name):
        handle = _opened(folder, name, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(handle, "wb", buffering=0) as file:
            file.write(content)


def _own(tree: Tree, path: str, mode: int, uid: int, gid: int) -> None:
    """By a descriptor of the thing itself: a link put there meanwhile is not followed."""
    with reached(tree, path) as (folder, name):
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            itself = f"/proc/self/fd/{handle}"
            os.chown(itself, uid, gid)
            os.chmod(itself, mode)
        finally:
            os.close(handle)


def _done(tree: Tree, argv: Sequence[str]) -> None:
    program = tree.program(argv[0])
    if program is None or isinstance(program, str):
        raise EnforceError(program or f"{argv[0]} is not installed", _PLAN)
    try:
        done = subprocess.run(
            (str(program), *argv[1:]), capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnforceError(f"{' '.join(argv)}: {error}"[:300]) from error
    if done.returncode:
        raise EnforceError(f"{' '.join(argv)} failed: {(done.stderr or done.stdout).strip()[-300:]}")
