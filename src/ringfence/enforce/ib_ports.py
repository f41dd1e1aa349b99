"""What every manager of a fabric has in common: tables are read back, and a change goes in safe sweeps.

        cables, every table ──kept for a while──▶ touched ports and a few more: as they were? ──▶ sweeps, each read back
                ▲                                              │ no                                    on these ports
                └──────────────────── looked up afresh ◀───────┘

Where nothing is kept (`kept` = 0), each change looks up all cables, and each sweep is read back from every port.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from ringfence.enforce.quarantine_overlay import masked
from ringfence.errors import EnforceError
from ringfence.segment.compile.ib_steps import Step, steps
from ringfence.segment.compile.partitions import Plan, tables
from ringfence.segment.fabrics import guid_of
from ringfence.segment.inventory import Fabric
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.tables import Place, Seen

DEADLINE = 120.0
"""Seconds for one sweep to reach every port; 10,000 hosts take some five."""

SAMPLE = 32
"""Untouched ports that are read with each change, in turn, so that every port has its turn."""

_DOUBT = 3.0
"""Seconds after which a port that does not follow is looked for elsewhere: its cable may have been moved."""

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

    def moved(self, places: Sequence[Place]) -> tuple[int, ...]:
        """GUIDs of places at whose LID another port answers, or none."""
        ...


class Ports:
    """The ports of one fabric, read back. `fabric.table` is what the ports and their switches said they hold.

    `kept`: seconds for which cables and tables once read are relied on for ports that a change does not touch.
    """

    def __init__(self, fabric: Fabric, reader: Reader, deadline: float = DEADLINE, kept: float = 0.0) -> None:
        self.fabric, self.reader, self.deadline, self.kept = fabric, reader, deadline, kept
        self.late: frozenset[int] = frozenset()
        """GUIDs of ports that did not follow the last change."""
        self.held: frozenset[int] = frozenset()
        """GUIDs of ports in quarantine: no plan changes what they hold."""
        self._places: dict[int, Place] = {}
        self._last = Seen({}, {})
        self._looked = -kept
        self._must: frozenset[int] | None = None
        self._turn = 0

    @property
    def last(self) -> Seen:
        """What was read last of each port."""
        return self._last

    def seen(self) -> Seen:
        """Every table of the fabric now, cables looked up afresh."""
        return self.take(self.reader.places())

    def take(self, places: Sequence[Place]) -> Seen:
        """Every table of the fabric, whose cables are these."""
        self._places = {one.guid: one for one in places}
        room = {f"ibport:0x{guid:016x}": keys for guid, keys in self.reader.room(places).items() if keys}
        self.fabric = msgspec.structs.replace(self.fabric, table={**self.fabric.table, **room})
        self._last = self.reader.read(places, [guid for port in self.fabric.ports if (guid := guid_of(port))])
        self._looked = time.monotonic()
        return self._last

    def forget(self) -> None:
        """Rely on nothing that was read: the next change looks up everything."""
        self._looked = time.monotonic() - self.kept

    def wait(self, wanted: Tables) -> Seen:
        """Until every port and leaf port that is there holds what is wanted. Raises with the ports that do not.

        While a change is followed by what is kept, those are its ports, and all that this sweep changes.
        """
        begin, pause, doubted = time.monotonic(), 0.002, self._must is None
        places = self._asked(wanted)
        asked = [one for one in places if not _holds(self._last, one.guid, wanted)] or places  # not to slow the sweep
        while True:
            at = time.monotonic()
            seen = self.reader.read(asked)
            wrong = [one for one in asked if not _holds(seen, one.guid, wanted)]
            now = time.monotonic()
            if not wrong and len(asked) == len(places):
                self._last = _over(self._last, seen)
                return seen
            if now > begin + self.deadline:
                raise self._late(wrong, seen)
            if not doubted and (seen.unread or now > begin + _DOUBT):
                doubted = True
                self._places = {one.guid: one for one in self.reader.places()}
                places = wrong = self._asked(wanted)
            asked = wrong or places  # what was wrong first, all of them at the end
            if wrong:
                time.sleep(pause)
                pause = min(pause * 1.5, max(0.01, 5 * (now - at)), 0.1)  # not to slow the sweep either

    def follow(
        self,
        plan: Plan,
        put: Callable[[Step], None],
        evicted: Collection[int] = frozenset(),
        between: Callable[[Step], None] | None = None,
        asked: Collection[int] = frozenset(),
    ) -> tuple[Step, ...]:
        """`put` each sweep that leads to the plan; `between` runs after each but the last.

        `evicted`: GUIDs of ports that change their tenant (`ib_steps.handed_over`). `asked`: GUIDs that are read back
        whether or not this change touches them. A port whose table does not come stops the change before it begins:
        nobody could say that a key is free. After a failure nothing that was read is relied on.
        """
        self.late = frozenset()
        try:
            return self._followed(plan, put, evicted, between, asked)
        except BaseException:
            self.forget()
            raise
        finally:
            self._must = None

    def _followed(
        self,
        plan: Plan,
        put: Callable[[Step], None],
        evicted: Collection[int],
        between: Callable[[Step], None] | None,
        asked: Collection[int],
    ) -> tuple[Step, ...]:
        whole = tables(plan)
        goal = masked(whole, self.held)
        self._must = self._as_kept(goal, frozenset(asked).union(evicted))
        seen = self.seen() if self._must is None else self._last
        if seen.unread:
            raise self._unread(seen)
        apart = {guid: whole[guid] for guid in self.held if guid in whole}
        taken = steps(_now(seen, goal) | apart, plan, frozenset(evicted) - self.held)
        if not taken and any(not _holds(seen, guid, goal) for guid in seen.ends if guid in goal):
            taken = (Step("open", plan, goal),)  # a leaf port lacks what its adapter has
        for step in taken:
            put(step)
            if between and step is not taken[-1]:
                between(step)
        return taken

    def _as_kept(self, goal: Tables, asked: frozenset[int]) -> frozenset[int] | None:
        """The ports to read back with this change, if they are what and where they were last; else None: read all."""
        if time.monotonic() >= self._looked + self.kept or self._last.unread:
            return None
        touched = asked.union(guid for guid in self._last.ends if guid in goal and not _holds(self._last, guid, goal))
        must = (touched & goal.keys()) | self._sample()
        if not must <= self._places.keys():
            return None  # one of them was not there: it may be now
        places = [self._places[guid] for guid in sorted(must)]
        seen = self.reader.read(places)
        if seen.unread or any(not _alike(seen, self._last, guid) for guid in must) or self.reader.moved(places):
            return None
        return must

    def _sample(self) -> frozenset[int]:
        """The next of all ports, in turn."""
        every = sorted(self._places)
        self._turn = self._turn % max(1, len(every))
        found = (every + every)[self._turn : self._turn + SAMPLE]
        self._turn += SAMPLE
        return frozenset(found)

    def _asked(self, wanted: Tables) -> list[Place]:
        """Where this sweep is read back. Raises `EnforceError` where a port that must be read is not there."""
        if not self._places:
            self._places = {one.guid: one for one in self.reader.places()}
        there = [one for guid, one in self._places.items() if guid in wanted]
        if self._must is None:
            return there
        if gone := self._must - self._places.keys():
            self.late = gone
            raise EnforceError(f"{len(gone)} port(s) of {self.fabric.name} have gone from the fabric", left=_ids(gone))
        return [one for one in there if one.guid in self._must or not _holds(self._last, one.guid, wanted)]

    def _late(self, wrong: Sequence[Place], seen: Seen) -> EnforceError:
        self.late = frozenset(one.guid for one in wrong)
        said = {one.guid: "did not answer" if one.guid in seen.unread else "another table" for one in wrong}
        what = f"{len(wrong)} port(s) of {self.fabric.name} do not hold what was ordered after {self.deadline:.0f} s"
        remedy = "look at the subnet manager's log, then apply again: it is safe to repeat"
        return EnforceError(what, remedy, _named([f"ibport:0x{guid:016x}: {why}" for guid, why in said.items()]))

    def _unread(self, seen: Seen) -> EnforceError:
        self.late = frozenset(seen.unread)
        what = f"{len(seen.unread)} port(s) of {self.fabric.name} do not show their tables: no key is known to be free"
        return EnforceError(what, "mend or take out the switch that they are cabled to", _ids(seen.unread))


def _now(seen: Seen, goal: Tables) -> Tables:
    """What is in force: the more open of adapter and leaf port. An absent port comes back as is wanted then."""
    now = {guid: goal[guid] for guid in seen.absent if guid in goal}
    for guid, held in seen.ends.items():
        leaf = seen.leaves.get(guid, {})
        now[guid] = held if held == leaf else leaf | {key: how for key, how in held.items() if leaf.get(key) != "full"}
    return now


def _over(last: Seen, seen: Seen) -> Seen:
    """What was read last, with what was read now."""
    return msgspec.structs.replace(last, ends=last.ends | seen.ends, leaves=last.leaves | seen.leaves)


def _alike(seen: Seen, last: Seen, guid: int) -> bool:
    return seen.ends.get(guid) == last.ends.get(guid) and seen.leaves.get(guid) == last.leaves.get(guid)


def _ids(guids: Iterable[int]) -> tuple[str, ...]:
    return _named([f"ibport:0x{guid:016x}" for guid in sorted(guids)])


def _named(left: list[str]) -> tuple[str, ...]:
    return (*left[:_NAMED], *((f"{len(left) - _NAMED} more",) if len(left) > _NAMED else ()))


def holds(seen: Seen, wanted: Tables) -> bool:
    """Whether every port that is there holds what is wanted of it, at both ends."""
    return all(_holds(seen, guid, wanted) for guid in (*seen.ends, *seen.unread) if guid in wanted)


def _holds(seen: Seen, guid: int, wanted: Tables) -> bool:
    return seen.ends.get(guid) == wanted[guid] == seen.leaves.get(guid)
