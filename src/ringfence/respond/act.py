"""Doing what was decided: durable, counted, and read back; no lane waits for another.

        submit ─▶ queue (on disk) ─▶ lanes ─▶ a thread each ─▶ claim ─▶ evidence ─▶ apply ─▶ read back ─▶ evidence, mark
                                       ▲                                                                     │
                                       └───────────── what failed, what was not begun, what lapses ◀─────────┘

A turn of a lane carries everything that is pending there, in one document. Killed anywhere, the next start finds what
was begun (`doing`), looks first, and applies only what is not there. What a driver says counts for nothing; what is
read back does.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType

import msgspec

from ringfence.enforce.base import Enforcer
from ringfence.errors import StateError, UsageError
from ringfence.respond import act_turn
from ringfence.respond.act_desk import Desk, Options
from ringfence.respond.act_lane import Enforcers, Turns
from ringfence.respond.evidence import Evidence
from ringfence.respond.lanes import Lanes
from ringfence.respond.undo import Undo, chosen, undo
from ringfence.respond.values import SHADOW, Cut, Planned, action_id
from ringfence.store import actions
from ringfence.store.actions import Action, Lane, Waiting
from ringfence.store.state import Database

__all__ = ["Act", "Enforcers", "Options", "Status", "known"]

_JUMP = 2.0
"""Seconds by which wall and monotonic clock may part between two looks before it counts as a jump."""
_SOON, _LOOK = 0.02, 0.25
"""Seconds between two looks when nothing wakes us: others may write into the queue."""


class Status(msgspec.Struct, frozen=True):
    """How it stands: actions by state, lanes under way, actions that only memory holds, and the last problem of each
    lane that has one. `evidence`: why no line can be written, or "".
    """

    counted: dict[str, int]
    busy: tuple[Lane, ...]
    unwritten: int
    problems: dict[Lane, str]
    evidence: str = ""


class Act:
    """The one who acts, on one queue; a second one, in any process, is refused (`StateError`).

    `keep(place)`: addresses that stay reachable there. `stopped()`: the stop switch: what was not begun waits; what was
    begun is brought to its end, renewed, and can be undone. `clock`: seconds since the epoch; `pace`: monotonic.
    """

    def __init__(
        self,
        database: Database,
        enforcers: Enforcers,
        lines: Evidence,
        *,
        keep: Callable[[str], Sequence[str]] = lambda place: (),
        stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        pace: Callable[[], float] = time.monotonic,
        options: Options = Options(),  # noqa: B008  # frozen
    ) -> None:
        self.database, self.options = database, options
        self._alone = _alone(database)
        self._desk = Desk(database, lines, clock, stopped, options)
        self._turns = Turns(self._desk, enforcers, keep, pace)
        self._lanes = Lanes(pace, options.pace)
        self._clock, self._pace = clock, pace
        self._apart: float | None = None
        self._told_at = 0.0
        self._awake = threading.Event()

    # what is asked

    def submit(self, incident: str, decided: Iterable[tuple[Planned, str]], again: bool = False) -> list[Action]:
        """Queue what was decided of a plan (cut, verdict), all or none; each as it then stands. Idempotent.

        `shadow` ones are left out, `hold` ones wait for `approve`. A cut that no document can say is there as failed
        for good. With `again` what was taken back is done anew. Where the disk is full, what lapses by itself is done
        from memory (`Options.on_full`); raises `StateError` for the rest, which was not queued.
        """
        return self._queue([(incident, one, verdict) for one, verdict in decided], again)

    def submit_all(self, plans: Sequence[tuple[str, Iterable[tuple[Planned, str]]]]) -> list[Action]:
        """The same for several incidents, in one write to disk: all of it or nothing."""
        return self._queue([(incident, one, verdict) for incident, decided in plans for one, verdict in decided], False)

    def approve(self, ids: Iterable[str]) -> int:
        """Let held actions be done; how many there were. Raises `StateError`."""
        ids = list(ids)
        self._turns.asked(ids)
        count = actions.release(self.database, ids, self._clock())
        self._awake.set()
        return count

    def undo(self, incident: str = "", cut: Cut | None = None, who: str = "") -> Undo:
        """As `undo.undo`, of what only memory has too."""
        mine = {action_id(incident, cut)} if incident and cut else None
        held = self._desk.memory.take_back(incident, mine)
        try:
            if held and not chosen(self.database, incident, cut):
                return Undo()
            return undo(self.database, incident, cut, who, self._clock())
        finally:
            self._awake.set()

    def renew(self, incidents: Iterable[str]) -> int:
        """To be called every few seconds with the incidents that are open: what lapses is renewed, a third of its time
        after the last renewal by the monotonic clock. What belongs to others lapses. How many incidents were renewed.
        """
        now, jumped = self._pace(), self._jumped()
        known = self._turns.open
        self._turns.open = {one: now if jumped else known.get(one, now - self.options.lasts) for one in incidents}
        due = [one for one, last in self._turns.open.items() if jumped or now - last >= self.options.lasts / 3]
        self._renew(due)
        return len(due)

    # the loop

    def run(self, until: threading.Event) -> None:
        """Act until the event is set; lanes that are under way then are completed at the next start if need be."""
        while not until.is_set():
            began = time.monotonic()
            self.tend()
            self._rest(began, _LOOK)

    def settle(self, seconds: float) -> bool:
        """Act until nothing is left to do, or to write; False where that was not so within `seconds`."""
        end = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            left = self.tend()
            if not (left or self._lanes.busy or len(self._desk.memory)):
                return True
            if time.monotonic() >= end:
                return False
            self._rest(began, min(_SOON, max(0.0, end - time.monotonic())))

    def _rest(self, began: float, longest: float) -> None:
        """Until something happens; as long as the look took, so that looking never takes all the time."""
        time.sleep(min(_SOON, time.monotonic() - began))
        self._awake.wait(longest)
        self._awake.clear()

    def tend(self) -> int:
        """One look: begin the lanes that can begin. How many lanes have something to do. Never waits for a lane."""
        if self._jumped():
            self._renew(list(self._turns.open))
        self._write_unwritten()
        due = self._due()
        for lane in self._lanes.begin(due):
            threading.Thread(target=self._work, args=(lane,), name=f"act {lane[0]} {lane[1]}", daemon=True).start()
        for lane in self._lanes.late():
            self._turns.late(lane)
        if self._told_at + _LOOK <= time.monotonic() or not due:
            self._told_at = time.monotonic()
            self._desk.tell_untold()
        return len(due)

    def status(self) -> Status:
        """How it stands. Raises `StateError` where the queue cannot be read."""
        busy = tuple(sorted(self._lanes.busy))
        counted, desk = actions.counted(self.database), self._desk
        return Status(counted, busy, len(desk.memory), dict(desk.problems), desk.silent)

    def unwritten(self) -> list[Action]:
        """What only memory has."""
        return self._desk.memory.unwritten(())

    def measured(self) -> dict[str, float]:
        """Target → seconds until read back (p99 of this site's last actions), for the planner."""
        return actions.measured(self.database)

    def close(self) -> None:
        """Let another act. Lanes under way go on until they answer; what they did is found at the next start."""
        self._desk.close()
        os.close(self._alone)

    def __enter__(self) -> "Act":
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _work(self, lane: Lane) -> None:
        well = False
        try:
            well = self._turns.turn(lane)
        except Exception as error:  # a fault of ours must neither end the guard nor go unseen
            self._desk.problem(lane, act_turn.readable(error))
        finally:
            self._lanes.ended(lane, well)
            self._awake.set()

    # the queue

    def _queue(self, wanted: Sequence[tuple[str, Planned, str]], again: bool) -> list[Action]:
        now = self._clock()
        rows = [act_turn.row_of(*one, self.options.lasts, now) for one in wanted if one[2] != SHADOW]
        self._turns.asked(one.id for one in rows)
        for one in rows:
            self._turns.open.setdefault(one.incident, self._pace())
        try:
            found = self._desk.submit((rows, again)) if rows else []
        except StateError as error:
            found = self._from_memory(rows, error)
        self._awake.set()
        return found

    def _from_memory(self, rows: Sequence[Action], error: StateError) -> list[Action]:
        """What may be done although it cannot be written. Raises the error where that is not all of it."""
        can = [one for one in rows if self.options.on_full == "act" and one.lasts and one.state == actions.PLANNED]
        self._desk.memory.add(can)
        self._awake.set()
        if len(can) < len(rows):
            raise error
        return can

    def _write_unwritten(self) -> None:
        """What only memory has goes into the queue as soon as that takes it; its lane then looks before it acts."""
        rows = self._desk.memory.unwritten(self._lanes.busy)
        if not rows:
            return
        try:
            anew = [msgspec.structs.replace(one, state=actions.PLANNED, stands=0) for one in rows]
            actions.submit(self.database, anew, self._clock())
        except StateError:
            return
        self._desk.memory.written(rows)
        self._turns.look_again(one.lane for one in rows)

    def _renew(self, incidents: list[str]) -> None:
        """Where the queue cannot take it, memory does, if it may."""
        if not incidents:
            return
        now, until = self._pace(), int(self._clock()) + self.options.lasts
        self._desk.memory.renew(incidents, until)
        try:
            actions.renew(self.database, incidents, self.options.lasts, self._clock())
            self._desk.memory.taken(incidents)
        except StateError as error:
            self._desk.problem(("queue", ""), error.what)
            if self.options.on_full != "act":
                return
            self._desk.memory.stretch(incidents, until)
        self._turns.open.update(dict.fromkeys(incidents, now))
        self._awake.set()

    def _due(self) -> list[Waiting]:
        """Lanes with something to do, those that only memory knows of among them."""
        begin, lapsing = not self._desk.stopped(), list[Action]()
        try:
            due = actions.waiting(self._desk.view, self._clock(), begin)
            if self._desk.memory.stretched:
                lapsing = actions.listed(self._desk.view, states=(actions.DONE,))
            self._desk.problem(("queue", ""), "")
        except StateError as error:
            due = []
            self._desk.problem(("queue", ""), error.what)
        there = {one.lane for one in due}
        return due + [one for one in self._desk.memory.due(lapsing, begin) if one.lane not in there]

    def _jumped(self) -> bool:
        """Whether the wall clock was set since the last look."""
        apart = self._clock() - self._pace()
        jumped = self._apart is not None and abs(apart - self._apart) > _JUMP
        self._apart = apart
        return jumped


def _alone(database: Database) -> int:
    """A lock that ends with the process."""
    handle = _locked(database)
    if handle is None:
        raise StateError("another process acts on this queue", "what is queued is done by it")
    return handle


def _locked(database: Database) -> int | None:
    """The lock on those who act; None where somebody else has it."""
    path = database.path.with_name(f"{database.path.name}.act")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", "check the folder and its owner") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def acts(database: Database) -> bool:
    """Whether somebody acts on this queue just now. Raises `StateError` where its folder cannot be written."""
    handle = _locked(database)
    if handle is not None:
        os.close(handle)
    return handle is None


def known(enforcers: Mapping[Lane, Enforcer]) -> Enforcers:
    """Enforcers as `Act` asks for them; those that are put there later are found too."""

    def one(target: str, place: str) -> Enforcer:
        try:
            return enforcers[target, place]
        except KeyError:
            raise UsageError(f"no enforcer is named for {target} at {place}") from None

    return one
