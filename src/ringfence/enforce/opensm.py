"""opensm: the same `partitions.conf` for every manager of a fabric, and every port read back.

        guard ─▶ staged beside each manager's file ─▶ renamed ─▶ SIGHUP ─▶ every table as wanted, or an error

The guard is called for every text that is written, and nothing here can be told to leave it out. A text that did
not reach all managers is taken back from those that it reached. What the ports hold after a time-out is named.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ib_seat import Seat
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step, steps
from ringfence.segment.compile.partitions import Plan, tables, text
from ringfence.segment.fabrics import guid_of
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.failopen import refuse
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.tables import Place, Seen

DEADLINE = 120.0
"""Seconds for one sweep to reach every port; 10,000 hosts take some five."""

OPEN = "# As before Ringfence: every port is a full member.\nDefault=0x7fff, ipoib, defmember=full : ALL=full;\n"
"""What a missing or broken file comes to, in words: nothing that fails open is written, not even by an undo."""

_NAMED = 20


class Reader(Protocol):
    """What reads tables: `collect.ib_tables.TableReader`."""

    def places(self) -> tuple[Place, ...]: ...

    def read(self, places: Sequence[Place], wanted: Sequence[int] = ()) -> Seen: ...


class Opensm:
    """The managers of one fabric. `seats`: their files, the standby ones first; `intended`: what `apply` is to give."""

    target = "opensm"

    def __init__(
        self,
        fabric: Fabric,
        seats: Sequence[Seat],
        reader: Reader | TableReader,
        intended: Tables,
        deadline: float = DEADLINE,
    ) -> None:
        if not seats:
            raise EnforceError(f"no subnet manager of {fabric.name} can be changed from here")
        self.fabric, self.seats, self.reader, self.intended = fabric, tuple(seats), reader, intended
        self.where = fabric.name
        self.deadline = deadline
        self._places: tuple[Place, ...] = ()

    def read(self) -> str:
        """The text in force. Raises where the managers hold different ones, of which any may be the next in force."""
        found = {seat.host: seat.text() for seat in self.seats}
        if len(set(found.values())) > 1:
            raise EnforceError(
                f"the managers of {self.where} hold different partitions.conf: {', '.join(found)}",
                "apply the fence: it gives every manager the same file",
                tuple(found),
            )
        return next(iter(found.values()))

    def apply(self, artefact: Artefact) -> None:
        """Put a compiled text in force in one sweep; `follow` does it in safe steps."""
        self.put(artefact.text, self.intended)

    def restore(self, before: str) -> None:
        """Bring back what was in force. Where that was a file that opensm ignores, the open fabric is written out."""
        text = OPEN if partitions.read(before.encode("utf-8", "surrogateescape")).fails_open else before
        self.put(text, manager_tables(self.fabric, text))

    def follow(
        self,
        plan: Plan,
        evicted: Collection[int] = frozenset(),
        between: Callable[[Step], None] | None = None,
    ) -> tuple[Step, ...]:
        """The sweeps that lead to the plan, each read back before the next; `between` runs after each but the last.

        `evicted`: GUIDs of ports that change their tenant (`ib_steps.handed_over`); `between` ends their flows.

        Keys that a port did not show as gone are not given to anybody: an unread port stops the change after `cut`.
        """
        seen = self.seen()
        if seen.unread:
            raise self._unread(seen)
        taken = steps(seen.ends, plan, evicted)
        for step in taken:
            self.put(text(step.plan), step.tables)
            if between and step is not taken[-1]:
                between(step)
        if not taken and any(seat.text() != text(plan) for seat in self.seats):
            self.put(text(plan), tables(plan))  # the ports are right, a file is not: a restart would bring it in force
        return taken

    def put(self, text: str, wanted: Tables) -> None:
        """Write, load, read back. Raises `EnforceError`; before the first rename nothing has changed."""
        if problems := refuse(text, self.fabric, wanted):
            left = tuple(str(problem) for problem in problems)
            raise EnforceError(f"refused for {self.where}: {problems[0].what}", problems[0].remedy, left)
        self._write(text)
        for seat in self.seats:
            seat.reload()
        self.wait(wanted)

    def seen(self) -> Seen:
        """Every table of the fabric now."""
        self._places = self.reader.places()
        return self.reader.read(self._places, [guid for port in self.fabric.ports if (guid := guid_of(port))])

    def wait(self, wanted: Tables) -> Seen:
        """Until every port and leaf port that answers holds what is wanted. Raises with the ports that do not."""
        places = [one for one in self._places or self.reader.places() if one.guid in wanted]
        until, pause, asked = time.monotonic() + self.deadline, 0.002, places
        while True:
            seen = self.reader.read(asked)
            wrong = [one for one in asked if not _holds(seen, one.guid, wanted)]
            if not wrong and len(asked) == len(places):
                return seen
            if time.monotonic() > until:
                raise self._late(wrong, seen)
            asked = wrong or places  # what was wrong first, all of them at the end
            time.sleep(pause if wrong else 0)
            pause = min(pause * 1.5, 0.1)

    def _write(self, text: str) -> None:
        before = {seat.host: seat.text() for seat in self.seats}
        try:
            for seat in self.seats:
                seat.stage(text)
        except (OSError, EnforceError) as error:
            for seat in self.seats:
                seat.drop()
            raise EnforceError(f"nothing was changed: {error}", "free the disk or the path, and apply again") from None
        done: list[Seat] = []
        for seat in self.seats:
            try:
                seat.commit()
                done.append(seat)
            except (OSError, EnforceError) as error:
                raise self._taken_back(done, before, error) from None

    def _taken_back(self, done: Sequence[Seat], before: dict[str, str], error: Exception) -> EnforceError:
        """After a rename failed: the old text again wherever the new one is, unless it is one that opens the fabric."""
        left = []
        for seat in done:
            old = before[seat.host]
            if refuse(old, self.fabric, manager_tables(self.fabric, old)):
                left.append(f"{seat.host}: the new file, as the old one opens the fabric")
                continue
            try:
                seat.stage(old)
                seat.commit()
            except (OSError, EnforceError):
                left.append(f"{seat.host}: the new file")
        for seat in self.seats:
            seat.drop()
        return EnforceError(f"a manager's file could not be replaced: {error}", "apply again", tuple(left))

    def _late(self, wrong: Sequence[Place], seen: Seen) -> EnforceError:
        held = (
            (f"ibport:0x{one.guid:016x}", "did not answer" if one.guid in seen.unread else "another table")
            for one in wrong
        )
        left = [f"{port}: {why}" for port, why in held]
        return EnforceError(
            f"{len(wrong)} port(s) of {self.where} do not hold what was ordered after {self.deadline:.0f} s",
            "look at the subnet manager's log, then apply again: it is safe to repeat",
            tuple(left[:_NAMED]) + ((f"{len(left) - _NAMED} more",) if len(left) > _NAMED else ()),
        )

    def _unread(self, seen: Seen) -> EnforceError:
        left = tuple(f"ibport:0x{guid:016x}" for guid in seen.unread[:_NAMED])
        what = f"{len(seen.unread)} port(s) of {self.where} do not show their tables, so no key can be known to be free"
        return EnforceError(what, "mend or take out the switch that they are cabled to", left)


def _holds(seen: Seen, guid: int, wanted: Tables) -> bool:
    return seen.ends.get(guid) == wanted[guid] == seen.leaves.get(guid)
