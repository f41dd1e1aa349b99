"""Programs that start: told by the kernel's process connector (linux/cn_proc.h), one message per exec.

        kernel ─exec of 4711─▶ /proc/4711: program, command line, user, control group, parent ─▶ PROCESS launch

A process that ends before it is looked at keeps its number and nothing else. Each message bears a number per CPU, so
what the kernel dropped is known exactly.
"""

import os
import select
import struct
from collections.abc import Iterator

from ringfence.collect.telemetry.samplers import netlink
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.machine import Machine, Running
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import PROCESS
from ringfence.wire.ocsf.event import Event

LAUNCH = 1
ANSWER = 0.5
"""Seconds for the kernel to agree."""
AT_ONCE = 256
"""Messages in one look; the rest waits in the kernel's buffer."""
_FIRST_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO
_REMEDY = "give the agent CAP_NET_ADMIN, and run it in the machine's own process namespace"
_CN = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")
_PROC = 1
_LISTEN = 1
_NONE, _FORK, _EXEC = 0, 1, 2
_PARENTS = 4096
"""Forks that are remembered: a program that is gone already still has a parent."""


class Processes:
    """The process connector, in the machine's own process namespace."""

    about = About(
        "processes",
        "programs that start, with their parent, user and job",
        PUSH,
        "CAP_NET_ADMIN before Linux 6.6",
        "a program that ends within a few milliseconds is seen without name and command line",
    )
    every = 5.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._lost = 0
        self._next: dict[int, int] = {}
        self._parents: dict[int, int] = {}

    def open(self) -> int:
        """Ask the kernel to tell."""
        if os.stat(self._machine.proc / "self" / "ns" / "pid").st_ino != _FIRST_NAMESPACE:
            raise MissingPart("the kernel tells of processes by numbers that are others here", _REMEDY)
        self._socket = netlink.listen(netlink.CONNECTOR, _PROC, self.about.needs)
        body = struct.pack("=I", _LISTEN)
        asked = _CN.pack(_PROC, 1, 0, 0, len(body), 0) + body
        size = netlink.HEADER.size + len(asked)
        self._socket.send(netlink.HEADER.pack(size, netlink.DONE, 0, 0, os.getpid()) + asked)
        if not self._answered():
            self._socket.close()
            raise MissingPart("the kernel does not tell of processes here", _REMEDY)
        return self._socket.fileno()

    def _answered(self) -> bool:
        """Whether the kernel agrees, which it says at once."""
        for _ in range(AT_ONCE):
            if not select.select([self._socket], [], [], ANSWER)[0]:
                return False
            data, sender = netlink.receive(self._socket) or (b"", 1)
            for _, message in netlink.messages(data if sender == 0 else b""):
                if len(message) >= _CN.size + _EVENT.size + 4 and _EVENT.unpack_from(message, _CN.size)[0] == _NONE:
                    return message[_CN.size + _EVENT.size :][:4] == bytes(4)
        return False

    def look(self) -> Iterator[Event]:
        """The programs that started."""
        for _ in range(AT_ONCE):
            try:
                found = netlink.receive(self._socket)
            except netlink.Overrun:
                continue  # the numbers tell how many
            if found is None:
                return
            data, sender = found
            if sender == 0:
                for _, message in netlink.messages(data):
                    yield from self._told(message)

    def lost(self) -> int:
        """Messages whose numbers were skipped."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def _told(self, message: bytes) -> Iterator[Event]:
        if len(message) < _CN.size + _EVENT.size + 8:
            return
        number = _CN.unpack_from(message)[2]
        what, cpu, _ = _EVENT.unpack_from(message, _CN.size)
        if what == _NONE:
            return
        wanted = self._next.get(cpu, number)
        self._lost += (number - wanted) & 0xFFFFFFFF if (number - wanted) & 0xFFFFFFFF < 1 << 31 else 0
        self._next[cpu] = (number + 1) & 0xFFFFFFFF
        at = _CN.size + _EVENT.size
        if what == _FORK and len(message) >= at + 16:
            _, parent, _, child = struct.unpack_from("=IIII", message, at)
            if len(self._parents) >= _PARENTS:
                self._parents.clear()
            self._parents[child] = parent
        elif what == _EXEC:
            _, group = struct.unpack_from("=II", message, at)
            yield launched(self._machine, self._machine.process(group), self._parents.get(group, 0))


def launched(machine: Machine, started: Running, forked_by: int = 0) -> Event:
    """The event of a started program; `forked_by` is its parent where it is gone and cannot be asked."""
    above = started.parent or forked_by
    parent = machine.who(above) if above else None
    return machine.event(
        PROCESS,
        LAUNCH,
        {
            "process.pid": started.pid,
            "process.name": started.name,
            "process.file.path": started.path,
            "process.cmd_line": started.command,
            "process.user.name": machine.user(started.uid),
            "process.cgroup": started.cgroup,
            "job.uid": machine.job(started.cgroup),
            "actor.process.pid": above,
            "actor.process.name": parent.name if parent else "",
            "actor.process.file.path": parent.path if parent else "",
            "actor.process.cmd_line": parent.command if parent else "",
            "actor.user.name": machine.user(parent.uid) if parent else "",
        },
    )
