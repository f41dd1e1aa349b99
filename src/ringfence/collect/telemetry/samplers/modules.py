"""Kernel modules that are loaded: told by the kernel's uevents, and by comparing `/proc/modules`.

A uevent says that one came; the list is compared then, and every ten seconds, so that neither alone is believed.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ringfence.collect.telemetry.samplers import netlink
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import MODULE
from ringfence.wire.ocsf.event import Event

LOAD, UNLOAD = 1, 2
COMPARED = 10.0
_KERNEL_GROUP = 1
AT_ONCE = 256


class Modules:
    """Modules as they come and go."""

    about = About(
        "modules",
        "kernel modules loaded and removed, and whether they are signed",
        PUSH,
        "nothing",
        "a module that hides itself from the list is seen by its uevent alone",
    )
    every = COMPARED
    slow = False

    def __init__(self, machine: Machine, modules: Path = Path("/proc/modules"), sys: Path = Path("/sys/module")):
        self._machine, self._list, self._sys = machine, modules, sys
        self._lost = 0

    def open(self) -> int:
        """Hear the kernel's uevents."""
        try:
            self._known = self._names()
        except OSError as error:
            raise MissingPart(f"{self._list}: {error.strerror}", "this kernel loads no modules") from None
        self._told = set[str]()
        self._compared = 0.0
        self._socket = netlink.listen(netlink.KOBJECT_UEVENT, _KERNEL_GROUP, self.about.needs)
        return self._socket.fileno()

    def look(self) -> Iterator[Event]:
        """What was loaded or removed."""
        due = time.monotonic() - self._compared >= COMPARED
        for _ in range(AT_ONCE):
            try:
                found = netlink.receive(self._socket)
            except netlink.Overrun:
                self._lost, due = self._lost + 1, True
                continue
            if found is None:
                break
            data, sender = found
            if sender == 0 and data.startswith((b"add@/module/", b"remove@/module/")):
                due = True
                if data.startswith(b"add@"):
                    self._told.add(data[12:].partition(b"\0")[0].decode("utf-8", "replace"))
        if due:
            yield from self._changes()

    def lost(self) -> int:
        """Overruns of the kernel's buffer."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def _changes(self) -> Iterator[Event]:
        self._compared = time.monotonic()
        now = self._names()
        for name in sorted((now - self._known) | (self._told - self._known)):
            yield self._event(LOAD, name, {} if name in now else {"message": "told by the kernel, not in its list"})
        for name in sorted(self._known - now):
            yield self._event(UNLOAD, name, {})
        self._known = now
        self._told.clear()

    def _event(self, activity: int, name: str, more: dict[str, str]) -> Event:
        fields = {"module.file.path": name, "module.signed": self._signed(name) if activity == LOAD else ""}
        return self._machine.event(MODULE, activity, fields | more)

    def _signed(self, name: str) -> str:
        """`E` in a module's taint says that it is unsigned (Documentation/admin-guide/tainted-kernels.rst)."""
        try:
            taint = (self._sys / os.path.basename(name) / "taint").read_text("ascii", "replace")
        except OSError:
            return ""
        return "false" if "E" in taint else "true"

    def _names(self) -> set[str]:
        return {line.partition(" ")[0] for line in self._list.read_text("utf-8", "replace").splitlines()}
