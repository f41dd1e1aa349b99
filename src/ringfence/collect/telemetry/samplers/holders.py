"""Which process holds a socket: asked of the processes of the socket's control group or owner, a bounded number."""

import os
from collections.abc import Iterable
from pathlib import Path

from ringfence.collect.telemetry.samplers.machine import Machine, Running

MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
ASKED = 512
"""Processes whose open files are listed in one look."""
_MOST = 16384


class Holders:
    """Holders of sockets by inode. What one look has listed is forgotten at its end."""

    def __init__(self, machine: Machine, mounts: Iterable[Path] = MOUNTS) -> None:
        self._machine = machine
        self._root = next((one for one in mounts if (one / "cgroup.procs").exists()), None)
        self._groups: dict[int, Path] = {}
        self._inodes: dict[int, int] = {}
        self._listed: set[int] = set()
        self._of_uid: dict[int, list[int]] | None = None

    def of(self, inode: int, uid: int, cgroup: int) -> Running | None:
        """The process that holds a socket; None where it is not found among the first few hundred candidates."""
        if inode not in self._inodes:
            for pid in self._candidates(uid, cgroup):
                self._list(pid)
                if inode in self._inodes:
                    break
        holder = self._inodes.get(inode)
        return self._machine.process(holder) if holder is not None else None

    def forget(self) -> None:
        """The look is over: processes come and go."""
        self._inodes.clear()
        self._listed.clear()
        self._of_uid = None

    def _candidates(self, uid: int, cgroup: int) -> list[int]:
        path = self._group(cgroup) if cgroup else None
        if path is not None and path != self._root:
            try:
                return [int(one) for one in (path / "cgroup.procs").read_bytes().split()][:ASKED]
            except (OSError, ValueError):
                pass
        if self._of_uid is None:
            self._of_uid = {}
            for entry in os.scandir(self._machine.proc):
                if entry.name.isdigit():
                    self._of_uid.setdefault(self._machine.uid(int(entry.name)), []).append(int(entry.name))
        return self._of_uid.get(uid, [])[::-1][:ASKED]

    def _list(self, pid: int) -> None:
        if pid in self._listed or len(self._listed) >= ASKED:
            return
        self._listed.add(pid)
        folder = f"{self._machine.proc}/{pid}/fd"
        try:
            for name in os.listdir(folder)[:_MOST]:
                link = os.readlink(f"{folder}/{name}")
                if link.startswith("socket:["):
                    self._inodes[int(link[8:-1])] = pid
        except (OSError, ValueError):
            return

    def _group(self, number: int) -> Path | None:
        """The control group whose number (its folder's inode) this is."""
        found = self._groups.get(number)
        if found is None and self._root is not None:
            for folder, below, _ in os.walk(self._root):
                try:
                    self._groups[os.stat(folder).st_ino] = Path(folder)
                except OSError:
                    continue
                if len(self._groups) > _MOST:
                    below.clear()
            found = self._groups.setdefault(number, self._root)
        return found
