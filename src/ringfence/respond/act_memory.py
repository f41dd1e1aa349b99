"""What the queue could not take, because its disk is full: held in memory, done if it lapses by itself, told.

        submit ─▶ disk full ─▶ Memory.add ─▶ done like the rest ─▶ the disk has room ─▶ into the queue, looked at again
        renew  ─▶ disk full ─▶ Memory.stretch ─▶ laid over the rows that can still be read

If the process ends meanwhile this is gone, and the blocks lapse: that is why only those are done so.
"""

import threading
from collections.abc import Collection, Iterable, Sequence

import msgspec

from ringfence.store.actions import DOING, DONE, FAILED, LAPSED, PLANNED, UNDOING, UNDONE, Action, Lane, Mark, Waiting


class Memory:
    """Actions without a row, and what is newer than a row. Safe for several threads."""

    def __init__(self) -> None:
        self._rows: dict[str, Action] = {}
        self._until: dict[str, int] = {}
        self._stands: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def stretched(self) -> bool:
        """Whether rows of the queue are to last longer than they say."""
        return bool(self._until)

    def add(self, rows: Iterable[Action]) -> None:
        """Hold these; what is held already stays as it is."""
        with self._lock:
            for one in rows:
                self._rows.setdefault(one.id, one)

    def claimed(self, lane: Lane) -> list[Action]:
        """What is held of a lane, with what is to be done as `doing`."""
        with self._lock:
            return [
                msgspec.structs.replace(one, state=DOING) if one.state in (PLANNED, FAILED) else one
                for one in self._rows.values()
                if one.lane == lane
            ]

    def due(self, rows: Iterable[Action], begin: bool) -> list[Waiting]:
        """Lanes that have something to do by what is held. `rows`: those of the queue that lapse by themselves."""
        with self._lock:
            mine = {
                one.lane
                for one in self._rows.values()
                if (begin and one.state == PLANNED)
                or one.state in (DOING, FAILED, UNDOING)
                or (one.state == DONE and one.until != one.stands)
            }
        mine |= {one.lane for one in self.over(rows) if one.state == DONE and one.until != one.stands}
        return [Waiting(*lane, first=0, fresh=True) for lane in sorted(mine)]

    def over(self, rows: Iterable[Action]) -> list[Action]:
        """Rows of the queue, as far as they were renewed since."""
        with self._lock:
            return [
                msgspec.structs.replace(
                    one, until=self._until[one.incident], stands=self._stands.get(one.id, one.stands)
                )
                if one.lasts and one.incident in self._until
                else one
                for one in rows
            ]

    def note(self, marks: Sequence[Mark]) -> None:
        """What became of them. What ended is not held any longer."""
        with self._lock:
            for one in marks:
                row = self._rows.get(one.id)
                if one.state == DONE and self._until:
                    self._stands[one.id] = one.stands
                if row is None:
                    continue
                if one.state in (UNDONE, LAPSED):
                    del self._rows[one.id]
                elif row.state in one.was or row.state == PLANNED:
                    self._rows[one.id] = msgspec.structs.replace(row, state=one.state, stands=one.stands, why=one.why)

    def renew(self, incidents: Collection[str], until: int) -> None:
        """What is held of these lasts until then."""
        with self._lock:
            for key, one in self._rows.items():
                if one.incident in incidents:
                    self._rows[key] = msgspec.structs.replace(one, until=until)

    def stretch(self, incidents: Iterable[str], until: int) -> None:
        """The queue could not take a renewal of these."""
        with self._lock:
            self._until.update(dict.fromkeys(incidents, until))

    def taken(self, incidents: Iterable[str]) -> None:
        """The queue took a renewal of these."""
        with self._lock:
            for one in incidents:
                self._until.pop(one, None)
            if not self._until:
                self._stands.clear()

    def take_back(self, incident: str, ids: Collection[str] | None = None) -> int:
        """Let what is held of an incident ("" for all) be undone; how many that were."""
        with self._lock:
            mine = [
                one
                for one in self._rows.values()
                if incident in ("", one.incident) and (ids is None or one.id in ids) and one.state != UNDOING
            ]
            for one in mine:
                if one.state == PLANNED:
                    del self._rows[one.id]
                else:
                    self._rows[one.id] = msgspec.structs.replace(one, state=UNDOING)
            return len(mine)

    def unwritten(self, busy: Collection[Lane]) -> list[Action]:
        """What is to go into the queue as soon as that takes it; what is being taken back never does."""
        with self._lock:
            return [one for one in self._rows.values() if one.lane not in busy and one.state != UNDOING]

    def written(self, rows: Iterable[Action]) -> None:
        """The queue has these now."""
        with self._lock:
            for one in rows:
                self._rows.pop(one.id, None)
