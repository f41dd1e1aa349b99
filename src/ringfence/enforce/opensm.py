"""opensm: the same `partitions.conf` for every manager of a fabric, and every port read back.

        guard ─▶ staged beside each manager's file ─▶ renamed ─▶ SIGHUP ─▶ every table as wanted, or an error

The guard is called for every text that is written, and nothing here can be told to leave it out. A text that did
not reach all managers is taken back from those that it reached. What the ports hold after a time-out is named.
"""

from collections.abc import Callable, Collection, Sequence

from ringfence.enforce.ib_ports import DEADLINE, Ports, Reader
from ringfence.enforce.ib_seat import Seat
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step
from ringfence.segment.compile.partitions import Plan, tables, text
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.failopen import refuse
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import Tables

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
    ) -> None:
        if not seats:
            raise EnforceError(f"no subnet manager of {fabric.name} can be changed from here")
        self.seats, self.intended = tuple(seats), intended
        self.where = fabric.name
        self.ports = Ports(fabric, reader, deadline, kept)

    @property
    def fabric(self) -> Fabric:
        """With the sizes of tables as they were last read."""
        return self.ports.fabric

    def read(self) -> str:
        """The text in force: that of the last seat, the master's."""
        return self.seats[-1].text()

    def strays(self) -> tuple[str, ...]:
        """Hosts of managers whose file is another one: if one of them becomes master, the fence changes."""
        text = self.read()
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
        taken = self.ports.follow(plan, lambda step: self.put(text(step.plan), step.tables), evicted, between, asked)
        if not taken and any(seat.text() != text(plan) for seat in self.seats):
            self.put(text(plan), tables(plan))  # the ports are right, a file is not: a restart would bring it in force
        return taken

    def put(self, text: str, wanted: Tables) -> None:
        """Write, load, read back. Raises `EnforceError`; before the first rename nothing has changed."""
        if problems := refuse(text, self.fabric, wanted):
            left = tuple(str(problem) for problem in problems)
            raise EnforceError(f"refused for {self.where}: {problems[0].what}", problems[0].remedy, left)
        self._write(text)
        silent = [error for seat in self.seats if (error := _reloaded(seat))]
        if len(silent) < len(self.seats):
            self.ports.wait(wanted)
        if silent:
            raise silent[0]

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
