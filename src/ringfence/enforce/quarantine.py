"""Target `quarantine`: ports that are members of nothing but the limited default partition, until a known second.

        document ─▶ live, known, no manager's ─▶ Opensm.hold ─▶ every table read back
                                 due, lapse ─▶ the same without what has lapsed, with no server

It is laid over what the fence or the site put in force (`quarantine_overlay`), so the two do not undo each other.
A port in quarantine still speaks with every full member of the default partition: the managers, which is meant, and
whoever else is one, which is told (`left`). Where everyone is one, quarantine would be a word, and is refused.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ib_seat import Seat
from ringfence.enforce.opensm import Opensm
from ringfence.enforce.quarantine_held import guids, held, ports_of
from ringfence.errors import EnforceError
from ringfence.estate import ids
from ringfence.segment.fabrics import entity, guid_of
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire.contain import LONGEST, OnFabric, Until, decode, encode, live
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.tables import Place
from ringfence.wire.ibnet.values import DEFAULT_PKEY

DEADLINE = 10.0
"""Seconds for the tables to follow; 324 hosts take a tenth of one."""

_FRESH = 2.0
"""Seconds for which a read-back relies on cables: the apply before it has just looked them up."""

_NAMED = 20


class Quarantine:
    """The quarantine of one fabric. `seats`: of all its managers, the master's last.

    `fabric.ports`: end ports that may be away now; those that are there are looked up. `environment`, `folder`: of the
    tools that read tables. The way into the fabric is kept open between calls; `close` ends it.
    """

    target = "quarantine"

    def __init__(
        self,
        fabric: Fabric,
        seats: Sequence[Seat],
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        deadline: float = DEADLINE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.where = entity(fabric)
        self.left: tuple[str, ...] = ()
        """Of the last change: managers that do not run, and who but a manager can reach what is in quarantine."""
        self._fabric, self._seats, self._clock, self._deadline = fabric, tuple(seats), clock, deadline
        self._environment = {**os.environ, **environment} if environment else None
        self._folder = folder
        self._open: tuple[TableReader, Opensm] | None = None
        self._places: tuple[Place, ...] = ()
        self._looked = 0.0
        self._one = threading.Lock()

    def read(self) -> str:
        """The document of those ports that the tables, their own and their leaf's, show to be in quarantine."""
        with self._manager() as manager:
            seen = manager.ports.take(self._cables(manager, _FRESH))
            noted = manager.held()
        alone = {DEFAULT_PKEY: "limited"}
        there = {guid for guid in seen.ends if seen.ends[guid] == alone == seen.leaves.get(guid)}
        away = guids(noted) - seen.ends.keys() - seen.leaves.keys() - set(seen.unread)
        return encode(OnFabric(tuple(one for one in noted if int(one.what, 16) in there | away)))

    def apply(self, artefact: Artefact) -> None:
        """Have in quarantine exactly what the document says, less what has lapsed."""
        self._hold(artefact.text)

    def restore(self, before: str) -> None:
        """The same: what `read` returned is a document."""
        self._hold(before)

    def due(self) -> float:
        """When `lapse` is to be called next: seconds since the epoch, infinite for never."""
        ends = [one.until for one in held(self._seats[-1]) if one.until]
        now = self._clock()
        return now if any(one > now + LONGEST for one in ends) else min(ends, default=math.inf)

    def lapse(self) -> tuple[str, ...]:
        """Let out what has lapsed, and name it. What a wrong clock held for longer than may be is shortened."""
        with self._manager() as manager:
            noted = manager.held()
            kept = live(noted, self._clock())
            if kept != noted:
                self._held(manager, kept)
        gone = {one.what for one in noted} - {one.what for one in kept}
        return tuple(f"ibport:{one}" for one in sorted(gone))

    def close(self) -> None:
        """End the way into the fabric."""
        if self._open:
            self._open[0].close()
        self._open = None

    def _hold(self, text: str) -> None:
        wanted = live(ports_of(decode(text, OnFabric).ports), self._clock())
        if own := guids(wanted) & self._managers:
            what = "the port of a subnet manager cannot be in quarantine: nobody would have a path any more"
            raise EnforceError(what, "cut what it sends on its host", _names(own))
        with self._manager() as manager:
            self._held(manager, wanted)

    def _held(self, manager: Opensm, wanted: tuple[Until, ...]) -> None:
        places, new = self._cables(manager, 0.0), guids(wanted)
        ports = {*self._fabric.ports, *map(ids.ibport, (*new, *(place.guid for place in places)))}
        manager.ports.fabric = msgspec.structs.replace(manager.fabric, ports=tuple(sorted(ports)))
        if new - guids(manager.held()) and (others := self._everyone(manager, new)):
            what = f"quarantine would cut nothing: all {len(others)} other ports of {self.where} are full members"
            remedy = "put the fence's partitions in force, or cut the leaf port (target `ports`)"
            raise EnforceError(f"{what} of the default partition; nothing was changed", remedy, _names(others))
        silent = manager.hold(wanted, places)
        seen = manager.ports.last
        spared = new | self._managers
        full = {guid for side in (seen.ends, seen.leaves) for guid, table in side.items() if _is_full(table)} - spared
        told = _names(full, ": a full member of the default partition, it reaches what is in quarantine")
        told += _names(set(seen.unread) - spared, ": shows no table")
        self.left = (*silent, *(told if new else ()))

    def _everyone(self, manager: Opensm, new: frozenset[int]) -> frozenset[int]:
        """All others, if the base says of each that it is a full member of the default partition; else nobody."""
        text = manager.read()
        if partitions.read_text(text).fails_open:
            return frozenset()  # says nothing: the manager refuses it, with the reason
        tables = manager_tables(manager.fabric, text)
        others = frozenset(tables) - new - self._managers
        return others if all(_is_full(tables[one]) for one in others) else frozenset()

    @property
    def _managers(self) -> frozenset[int]:
        return frozenset(map(guid_of, self._fabric.manager_ports))

    def _cables(self, manager: Opensm, age: float) -> tuple[Place, ...]:
        """Where every port is, looked up no longer than `age` seconds ago."""
        if not self._places or time.monotonic() > self._looked + age:
            self._places, self._looked = manager.ports.reader.places(), time.monotonic()
        return self._places

    @contextmanager
    def _manager(self) -> Iterator[Opensm]:
        with self._one:
            if self._open is None:
                reader = TableReader(self._environment, self._folder)
                manager = Opensm(self._fabric, self._seats, reader, {}, self._deadline, clock=self._clock)
                self._open, self._places = (reader, manager), ()
            try:
                yield self._open[1]
            except BaseException:
                self.close()
                raise


def _is_full(table: Mapping[int, str]) -> bool:
    return table.get(DEFAULT_PKEY) == "full"


def _names(guids: Collection[int], why: str = "") -> tuple[str, ...]:
    shown = tuple(f"ibport:0x{guid:016x}{why}" for guid in sorted(guids)[:_NAMED])
    return (*shown, *((f"{len(guids) - _NAMED} more{why}",) if len(guids) > _NAMED else ()))
