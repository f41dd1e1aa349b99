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
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

import msgspec

from ringfence.enforce.base import Enforcer
from ringfence.errors import RingfenceError, StateError, UsageError
from ringfence.respond import act_turn, desired, evidence
from ringfence.respond.act_memory import Memory
from ringfence.respond.act_turn import Found, Turn
from ringfence.respond.act_world import World
from ringfence.respond.evidence import Evidence
from ringfence.respond.lanes import Lanes, Pace, Together
from ringfence.respond.undo import Undo, chosen, undo
from ringfence.respond.values import HOLD, SHADOW, Cut, Planned, action_id
from ringfence.store import actions
from ringfence.store.actions import Action, Lane, Mark, Waiting
from ringfence.store.journal.lines import Line
from ringfence.store.state import Database

Enforcers = Callable[[str, str], Enforcer]
"""(target, place) → its enforcer. Raises a `RingfenceError` where there is none."""

LASTS = 300
"""Seconds after which what lapses by itself does, unless it is renewed."""
_JUMP = 2.0
"""Seconds by which wall and monotonic clock may part between two looks before it counts as a jump."""
_SOON, _LOOK = 0.02, 0.25
"""Seconds between two looks when nothing wakes us: others may write into the queue."""


class Options(msgspec.Struct, frozen=True):
    """`lasts`: seconds of what lapses. `on_full`: what a full disk (journal or queue) leaves: `act`: blocks that
    lapse by themselves are done from memory, and told; `wait`: nothing is. `evidence_first`: no cut before its line.
    """

    lasts: int = LASTS
    evidence_first: bool = True
    on_full: str = "act"
    pace: Pace = Pace()


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
        self._view = Database.open(database.path)  # looks do not wait for writes
        self._enforcers, self._lines, self._keep, self._stopped = enforcers, lines, keep, stopped
        self._clock, self._pace = clock, pace
        self._lanes = Lanes(pace, options.pace)
        self._submitting = Together[tuple[Sequence[Action], bool], list[Action]](self._write_submitted)
        self._claiming = Together[Lane, list[Action]](self._write_claims)
        self._marking = Together[Sequence[Mark], None](self._write_marks)
        self._keeping = Together[tuple[Lane, bytes], None](self._write_before)
        self._forgetting = Together[Lane, bool](self._write_forgotten)
        self._telling = Together[Sequence[Line], None](self._write_lines)
        self._lock = threading.Lock()
        self._asked: dict[str, float] = {}
        self._known: set[Lane] = set()
        self._before: dict[Lane, bytes] = {}
        self._problems: dict[Lane, str] = {}
        self._memory = Memory()
        self._silent = ""
        self._open: dict[str, float] = {}
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
        with self._lock:
            self._asked.update((one, self._pace()) for one in ids)
        count = actions.release(self.database, ids, self._clock())
        self._awake.set()
        return count

    def undo(self, incident: str = "", cut: Cut | None = None, who: str = "") -> Undo:
        """As `undo.undo`, of what only memory has too."""
        mine = {action_id(incident, cut)} if incident and cut else None
        held = self._memory.take_back(incident, mine)
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
        known = self._open
        self._open = {one: now if jumped else known.get(one, now - self.options.lasts) for one in incidents}
        due = [one for one, last in self._open.items() if jumped or now - last >= self.options.lasts / 3]
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
            if not (left or self._lanes.busy or len(self._memory)):
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
            self._renew(list(self._open))
        self._write_unwritten()
        due = self._due()
        for lane in self._lanes.begin(due):
            threading.Thread(target=self._work, args=(lane,), name=f"act {lane[0]} {lane[1]}", daemon=True).start()
        for lane in self._lanes.late():
            self._late(lane)
        if self._told_at + _LOOK <= time.monotonic() or not due:
            self._told_at = time.monotonic()
            self._tell_untold()
        return len(due)

    def status(self) -> Status:
        """How it stands. Raises `StateError` where the queue cannot be read."""
        busy = tuple(sorted(self._lanes.busy))
        with self._lock:
            return Status(actions.counted(self.database), busy, len(self._memory), dict(self._problems), self._silent)

    def measured(self) -> dict[str, float]:
        """Target → seconds until read back (p99 of this site's last actions), for the planner."""
        return actions.measured(self.database)

    def close(self) -> None:
        """Let another act. Lanes under way go on until they answer; what they did is found at the next start."""
        self._view.close()
        os.close(self._alone)

    def __enter__(self) -> "Act":
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # one lane's turn, in a thread of its own

    def _work(self, lane: Lane) -> None:
        well = False
        try:
            well = self._turn(lane)
        except Exception as error:  # a fault of ours must neither end the guard nor go unseen
            self._problem(lane, act_turn.readable(error))
        finally:
            self._lanes.ended(lane, well)
            self._awake.set()

    def _turn(self, lane: Lane) -> bool:
        """Claim, act, read back, mark. Whether all of it came about."""
        rows, written = self._claimed(lane)
        beside = self._opened(("contain", lane[1])) if lane[0] == "flows" else []
        now, keep = self._clock(), self._keep(lane[1]) if lane[0] in ("contain", "flows") else ()
        turn = act_turn.turn_of(lane, self._prolonged(rows, now), now, self._prolonged(beside, now), keep)
        if not (turn.want or turn.leave):
            return True
        try:
            marks, lines = act_turn.settled(turn, self._brought_about(turn), self._clock())
        except Exception as error:  # also a driver's own fault: it is told, and tried again
            self._known.discard(lane)
            marks, lines = act_turn.failed(turn, act_turn.readable(error), self._clock())
        bad = next((one.why for one in marks if one.why and one.state not in (actions.UNDONE, actions.LAPSED)), "")
        self._problem(lane, bad)
        self._mark(lane, self._told(lines, marks))
        if not written:
            self._known.discard(lane)  # the next turn looks before it does it again
        return written and not bad

    def _brought_about(self, turn: Turn) -> Found:
        """Look, apply what is not there, look again. Raises what the enforcer, or the evidence, raises."""
        enforcer = self._enforcers(*turn.lane)
        seen = self._first_look(turn, enforcer)
        world = World(
            turn, enforcer, lambda: self._tell_first(turn), lambda found: self._say(turn, found), self._was(turn.lane)
        )
        found, now = world.bring_about(seen), self._pace()
        with self._lock:
            spent = {one.id: now - self._asked[one.id] for one in turn.want if one.id in self._asked}
        return msgspec.structs.replace(found, took=spent)

    def _first_look(self, turn: Turn, enforcer: Enforcer) -> str | None:
        """What is there, where that has to be known before anything is done: what was before us, or a kill left."""
        if turn.lane in self._known and not turn.only_lapses:
            return None
        found = enforcer.read()
        before = self._before.setdefault(turn.lane, found.encode("utf-8", "surrogateescape"))
        try:
            self._keeping((turn.lane, before))
        except StateError:
            if not self._may_from_memory(turn):
                raise
        self._known.add(turn.lane)
        return found

    def _was(self, lane: Lane) -> str:
        """What was in a lane before our first action: as the queue has it, else as we saw it."""
        try:
            kept = actions.before(self._view, lane)
        except StateError:
            kept = None
        return (self._before.get(lane, b"") if kept is None else kept).decode("utf-8", "surrogateescape")

    def _mark(self, lane: Lane, marks: Sequence[Mark]) -> None:
        self._memory.note(marks)
        with self._lock:
            for one in marks:
                if one.state == actions.DONE:
                    self._asked.pop(one.id, None)
        try:
            self._marking(marks)
            gone = all(one.state in (actions.UNDONE, actions.LAPSED) for one in marks)
            if not (gone and self._forgetting(lane)):
                return
        except StateError:
            self._known.discard(lane)
            raise
        self._known.discard(lane)
        self._before.pop(lane, None)

    # evidence

    def _tell_first(self, turn: Turn) -> None:
        """The line of an order, before it: without it only what lapses by itself is done, if that is so set."""
        target, place = turn.lane
        one = evidence.commanded(target, place, turn.text, self._clock(), turn.incidents, turn.number)
        try:
            self._telling([one])
        except StateError:
            if self.options.evidence_first and not self._may_from_memory(turn):
                raise

    def _say(self, turn: Turn, found: str) -> None:
        target, place = turn.lane
        one = evidence.read_back(target, place, turn.text, found, self._clock(), turn.incidents, turn.number)
        self._told([one], [])

    def _told(self, lines: Sequence[Line], marks: list[Mark]) -> list[Mark]:
        """Lines that have no room wait where the evidence keeps them; the queue then says of what state none stands."""
        try:
            if lines:
                self._telling(lines)
        except StateError:
            return [msgspec.structs.replace(one, told=False) for one in marks]
        return marks

    def _tell_untold(self) -> None:
        """Lines that the queue owes: of what ended before it was begun, and of what found no room."""
        try:
            rows = actions.untold(self._view)
            if rows and not self._silent:
                self._telling([_said(one) for one in rows])
                actions.tell(self.database, {one.id: one.state for one in rows})
        except StateError as error:
            self._problem(("evidence", ""), error.what)

    def _may_from_memory(self, turn: Turn) -> bool:
        return self.options.on_full == "act" and turn.expires

    # the queue

    def _queue(self, wanted: Sequence[tuple[str, Planned, str]], again: bool) -> list[Action]:
        rows = [self._row(*one) for one in wanted if one[2] != SHADOW]
        with self._lock:
            self._asked.update((one.id, self._pace()) for one in rows)
            for one in rows:
                self._open.setdefault(one.incident, self._pace())
        try:
            found = self._submitting((rows, again)) if rows else []
        except StateError as error:
            found = self._from_memory(rows, error)
        self._awake.set()
        return found

    def _row(self, incident: str, one: Planned, verdict: str) -> Action:
        cut, about = one.cut, one.cut.about
        wrong = desired.unsayable(cut)
        lasts = self.options.lasts if about.expires and not wrong else 0
        until = int(self._clock()) + lasts if lasts else 0
        return Action(
            id=action_id(incident, cut), incident=incident, verb=cut.verb, target=cut.target, place=cut.place,
            subject=cut.subject, rank=about.rank, lasts=lasts, until=until,
            state=actions.FAILED if wrong else actions.HELD if verdict == HOLD else actions.PLANNED,
            final=bool(wrong), why=wrong, body=msgspec.json.encode(one),
        )  # fmt: skip

    def _claimed(self, lane: Lane) -> tuple[list[Action], bool]:
        """What is open in a lane, with what only memory has, and whether the queue says that it is being done.

        Raises `StateError` where it does not, and memory may not do.
        """
        try:
            return self._memory.over(self._claiming(lane)) + self._memory.claimed(lane), True
        except StateError as error:
            if self.options.on_full != "act":
                raise
            self._problem(lane, f"done from memory: {error.what}")
        begin = not self._stopped()
        rows = [
            msgspec.structs.replace(one, state=actions.DOING)
            if begin and one.lasts and one.state == actions.PLANNED
            else one
            for one in self._opened(lane)
        ]
        return rows, False

    def _opened(self, lane: Lane) -> list[Action]:
        """What is open in a lane; where the queue cannot even be read, what memory has."""
        try:
            rows = actions.opened(self._view, lane)
        except StateError as error:
            self._problem(("queue", ""), error.what)
            rows = []
        return self._memory.over(rows) + self._memory.claimed(lane)

    def _prolonged(self, rows: Sequence[Action], now: float) -> list[Action]:
        since = self._pace() - self.options.lasts
        return act_turn.prolonged(rows, {one for one, last in self._open.items() if last > since}, now)

    def _from_memory(self, rows: Sequence[Action], error: StateError) -> list[Action]:
        """What may be done although it cannot be written. Raises the error where that is not all of it."""
        can = [one for one in rows if self.options.on_full == "act" and one.lasts and one.state == actions.PLANNED]
        self._memory.add(can)
        self._awake.set()
        if len(can) < len(rows):
            raise error
        return can

    def _write_unwritten(self) -> None:
        """What only memory has goes into the queue as soon as that takes it; its lane then looks before it acts."""
        rows = self._memory.unwritten(self._lanes.busy)
        if not rows:
            return
        try:
            anew = [msgspec.structs.replace(one, state=actions.PLANNED, stands=0) for one in rows]
            actions.submit(self.database, anew, self._clock())
        except StateError:
            return
        self._memory.written(rows)
        self._known.difference_update(one.lane for one in rows)

    def _renew(self, incidents: list[str]) -> None:
        """Where the queue cannot take it, memory does, if it may."""
        if not incidents:
            return
        now, until = self._pace(), int(self._clock()) + self.options.lasts
        self._memory.renew(incidents, until)
        try:
            actions.renew(self.database, incidents, self.options.lasts, self._clock())
            self._memory.taken(incidents)
        except StateError as error:
            self._problem(("queue", ""), error.what)
            if self.options.on_full != "act":
                return
            self._memory.stretch(incidents, until)
        self._open.update(dict.fromkeys(incidents, now))
        self._awake.set()

    def _due(self) -> list[Waiting]:
        """Lanes with something to do, those that only memory knows of among them."""
        begin, lapsing = not self._stopped(), list[Action]()
        try:
            due = actions.waiting(self._view, self._clock(), begin)
            if self._memory.stretched:
                lapsing = actions.listed(self._view, states=(actions.DONE,))
            self._problem(("queue", ""), "")
        except StateError as error:
            due = []
            self._problem(("queue", ""), error.what)
        there = {one.lane for one in due}
        return due + [one for one in self._memory.due(lapsing, begin) if one.lane not in there]

    def _late(self, lane: Lane) -> None:
        """Tell that a lane does not answer. Its thread is waited for: the answer counts whenever it comes."""
        why = f"no answer for {self.options.pace.deadline:g} s; it is waited for"
        self._problem(lane, why)
        try:
            turn = act_turn.turn_of(lane, self._opened(lane), self._clock())
            marks, lines = act_turn.failed(turn, why, self._clock())
            actions.mark(self.database, marks, self._clock())
            self._telling(lines)
        except RingfenceError as error:
            self._problem(lane, f"{why}; {error.what}")

    def _jumped(self) -> bool:
        """Whether the wall clock was set since the last look."""
        apart = self._clock() - self._pace()
        jumped = self._apart is not None and abs(apart - self._apart) > _JUMP
        self._apart = apart
        return jumped

    def _problem(self, lane: Lane, why: str) -> None:
        with self._lock:
            if why:
                self._problems[lane] = why
            else:
                self._problems.pop(lane, None)

    def _write_submitted(self, batch: list[tuple[Sequence[Action], bool]]) -> list[list[Action]]:
        now, found = self._clock(), []
        for again in (False, True):
            rows = [one for mine, said in batch if said is again for one in mine]
            found += actions.submit(self.database, rows, now, again) if rows else []
        by_id = {one.id: one for one in found}
        return [[by_id[one.id] for one in mine] for mine, _ in batch]

    def _write_claims(self, lanes: list[Lane]) -> list[list[Action]]:
        return actions.claim(self.database, lanes, self._clock(), not self._stopped())

    def _write_marks(self, batch: list[Sequence[Mark]]) -> list[None]:
        actions.mark(self.database, [one for marks in batch for one in marks], self._clock())
        return [None] * len(batch)

    def _write_before(self, batch: list[tuple[Lane, bytes]]) -> list[None]:
        actions.keep_before(self.database, batch, self._clock())
        return [None] * len(batch)

    def _write_forgotten(self, lanes: list[Lane]) -> list[bool]:
        gone = actions.forget_before(self.database, lanes)
        return [one in gone for one in lanes]

    def _write_lines(self, batch: list[Sequence[Line]]) -> list[None]:
        try:
            self._lines.write([one for lines in batch for one in lines])
        except StateError as error:
            self._silent = error.what
            raise
        self._silent = ""
        return [None] * len(batch)


def _said(one: Action) -> Line:
    """The line of the state that an action is in."""
    cut = act_turn.cut_of(one)
    if one.state == actions.UNDONE:
        return evidence.undone(one.incident, cut, one.changed_at, why=one.why, attempt=one.tries)
    if one.state == actions.LAPSED:
        return evidence.lapsed(one.incident, cut, one.until, one.changed_at, one.why)
    return evidence.verified(one.incident, cut, one.state == actions.DONE, one.changed_at, one.why, one.tries)


def _alone(database: Database) -> int:
    """A lock that ends with the process."""
    path = database.path.with_name(f"{database.path.name}.act")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", "check the folder and its owner") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateError("another process acts on this queue", "what is queued is done by it") from None
    return handle


def known(enforcers: dict[Lane, Enforcer]) -> Enforcers:
    """Enforcers that are all there already, as `Act` asks for them."""

    def one(target: str, place: str) -> Enforcer:
        try:
            return enforcers[target, place]
        except KeyError:
            raise UsageError(f"no enforcer is named for {target} at {place}") from None

    return one
