"""Where those who act write: the queue, the evidence, and memory where either has no room; many writes in one.

lanes, each in its thread ─▶ Desk ─┬─▶ queue (a transaction for all who come at once)
├─▶ evidence (likewise)
└─▶ memory, problems
"""

import threading
from collections.abc import Callable, Sequence

import msgspec

from ringfence.errors import StateError
from ringfence.respond import act_turn, evidence
from ringfence.respond.act_memory import Memory
from ringfence.respond.act_turn import Turn
from ringfence.respond.evidence import Evidence
from ringfence.respond.lanes import Pace, Together
from ringfence.store import actions
from ringfence.store.actions import Action, Lane, Mark
from ringfence.store.journal.lines import Line
from ringfence.store.state import Database

LASTS = 300
"""Seconds after which what lapses by itself does, unless it is renewed."""


class Options(msgspec.Struct, frozen=True):
    """`lasts`: seconds of what lapses. `on_full`: what a full disk (journal or queue) leaves: `act`: blocks that
    lapse by themselves are done from memory, and told; `wait`: nothing is. `evidence_first`: no cut before its line.
    """

    lasts: int = LASTS
    evidence_first: bool = True
    on_full: str = "act"
    pace: Pace = Pace()


class Desk:
    """One queue and one evidence. `clock`: seconds since the epoch; `stopped`: the stop switch. For several threads."""

    def __init__(
        self,
        database: Database,
        lines: Evidence,
        clock: Callable[[], float],
        stopped: Callable[[], bool],
        options: Options,
    ) -> None:
        self.database, self.clock, self.stopped, self.options = database, clock, stopped, options
        self.view = Database.open(database.path)  # looks do not wait for writes
        self.memory = Memory()
        self.problems: dict[Lane, str] = {}
        self.silent = ""
        self._lines = lines
        self.submit = Together[tuple[Sequence[Action], bool], list[Action]](self._write_submitted)
        self.claim = Together[Lane, list[Action]](self._write_claims)
        self.mark = Together[Sequence[Mark], None](self._write_marks)
        self.keep_before = Together[tuple[Lane, bytes], None](self._write_before)
        self.forget_before = Together[Lane, bool](self._write_forgotten)
        self.tell = Together[Sequence[Line], None](self._write_lines)
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the looks."""
        self.view.close()

    def problem(self, lane: Lane, why: str) -> None:
        """Note the last problem of a lane; "" for none any more."""
        with self._lock:
            if why:
                self.problems[lane] = why
            else:
                self.problems.pop(lane, None)

    def claimed(self, lane: Lane) -> tuple[list[Action], bool]:
        """What is open in a lane, with what only memory has, and whether the queue says that it is being done.

        Raises `StateError` where it does not, and memory may not do.
        """
        try:
            return self.memory.over(self.claim(lane)) + self.memory.claimed(lane), True
        except StateError as error:
            if self.options.on_full != "act":
                raise
            self.problem(lane, f"done from memory: {error.what}")
        begin = not self.stopped()
        rows = [
            msgspec.structs.replace(one, state=actions.DOING)
            if begin and one.lasts and one.state == actions.PLANNED
            else one
            for one in self.opened(lane)
        ]
        return rows, False

    def opened(self, lane: Lane) -> list[Action]:
        """What is open in a lane; where the queue cannot even be read, what memory has."""
        try:
            rows = actions.opened(self.view, lane)
        except StateError as error:
            self.problem(("queue", ""), error.what)
            rows = []
        return self.memory.over(rows) + self.memory.claimed(lane)

    def may_from_memory(self, turn: Turn) -> bool:
        """Whether a turn may be done although it cannot be written."""
        return self.options.on_full == "act" and turn.expires

    def told(self, lines: Sequence[Line], marks: list[Mark]) -> list[Mark]:
        """Lines that have no room wait where the evidence keeps them; the queue then says of what state none stands."""
        try:
            if lines:
                self.tell(lines)
        except StateError:
            return [msgspec.structs.replace(one, told=False) for one in marks]
        return marks

    def tell_untold(self) -> None:
        """Lines that the queue owes: of what ended before it was begun, and of what found no room."""
        try:
            rows = actions.untold(self.view)
            if rows:
                self.tell([_said(one) for one in rows])
                actions.tell(self.database, {one.id: one.state for one in rows})
        except StateError as error:
            self.problem(("evidence", ""), error.what)

    def _write_submitted(self, batch: list[tuple[Sequence[Action], bool]]) -> list[list[Action]]:
        now, found = self.clock(), []
        for again in (False, True):
            rows = [one for mine, said in batch if said is again for one in mine]
            found += actions.submit(self.database, rows, now, again) if rows else []
        by_id = {one.id: one for one in found}
        return [[by_id[one.id] for one in mine] for mine, _ in batch]

    def _write_claims(self, lanes: list[Lane]) -> list[list[Action]]:
        return actions.claim(self.database, lanes, self.clock(), not self.stopped())

    def _write_marks(self, batch: list[Sequence[Mark]]) -> list[None]:
        actions.mark(self.database, [one for marks in batch for one in marks], self.clock())
        return [None] * len(batch)

    def _write_before(self, batch: list[tuple[Lane, bytes]]) -> list[None]:
        actions.keep_before(self.database, batch, self.clock())
        return [None] * len(batch)

    def _write_forgotten(self, lanes: list[Lane]) -> list[bool]:
        gone = actions.forget_before(self.database, lanes)
        return [one in gone for one in lanes]

    def _write_lines(self, batch: list[Sequence[Line]]) -> list[None]:
        try:
            self._lines.write([one for lines in batch for one in lines])
        except StateError as error:
            self.silent = error.what
            raise
        self.silent = ""
        return [None] * len(batch)


def _said(one: Action) -> Line:
    """The line of the state that an action is in."""
    cut = act_turn.cut_of(one)
    if one.state == actions.UNDONE:
        return evidence.undone(one.incident, cut, one.changed_at, why=one.why, attempt=one.attempts)
    if one.state == actions.LAPSED:
        return evidence.lapsed(one.incident, cut, one.until, one.changed_at, one.why)
    return evidence.verified(one.incident, cut, one.state == actions.DONE, one.changed_at, one.why, one.attempts)
