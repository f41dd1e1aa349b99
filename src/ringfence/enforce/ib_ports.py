"""What every manager of a fabric has in common: tables are read back, and a change goes in safe sweeps."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step, steps
from ringfence.segment.compile.partitions import Plan, tables
from ringfence.segment.fabrics import guid_of
from ringfence.segment.inventory import Fabric
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.tables import Place, Seen

DEADLINE = 120.0
"""Seconds for one sweep to reach every port; 10,000 hosts take some five."""

_NAMED = 20


class Reader(Protocol):
    """What reads tables: `collect.ib_tables.TableReader`."""

    def places(self) -> tuple[Place, ...]:
        """Where every end port is."""
        ...

    def read(self, places: Sequence[Place], wanted: Sequence[int] = ()) -> Seen:
        """The tables of these places."""
        ...

    def room(self, places: Sequence[Place]) -> dict[int, int]:
        """How many keys fit at each place, by GUID; 0 where nobody said."""
        ...


class Ports:
    """The ports of one fabric, read back. `fabric.table` is what the ports and their switches said they hold."""

    def __init__(self, fabric: Fabric, reader: Reader, deadline: float = DEADLINE) -> None:
        self.fabric, self.reader, self.deadline = fabric, reader, deadline
        self._places: tuple[Place, ...] = ()
        self._last = Seen({}, {})

    def seen(self) -> Seen:
        """Every table of the fabric now, cables looked up afresh."""
        self._places = self.reader.places()
        room = {f"ibport:0x{guid:016x}": keys for guid, keys in self.reader.room(self._places).items() if keys}
        self.fabric = msgspec.structs.replace(self.fabric, table={**self.fabric.table, **room})
        self._last = self.reader.read(self._places, [guid for port in self.fabric.ports if (guid := guid_of(port))])
        return self._last

    def wait(self, wanted: Tables) -> Seen:
        """Until every port and leaf port that is there holds what is wanted. Raises with the ports that do not."""
        places = [one for one in self._places or self.reader.places() if one.guid in wanted]
        until, pause = time.monotonic() + self.deadline, 0.002
        asked = [one for one in places if not _holds(self._last, one.guid, wanted)] or places  # not to slow the sweep
        while True:
            seen = self.reader.read(asked)
            wrong = [one for one in asked if not _holds(seen, one.guid, wanted)]
            if not wrong and len(asked) == len(places):
                self._last = seen
                return seen
            if time.monotonic() > until:
                raise self._late(wrong, seen)
            asked = wrong or places  # what was wrong first, all of them at the end
            if wrong:
                time.sleep(pause)
                pause = min(pause * 1.5, 0.1)

    def follow(
        self,
        plan: Plan,
        put: Callable[[Step], None],
        evicted: Collection[int] = frozenset(),
        between: Callable[[Step], None] | None = None,
    ) -> tuple[Step, ...]:
        """`put` each sweep that leads to the plan; `between` runs after each but the last.

        `evicted`: GUIDs of ports that change their tenant (`ib_steps.handed_over`). A port whose table does not come
        stops the change before it begins: nobody could say that a key is free.
        """
        seen = self.seen()
        if seen.unread:
            raise self._unread(seen)
        goal = tables(plan)
        taken = steps(_now(seen, goal), plan, evicted)
        if not taken and any(not _holds(seen, guid, goal) for guid in seen.ends if guid in goal):
            taken = (Step("open", plan, goal),)  # a leaf port lacks what its adapter has
        for step in taken:
            put(step)
            if between and step is not taken[-1]:
                between(step)
        return taken

    def _late(self, wrong: Sequence[Place], seen: Seen) -> EnforceError:
        said = {one.guid: "did not answer" if one.guid in seen.unread else "another table" for one in wrong}
        what = f"{len(wrong)} port(s) of {self.fabric.name} do not hold what was ordered after {self.deadline:.0f} s"
        remedy = "look at the subnet manager's log, then apply again: it is safe to repeat"
        return EnforceError(what, remedy, _named([f"ibport:0x{guid:016x}: {why}" for guid, why in said.items()]))

    def _unread(self, seen: Seen) -> EnforceError:
        what = f"{len(seen.unread)} port(s) of {self.fabric.name} do not show their tables: no key is known to be free"
        remedy = "mend or take out the switch that they are cabled to"
        return EnforceError(what, remedy, _named([f"ibport:0x{guid:016x}" for guid in seen.unread]))


def _now(seen: Seen, goal: Tables) -> Tables:
    """What is in force: the more open of adapter and leaf port. An absent port comes back as is wanted then."""
    now = {guid: goal[guid] for guid in seen.absent if guid in goal}
    for guid, held in seen.ends.items():
        leaf = seen.leaves.get(guid, {})
        now[guid] = held if held == leaf else leaf | {key: how for key, how in held.items() if leaf.get(key) != "full"}
    return now


def _named(left: list[str]) -> tuple[str, ...]:
    return (*left[:_NAMED], *((f"{len(left) - _NAMED} more",) if len(left) > _NAMED else ()))


def _holds(seen: Seen, guid: int, wanted: Tables) -> bool:
    return seen.ends.get(guid) == wanted[guid] == seen.leaves.get(guid)
