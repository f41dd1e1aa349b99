"""Opens and changes below given folders, told by fanotify(7) with the names of files (FAN_REPORT_DFID_NAME).

        /data/weights (model:llama) ─▶ a mark on it and on every folder below ─▶ open, create, update, delete, rename
                                       a folder that is made is marked when its making is told

Marks are on folders, never on the file system: what happens elsewhere costs nothing. An event names its folder by the
kernel's handle, which is looked up among the marked ones, and its file by name, so nothing is opened to look at it.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import FILE
from ringfence.wire.ocsf.event import Event, Value

CREATE, UPDATE, DELETE, RENAME, OPEN = 1, 3, 4, 5, 14
MOST_FOLDERS = 16384
READ = 16 << 10
"""Bytes of events in one look, some 200; the rest waits in the kernel, which holds 16,384."""

_INIT = 0x1 | 0x2 | 0xC00  # FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME
_ADD = 0x1 | 0x8  # FAN_MARK_ADD | FAN_MARK_ONLYDIR
_OPEN, _WRITTEN, _CREATED, _DELETED, _RENAMED = 0x20, 0x8, 0x100, 0x200, 0x10000000
_ON_CHILD, _FOLDER, _OVERFLOW = 0x08000000, 0x40000000, 0x4000
_MASK = _OPEN | _WRITTEN | _CREATED | _DELETED | _RENAMED | _ON_CHILD | _FOLDER
_ACTIVITIES = ((_CREATED, CREATE), (_OPEN, OPEN), (_WRITTEN, UPDATE), (_RENAMED, RENAME), (_DELETED, DELETE))
_NAME, _OLD, _NEW = 2, 10, 12
_EVENT = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BBH8sIi")
_HANDLE = 128
_HERE = -100

_Key = tuple[bytes, int, bytes]


class Watched(msgspec.Struct, frozen=True):
    """A folder with all below it, or one file; `data` is the entity that it belongs to, "" for none."""

    path: str
    data: str = ""


class Files:
    """What happens to files below the watched folders."""

    about = About(
        "files",
        "opens, changes and renames of weights, checkpoints, datasets and credentials, by job and user",
        PUSH,
        "CAP_SYS_ADMIN",
        "bytes that are read are not told; a folder that is made and filled at once may have its first files unseen",
    )
    every = 5.0
    slow = False

    def __init__(self, machine: Machine, watched: Sequence[Watched]) -> None:
        self._machine = machine
        self._watched = sorted(watched, key=lambda one: -len(one.path))
        self._folders: dict[_Key, str] = {}
        self._lost = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.fanotify_mark.argtypes = (
            (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)
        )  # fmt: skip

    def open(self) -> int:
        """Mark the folders. Raises `MissingPart`."""
        if not self._watched:
            raise MissingPart("no folder of weights, checkpoints or datasets is named", "name them with [[watch]]")
        self._fd = self._libc.fanotify_init(_INIT, os.O_RDONLY | os.O_CLOEXEC)
        if self._fd < 0:
            raise MissingPart(f"fanotify: {os.strerror(ctypes.get_errno())}", f"give the agent {self.about.needs}")
        if not _capable(self._machine.proc):
            os.close(self._fd)
            raise MissingPart("fanotify does not tell who acts", f"give the agent {self.about.needs}")
        wrong = [f"{one.path}: {why}" for one in self._watched if (why := self._mark_below(one))]
        if not self._folders:
            os.close(self._fd)
            raise MissingPart("; ".join(wrong)[:500], "name folders that are there, on file systems with handles")
        self.unmarked = tuple(wrong)
        return int(self._fd)

    def look(self) -> Iterator[Event]:
        """What happened since the last look."""
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        told: set[tuple[int, int, str]] = set()
        for mask, pid, names in self._events(data):
            if mask & _OVERFLOW:
                self._lost += 1
            elif pid != os.getpid():
                yield from self._told(mask, pid, names, told)

    def lost(self) -> int:
        """Overflows of the kernel's queue, each of an unknown number of events."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Take all marks off."""
        os.close(self._fd)

    def data_of(self, path: str) -> str | None:
        """The entity that a path belongs to, "" for a watched one of none; None where it is not watched."""
        for one in self._watched:
            if path == one.path or path.startswith(one.path.rstrip("/") + "/"):
                return one.data
        return None

    def _told(self, mask: int, pid: int, names: Sequence[str], told: set[tuple[int, int, str]]) -> Iterator[Event]:
        path = names[0] if names else ""
        if mask & _FOLDER:
            for made in names[-1:] if mask & (_CREATED | _RENAMED) else ():
                self._mark_below(Watched(made))
            if not mask & (_RENAMED | _DELETED):
                return
        data = self.data_of(path) if path else None
        if data is None and len(names) > 1:
            data = self.data_of(names[1])
        if data is None:
            return
        for bit, activity in _ACTIVITIES:
            if mask & bit and (activity, pid, path) not in told:
                told.add((activity, pid, path))
                yield self._event(activity, pid, path, data, names[1] if len(names) > 1 else "")

    def _event(self, activity: int, pid: int, path: str, data: str, renamed: str) -> Event:
        machine, who = self._machine, self._machine.who(pid)
        fields: dict[str, Value] = {
            "file.path": path,
            "file.name": os.path.basename(path),
            "file.data": data,
            "file_result.path": renamed,
            "actor.process.pid": pid,
            "actor.process.name": who.name,
            "actor.user.name": machine.user(who.uid),
            "job.uid": machine.job(who.cgroup),
        }
        with contextlib.suppress(OSError, ValueError):
            fields["file.size"] = os.stat(renamed or path, follow_symlinks=False).st_size
        return machine.event(FILE, activity, fields)

    def _events(self, data: bytes) -> Iterator[tuple[int, int, list[str]]]:
        """(mask, pid, the paths that it names: of a rename the old one and the new one)."""
        at = 0
        while at + _EVENT.size <= len(data):
            length, _, _, head, mask, _, pid = _EVENT.unpack_from(data, at)
            if length < _EVENT.size:
                return
            found: dict[int, str] = {}
            inner, end = at + head, at + length
            while inner + _INFO.size <= end:
                kind, _, size, fsid, bytes_, type_ = _INFO.unpack_from(data, inner)
                if size < _INFO.size:
                    break
                name_at = inner + _INFO.size + bytes_
                folder = self._folders.get((fsid, type_, data[inner + _INFO.size : name_at]))
                name = data[name_at : inner + size].partition(b"\0")[0]
                if folder is not None and kind in (_NAME, _OLD, _NEW):
                    found[kind] = folder if name in (b"", b".") else os.path.join(folder, os.fsdecode(name))
                inner += size
            yield mask, pid, [found[kind] for kind in (_NAME, _OLD, _NEW) if kind in found]
            at += length

    def _mark_below(self, one: Watched) -> str:
        """Mark a folder and all below it, or the folder of a file; why not, "" if it was done."""
        if os.path.islink(one.path):
            return "a symbolic link"
        if not os.path.isdir(one.path):
            return self._mark(os.path.dirname(one.path)) if os.path.exists(one.path) else "not there"
        wrong = self._mark(one.path)
        for folder, below, _ in os.walk(one.path):
            for name in below:
                path = os.path.join(folder, name)
                wrong = wrong or ("" if os.path.islink(path) else self._mark(path))
        return wrong

    def _mark(self, folder: str) -> str:
        if len(self._folders) >= MOST_FOLDERS:
            return f"more than {MOST_FOLDERS:,} folders"
        try:
            key = self._key(folder)
        except OSError as error:
            return f"{folder}: {error.strerror}"
        if self._libc.fanotify_mark(self._fd, _ADD, _MASK, _HERE, os.fsencode(folder)) < 0:
            return f"{folder}: {os.strerror(ctypes.get_errno())}"
        self._folders[key] = folder
        return ""

    def _key(self, folder: str) -> _Key:
        """The file system and the handle by which events name a folder. Raises `OSError`."""
        handle = ctypes.create_string_buffer(struct.pack("=Ii", _HANDLE, 0), 8 + _HANDLE)
        mount = ctypes.c_int()
        if self._libc.name_to_handle_at(_HERE, os.fsencode(folder), handle, ctypes.byref(mount), 0) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        size, type_ = struct.unpack_from("=Ii", handle.raw)
        fsid = (os.statvfs(folder).f_fsid & (1 << 64) - 1).to_bytes(8, "little")
        return fsid, type_, handle.raw[8 : 8 + size]


def _capable(proc: Path) -> bool:
    """Whether this process has CAP_SYS_ADMIN (bit 21), without which fanotify keeps back who acts."""
    status = (proc / "self" / "status").read_text("ascii", "replace")
    line = next((one for one in status.splitlines() if one.startswith("CapEff:")), "CapEff: 0")
    return bool(int(line.split()[1], 16) >> 21 & 1)
