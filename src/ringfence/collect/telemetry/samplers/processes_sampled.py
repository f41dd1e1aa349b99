"""Programs that start, by comparing `/proc` with what it was a second ago: where the kernel does not tell by itself."""

import os
from collections.abc import Iterator

from ringfence.collect.telemetry.samplers.base import SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.processes import launched
from ringfence.wire.ocsf.event import Event

AT_ONCE = 512


class SampledProcesses:
    """New process numbers in `/proc`. Needs nothing; sees less.

    One that was seen before it had become its own program is told again at the next look.
    """

    about = About(
        "processes",
        "programs that start, with their parent, user and job",
        SAMPLED,
        "nothing",
        "what starts and ends within a second, and a program that takes a running process over, are not seen;"
        " CAP_NET_ADMIN lets the kernel tell",
    )
    every = 1.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: set[int] | None = None
        self._young: dict[int, str] = {}
        self._lost = 0

    def open(self) -> None:
        """Nothing to ask for."""

    def look(self) -> Iterator[Event]:
        """The processes that were not there before; none at the first look."""
        now = {int(name) for name in os.listdir(self._machine.proc) if name.isdigit()}
        new = sorted(now - self._known) if self._known is not None else []
        self._known = now
        self._lost += max(0, len(new) - AT_ONCE)
        before, self._young = self._young, {}
        for pid in (*before, *new[:AT_ONCE]):
            started = self._machine.process(pid)
            if pid not in before:
                self._young[pid] = started.command
            if started.uid >= 0 and started.command != before.get(pid):
                yield launched(self._machine, started)

    def lost(self) -> int:
        """Processes that were too many to look at."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Nothing is open."""
