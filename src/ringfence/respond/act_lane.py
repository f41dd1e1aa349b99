"""The turn of a lane: claim, look, apply, read back, tell, mark. A lane has one at a time, in a thread of its own."""

import threading
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ringfence.enforce.base import Enforcer
from ringfence.errors import EnforceError, RingfenceError, StateError
from ringfence.respond import act_turn, evidence
from ringfence.respond.act_desk import Desk
from ringfence.respond.act_turn import Found, Turn
from ringfence.respond.act_world import World
from ringfence.store import actions
from ringfence.store.actions import Action, Lane, Mark

Enforcers = Callable[[str, str], Enforcer]
"""(target, place) → its enforcer. Raises a `RingfenceError` where there is none."""


class Turns:
    """What is done in a lane. `pace`: monotonic seconds; `keep(place)`: addresses that stay reachable there."""

    def __init__(
        self, desk: Desk, enforcers: Enforcers, keep: Callable[[str], Sequence[str]], pace: Callable[[], float]
    ) -> None:
        self._desk, self._enforcers, self._keep, self._pace = desk, enforcers, keep, pace
        self.open: dict[str, float] = {}
        """Incidents that are open → when they were last renewed, by the monotonic clock."""
        self._asked: dict[str, float] = {}
        self._known: set[Lane] = set()
        self._before: dict[Lane, bytes] = {}
        self._lock = threading.Lock()

    def asked(self, ids: Iterable[str]) -> None:
        """From now on it counts how long these take."""
        with self._lock:
            self._asked.update((one, self._pace()) for one in ids)

    def look_again(self, lanes: Iterable[Lane]) -> None:
        """The next turn of these looks before it acts."""
        self._known.difference_update(lanes)

    def turn(self, lane: Lane) -> bool:
        """Claim, act, read back, mark. Whether all of it came about."""
        rows, written = self._desk.claimed(lane)
        beside = self._desk.opened(("contain", lane[1])) if lane[0] == "flows" else []
        now, keep = self._desk.clock(), self._keep(lane[1]) if lane[0] in ("contain", "flows") else ()
        turn = act_turn.turn_of(lane, self._prolonged(rows, now), now, self._prolonged(beside, now), keep)
        if not (turn.want or turn.leave):
            return True
        try:
            marks, lines = act_turn.settled(turn, self._brought_about(turn), self._desk.clock())
        except Exception as error:  # also a driver's own fault: it is told, and tried again
            self._known.discard(lane)
            marks, lines = act_turn.failed(turn, act_turn.readable(error), self._desk.clock())
        bad = next((one.why for one in marks if one.why and one.state not in (actions.UNDONE, actions.LAPSED)), "")
        self._desk.problem(lane, bad)
        self._mark(lane, self._desk.told(lines, marks))
        if not written:
            self._known.discard(lane)  # the next turn looks before it does it again
        return written and not bad

    def _brought_about(self, turn: Turn) -> Found:
        """Look, apply what is not there, look again. Raises what the enforcer, or the evidence, raises."""
        enforcer = self._enforcers(*turn.lane)
        seen = self._first_look(turn, enforcer)
        world = World(turn, enforcer, lambda: self._tell_first(turn), self._was(turn.lane))
        found, now = world.bring_about(seen), self._pace()
        with self._lock:
            spent = {one.id: now - self._asked[one.id] for one in turn.want if one.id in self._asked}
        return msgspec.structs.replace(found, took=spent)

    def _first_look(self, turn: Turn, enforcer: Enforcer) -> str | None:
        """What is there, where that has to be known before anything is done: what was before us, or a kill left."""
        if turn.lane in self._known and not turn.only_lapses:
            return None
        try:
            found = enforcer.read()
        except EnforceError:
            if self._kept(turn.lane) is not None:
                return None  # somebody spoilt what is ours: it is put there anew, and read back then
            if not turn.expires:
                raise
            # What lapses is done without a look, and may be in force before the next one, by an order that waits for
            # its host: that one must not take it for what was there before us.
            self._keep_before(turn, b"")
            return None
        self._keep_before(turn, found.encode("utf-8", "surrogateescape"))
        self._known.add(turn.lane)
        return found

    def _keep_before(self, turn: Turn, found: bytes) -> None:
        """Keep what was there before our first action, if nothing is kept yet. Raises `StateError`."""
        try:
            self._desk.keep_before((turn.lane, self._before.setdefault(turn.lane, found)))
        except StateError:
            if not self._desk.may_from_memory(turn):
                raise

    def _was(self, lane: Lane) -> str:
        """What was in a lane before our first action: as the queue has it, else as we saw it."""
        return (self._kept(lane) or b"").decode("utf-8", "surrogateescape")

    def _kept(self, lane: Lane) -> bytes | None:
        try:
            kept = actions.before(self._desk.view, lane)
        except StateError:
            kept = None
        return self._before.get(lane) if kept is None else kept

    def _mark(self, lane: Lane, marks: Sequence[Mark]) -> None:
        self._desk.memory.note(marks)
        with self._lock:
            for one in marks:
                if one.state == actions.DONE:
                    self._asked.pop(one.id, None)
        try:
            self._desk.mark(marks)
            gone = all(one.state in (actions.UNDONE, actions.LAPSED) for one in marks)
            if not (gone and self._desk.forget_before(lane)):
                return
        except StateError:
            self._known.discard(lane)
            raise
        self._known.discard(lane)
        self._before.pop(lane, None)

    def _tell_first(self, turn: Turn) -> None:
        """The line of an order, before it: without it only what lapses by itself is done, if that is so set."""
        target, place = turn.lane
        one = evidence.commanded(target, place, turn.text, self._desk.clock(), turn.incidents, turn.number)
        try:
            self._desk.tell([one])
        except StateError:
            if self._desk.options.evidence_first and not self._desk.may_from_memory(turn):
                raise

    def late(self, lane: Lane) -> None:
        """Tell that a lane does not answer. Its thread is waited for: the answer counts whenever it comes."""
        why = f"no answer for {self._desk.options.pace.deadline:g} s; it is waited for"
        self._desk.problem(lane, why)
        try:
            turn = act_turn.turn_of(lane, self._desk.opened(lane), self._desk.clock())
            marks, lines = act_turn.failed(turn, why, self._desk.clock())
            actions.mark(self._desk.database, marks, self._desk.clock())
            self._desk.tell(lines)
        except RingfenceError as error:
            self._desk.problem(lane, f"{why}; {error.what}")

    def _prolonged(self, rows: Sequence[Action], now: float) -> list[Action]:
        since = self._pace() - self._desk.options.lasts
        return act_turn.prolonged(rows, {one for one, last in self.open.items() if last > since}, now)
