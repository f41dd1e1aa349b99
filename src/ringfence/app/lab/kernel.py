"""Calls of Linux that Python 3.11 has no name for: unshare(2), setns(2), mount(2), umount2(2), sethostname(2)."""

import ctypes
import os
from contextlib import ExitStack
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWPID, NEWNET, FS = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000, 0x00000200,
)  # fmt: skip
"""Flags of namespaces (sched.h); `FS` parts a thread's root and working directory from the others'."""
BIND, REC, PRIVATE, NOSUID = 4096, 16384, 1 << 18, 2
"""Flags of mounts (sys/mount.h)."""
CGROUPS = Path("/sys/fs/cgroup")
"""Where a machine of the lab has its control groups (version 2), wherever the host has them."""
_DETACH = 2


def unshare(flags: int) -> None:
    """Give the calling thread namespaces of its own. Raises `OSError`."""
    _checked(_LIBC.unshare(flags), "unshare")


def own() -> None:
    """Give the calling thread every namespace that a machine of the lab has. Raises `OSError`."""
    unshare(NEWNET | NEWNS | NEWUTS | NEWIPC | NEWPID | NEWCGROUP)


def enter(*namespaces: tuple[Path, int]) -> None:
    """Bring the calling thread into namespaces; of processes: what it starts from now on. Raises `OSError`."""
    with ExitStack() as stack:
        handles = []
        for path, kind in namespaces:  # all of them first: the next mounts have another /proc
            handles.append((os.open(path, os.O_RDONLY | os.O_CLOEXEC), kind))
            stack.callback(os.close, handles[-1][0])
        for handle, kind in handles:
            _checked(_LIBC.setns(handle, kind), f"namespaces {namespaces}")


def mount(what: str, where: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount something. Raises `OSError`."""
    words = (what.encode(), os.fsencode(where), kind.encode() or None)
    _checked(_LIBC.mount(*words, ctypes.c_ulong(flags), data.encode() or None), str(where))


def bind(what: Path, where: Path) -> None:
    """Show a file or folder at another place as well. Raises `OSError`."""
    mount(str(what), where, flags=BIND | REC)


def unmount(where: Path) -> None:
    """Take a mount away, also while it is used. Raises `OSError`."""
    _checked(_LIBC.umount2(os.fsencode(where), _DETACH), str(where))


def hostname(name: str) -> None:
    """Name the machine of the calling process. Raises `OSError`."""
    _checked(_LIBC.sethostname(name.encode(), len(name.encode())), name)


def _checked(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
