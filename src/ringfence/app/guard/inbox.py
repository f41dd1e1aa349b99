"""Incidents on their way to the guard: the latest version of each, and those that are looked at again in a while."""

import heapq
import threading
import time
from collections import OrderedDict

from ringfence.watch.values import Incident


class Inbox:
    """The latest version of each incident that is to be looked at, the first come first. For several threads."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Incident] = OrderedDict()
        self._later: list[tuple[float, str, Incident]] = []
        self._due: dict[str, float] = {}
        self._some = threading.Condition()

    def put(self, incident: Incident) -> None:
        """Have it looked at now, unless a newer version waits. Never waits."""
        with self._some:
            known = self._waiting.get(incident.id)
            if known is None or incident.version >= known.version:
                self._waiting[incident.id] = incident
            self._some.notify()

    def again(self, incident: Incident, seconds: float) -> None:
        """Have it looked at once more in a while, the others before it; a newer version takes its place."""
        with self._some:
            due = self._due[incident.id] = time.monotonic() + seconds
            heapq.heappush(self._later, (due, incident.id, incident))

    def wake(self) -> None:
        """Whoever waits waits no longer."""
        with self._some:
            self._some.notify_all()

    def take(self, wait: float) -> Incident | None:
        """The next one; None if none came within `wait` seconds, or somebody woke us."""
        with self._some:
            self._ripen()
            if not self._waiting:
                soonest = self._later[0][0] - time.monotonic() if self._later else wait
                self._some.wait(max(0.0, min(wait, soonest)))
                self._ripen()
            if not self._waiting:
                return None
            found = self._waiting.popitem(last=False)[1]
            self._due.pop(found.id, None)
            return found

    def _ripen(self) -> None:
        """What is due now waits like the rest, unless the incident was looked at meanwhile."""
        while self._later and self._later[0][0] <= time.monotonic():
            due, _, incident = heapq.heappop(self._later)
            if self._due.get(incident.id) == due:
                self._waiting.setdefault(incident.id, incident)
