"""opensm: the same `partitions.conf` for every manager of a fabric, and every port read back.

        guard ─▶ staged beside each manager's file ─▶ renamed ─▶ SIGHUP ─▶ every table as wanted, or an error

The guard is called for every text that is written, and nothing here can be told to leave it out. A text that did
not reach all managers is taken back from those that it reached. What the ports hold after a time-out is named.

Two change these files, the fence and the quarantine, and here they meet: whatever is put is laid under what is held
in quarantine (`quarantine_overlay`), and what is read is without it. What is held is noted beside each file first.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from ringfence.enforce.ib_ports import DEADLINE, Ports, Reader, holds
from ringfence.enforce.ib_seat import Seat
from ringfence.enforce.quarantine_held import guids, held, note
from ringfence.enforce.quarantine_overlay import base, masked, over
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step
from ringfence.segment.compile.partitions import Plan, tables, text
from ringfence.segment.fabrics import guid_of
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.failopen import refuse
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.contain import Until, live
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.tables import Place, Seen

OPEN = "# As before Ringfence: every port is a full member.\nDefault=0x7fff, ipoib, defmember=full : ALL=full;\n"
"""What a missing or broken file comes to, in words: nothing that fails open is written, not even by an undo."""


class Opensm:
    """The managers of one fabric. `seats`: their files, the standby ones first; `intended`: what `apply` is to give."""

    target = "opensm"

    def __init__(
        self,
        fabric: Fabric,
        seats: Sequence[Seat],
        reader: Reader,
        intended: Tables,
        deadline: float = DEADLINE,
        kept: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not seats:
            raise EnforceError(f"no subnet manager of {fabric.name} can be changed from here")
        self.seats, self.intended, self._clock = tuple(seats), intended, clock
        self.where = fabric.name
        self.ports = Ports(fabric, reader, deadline, kept)

    @property
    def fabric(self) -> Fabric:
        """With the sizes of tables as they were last read."""
        return self.ports.fabric

    def read(self) -> str:
        """The text in force, that of the last seat, the master's; without what is in quarantine."""
        return base(self.seats[-1].text())

    def held(self) -> tuple[Until, ...]:
        """What is noted as in quarantine, lapsed or not."""
        return held(self.seats[-1])

    def quarantined(self) -> frozenset[int]:
        """The ports that are in quarantine now."""
        return guids(live(self.held(), self._clock()))

    @property
    def meant(self) -> Tables:
        """`intended`, less what is in quarantine."""
        return masked(self.intended, self.quarantined())

    def without(self, seen: Seen) -> Seen:
        """What was read, less the ports that are in quarantine as they should be: for the fence they are away."""
        alone = masked({}.fromkeys(seen.ends, {}), apart := self.quarantined())
        away = {guid for guid in apart if guid in alone and seen.ends[guid] == alone[guid] == seen.leaves.get(guid)}
        ends, leaves = (
            {guid: held for guid, held in side.items() if guid not in away} for side in (seen.ends, seen.leaves)
        )
        return Seen(ends, leaves, seen.unread, tuple(sorted(away.union(seen.absent))))

    def strays(self) -> tuple[str, ...]:
        """Hosts of managers whose file is another one: if one of them becomes master, the fence changes."""
        text = self.seats[-1].text()
        return tuple(seat.host for seat in self.seats if seat.text() != text)

    def apply(self, artefact: Artefact) -> None:
        """Put a compiled text in force in one sweep; `follow` does it in safe steps."""
        self.put(artefact.text, self.intended)

    def restore(self, before: str) -> None:
        """Bring back what was in force. Where that was a file that opensm ignores, the open fabric is written out."""
        text = OPEN if partitions.read_text(before).fails_open else before
        self.put(text, manager_tables(self.fabric, text))

    def follow(
        self,
        plan: Plan,
        evicted: Collection[int] = frozenset(),
        between: Callable[[Step], None] | None = None,
        asked: Collection[int] = frozenset(),
    ) -> tuple[Step, ...]:
        """The sweeps that lead to the plan, each read back before the next; `between` runs after each but the last.

        `evicted`: GUIDs of ports that change their tenant (`ib_steps.handed_over`); `between` ends their flows.
        `asked`: GUIDs that are read back whether or not they change.
        """
        self.ports.held = self.quarantined()
        taken = self.ports.follow(plan, lambda step: self.put(text(step.plan), step.tables), evicted, between, asked)
        if not taken and any(base(seat.text()) != text(plan) for seat in self.seats):
            self.put(text(plan), tables(plan))  # the ports are right, a file is not: a restart would bring it in force
        return taken

    def put(self, text: str, wanted: Tables) -> None:
        """Write, load, read back. Raises `EnforceError`; before the first rename nothing has changed.

        `text` and `wanted` are without quarantine: who is in it stays there.
        """
        with self.seats[-1].alone():
            apart = self.quarantined()
            made, wanted = self._over(text, apart), masked(wanted, apart)
            self._guard(made, wanted)
            if silent := self._sweep(made, wanted):
                raise silent[0]

    def hold(self, ports: Sequence[Until], places: Sequence[Place] | None = None) -> tuple[str, ...]:
        """Have exactly these ports (`0x…`) in quarantine, noted before anything is changed. Raises `EnforceError`.

        Who comes in is cut in a sweep before anybody is let out. Every table is read back but of a port that showed
        none before; where all are as they should be, nothing is swept. `places`: cables that were just looked up.
        Returns what is said of managers that do not run while another one does.
        """
        with self.seats[-1].alone():
            text, new, old = self.read(), guids(ports), guids(self.held())
            tables = manager_tables(self.fabric, text)
            sweeps = (old | new, new) if new - old and old - new else (new,)
            rounds = [(self._over(text, one), masked(tables, one)) for one in sweeps]
            for made, wanted in rounds:
                self._guard(made, wanted)
            notes = [(seat, seat.held()) for seat in self.seats]
            try:
                self._note([(seat, note(ports)) for seat in self.seats])
                silent = self._rounds(rounds, new | old, places)
            except EnforceError:
                if self.seats[-1].text() not in [made for made, _ in rounds]:
                    self._note(notes)
                raise
            if not ports:
                self._note([(seat, "") for seat in self.seats])
        return tuple(dict.fromkeys(error.what for error in silent))

    def _rounds(
        self, rounds: Sequence[tuple[str, Tables]], touched: frozenset[int], places: Sequence[Place] | None
    ) -> list[EnforceError]:
        """The sweeps that are needed; a port that shows no table, and of which nothing is wanted, stops none."""
        seen = self.ports.seen() if places is None else self.ports.take(places)
        dumb, silent = set(seen.unread) - touched, []
        for made, wanted in rounds:
            asked = {guid: held for guid, held in wanted.items() if guid not in dumb}
            if any(seat.text() != made for seat in self.seats) or not holds(seen, asked):
                silent += self._sweep(made, asked)
        return silent

    def _over(self, text: str, apart: frozenset[int]) -> str:
        return over(text, apart, (guid for port in self.fabric.ports if (guid := guid_of(port))))

    def _guard(self, text: str, wanted: Tables) -> None:
        if problems := refuse(text, self.fabric, wanted):
            left = tuple(str(problem) for problem in problems)
            raise EnforceError(f"refused for {self.where}: {problems[0].what}", problems[0].remedy, left)

    def _sweep(self, text: str, wanted: Tables) -> list[EnforceError]:
        """The managers that did not take it. Raises `EnforceError` where none did, or the ports do not follow."""
        self._write(text)
        silent = [error for seat in self.seats if (error := _reloaded(seat))]
        if len(silent) == len(self.seats):
            raise silent[0]
        self.ports.wait(wanted)
        return silent

    def _note(self, notes: Sequence[tuple[Seat, str]]) -> None:
        """Beside every manager's file, or beside none."""
        before = [(seat, seat.held()) for seat, _ in notes]
        try:
            for seat, text in notes:
                seat.hold(text)
        except EnforceError:
            for seat, text in before:
                with suppress(EnforceError):
                    seat.hold(text)
            raise

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


def _reloaded(seat: Seat) -> EnforceError | None:
    """A standby that does not run is told at the end: the master's sweep does not wait for it."""
    try:
        seat.reload()
    except EnforceError as error:
        return error
    return None
