"""What several samplers ask of the machine: who a process is, which job its control group belongs to.

        /proc/4711/cgroup ─▶ …/slurmstepd.scope/job_17/step_0 ─▶ job:slurm/<cluster>/17
                             …/kubepods-burstable-pod<uid>.slice ─▶ pod:<cluster>/<namespace>/<name>

The group is the kernel's word, not the process's: a job's user cannot leave it. A pod's names come from the folder of
its logs, which the kubelet makes; where that cannot be read the job stays unknown.
"""

import os
import pwd
import re
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ringfence.estate import ids
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.logsources import USUAL

_SLURM = re.compile(r"(?:slurm|ringfence\.slice)[^\0]{0,200}?/job_([0-9]{1,12})(?:/|\Z)")
_POD = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_STATUS = re.compile(rb"Name:\t([^\n]{0,256})\n(?:[^\n]*\n){0,8}?PPid:\t(\d+)\n(?:[^\n]*\n)?Uid:\t\d+\t(\d+)")
_LONGEST = 8192
_MOST = 4096
RECENT = 1.0
"""Seconds for which a process is not asked again by `who`."""
GONE = 30.0
"""Seconds for which one that has ended is still known: what it did last is told a moment later."""
PODS_KEPT = 10.0
"""Seconds for which the folder of pods is not read again."""


class Running(msgspec.Struct, frozen=True):
    """A process. `uid` is -1 and texts are "" where it was gone before it could be asked."""

    pid: int
    parent: int
    uid: int
    name: str
    path: str
    command: str
    cgroup: str


class Machine:
    """This machine, as `host` (its bare name) of `cluster`."""

    def __init__(self, host: str, cluster: str = "", proc: Path = Path("/proc"), pods: Path = Path("/var/log/pods")):
        self.host, self.cluster, self.proc, self._pods = host, cluster, proc, pods
        self._users: dict[int, str] = {}
        self._named: dict[str, str] = {}
        self._looked = 0.0
        self._seen: dict[int, tuple[float, Running]] = {}

    def event(self, class_uid: int, activity: int, fields: Mapping[str, Value], when: int = 0) -> Event:
        """An event of this host, now unless `when` (microseconds) is told. Texts that are "" are left out."""
        told = {name: value for name, value in fields.items() if value != ""}
        return Event(class_uid, activity, when or time.time_ns() // 1000, self.host, USUAL.get(class_uid, ""), told)

    def user(self, uid: int) -> str:
        """An account's name; its number as text where it has none, "" for -1."""
        if uid < 0:
            return ""
        found = self._users.get(uid)
        if found is None:
            if len(self._users) > _MOST:
                self._users.clear()
            try:
                found = pwd.getpwuid(uid).pw_name
            except (KeyError, OSError):
                found = str(uid)
            self._users[uid] = found
        return found

    def who(self, pid: int) -> Running:
        """A process as it was asked within the last second, or before it ended."""
        when, known = self._seen.get(pid, (0.0, None))
        age = time.monotonic() - when
        if known is not None and age < RECENT:
            return known
        found = self.process(pid)
        return known if found.uid < 0 and known is not None and age < GONE else found

    def process(self, pid: int) -> Running:
        """What `/proc` says of a process now, as far as it is there."""
        found = self._asked(pid)
        if found.uid >= 0:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[pid] = (time.monotonic(), found)
        return found

    def _asked(self, pid: int) -> Running:
        status = self._read(pid, "status")
        parent, uid, name = 0, -1, ""
        found = _STATUS.match(status)
        if found:
            name, parent, uid = found[1].decode("utf-8", "replace"), int(found[2]), int(found[3])
        command = self._read(pid, "cmdline").replace(b"\0", b" ").strip().decode("utf-8", "replace")
        try:
            path = os.readlink(f"{self.proc}/{pid}/exe")
        except OSError:
            path = ""
        base = os.path.basename(path.removesuffix(" (deleted)"))
        return Running(pid, parent, uid, base or name, path, command, self.cgroup(pid))

    def uid(self, pid: int) -> int:
        """The real owner of a process, -1 where it is gone."""
        try:
            return os.stat(f"{self.proc}/{pid}").st_uid
        except OSError:
            return -1

    def cgroup(self, pid: int) -> str:
        """The control group that says most: the one below a job or a pod, else the unified one."""
        lines = [line.split(":", 2)[-1] for line in self._read(pid, "cgroup").decode("utf-8", "replace").splitlines()]
        return next((one for one in lines if _SLURM.search(one) or _POD.search(one)), lines[-1] if lines else "")

    def job(self, cgroup: str) -> str:
        """The job or pod that a control group belongs to, as an entity id; "" for none."""
        found = _SLURM.search(cgroup)
        if found:
            return ids.job(self.cluster, found[1])
        pod = _POD.search(cgroup)
        return self._pod(pod[1].replace("_", "-")) if pod else ""

    def _pod(self, uid: str) -> str:
        if uid not in self._named and time.monotonic() - self._looked > PODS_KEPT:
            self._looked = time.monotonic()
            try:
                names = [one.name.rsplit("_", 2) for one in os.scandir(self._pods)][:_MOST]
            except OSError:
                names = []
            self._named = {one[2]: ids.of("pod", self.cluster, *one[:2]) for one in names if len(one) == 3}
        return self._named.get(uid, "")

    def _read(self, pid: int, name: str) -> bytes:
        try:
            handle = os.open(f"{self.proc}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return os.read(handle, _LONGEST)
        except OSError:
            return b""
        finally:
            os.close(handle)
