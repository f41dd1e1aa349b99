"""An incident on its way into the queue: planned, judged, written down, handed on.

incident ─▶ plan (ground) ─▶ decide (limits, spent, sources, words, switch) ─▶ evidence ─▶ queue ─▶ act
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from ringfence.app.guard import approve
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.known import Known
from ringfence.app.guard.room import Room
from ringfence.errors import StateError
from ringfence.respond import evidence, guard
from ringfence.respond.act import Act
from ringfence.respond.act_turn import row_of
from ringfence.respond.plan import plan
from ringfence.respond.spent import Clock, Did, Spent, spent
from ringfence.respond.values import DO, HOLD, Decision, Plan, Planned, action_id
from ringfence.respond.verbs import VERBS
from ringfence.store import actions
from ringfence.watch.values import Incident

FRESH = 1.0
"""Seconds for which what the queue said of what stands is believed."""
MEASURED = 60.0
"""Seconds for which what was measured of this site is."""
MOST = 10_000
"""Incidents of which it is remembered what was written down last."""
_STANDING = (actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED)


class Answer(msgspec.Struct, frozen=True):
    """What came of one incident. `news`: not the same as was written down of it last."""

    incident: Incident
    plan: Plan
    decisions: tuple[Decision, ...]
    news: bool = True

    def of(self, verdict: str) -> tuple[Planned, ...]:
        """The cuts with this verdict."""
        chosen = {one.cut for one in self.decisions if one.verdict == verdict}
        return tuple(one for one in self.plan.cuts if one.cut in chosen)


class Responder:
    """Plans and decides, one incident at a time.

    Without `apply` everything is only thought through. With it, what is to be done goes to `act`, or, without one, into
    the queue for whoever acts on it. `clock`: seconds since the epoch; `pace`: monotonic seconds. `instead`: the plan
    that takes the place of the one that was made.
    """

    def __init__(
        self, room: Room, known: Callable[[], Known], book: Book | None = None, act: Act | None = None, *,
        apply: bool = False, clock: Callable[[], float] = time.time, pace: Callable[[], float] = time.monotonic,
        instead: Callable[[Plan, Known], Plan] = lambda made, _: made,
    ) -> None:  # fmt: skip
        self._room, self._known, self._book, self._act, self._apply = room, known, book, act, apply
        self._clock, self._pace, self._jumps = clock, pace, Clock()
        self._instead = instead
        self._did: dict[str, Did] = {}
        self._ahead: dict[str, float] = {}
        self._looked = self._measured_at = float("-inf")
        self._spoke = (0, 0)
        self._measured: dict[str, float] = {}
        self._told: dict[str, object] = {}

    def think(self, incident: Incident, recorded: bool | None = None, now: float | None = None) -> Answer:
        """What would be done, and what is held, just now. Changes nothing. Raises `StateError`.

        `recorded`: whether the journal can be written, where that is known. `now`: the time to judge by, of what is
        over, in seconds since the epoch; what was spent is that of the clock's time all the same.
        """
        known, limits, at = self._known(), self._room.limits, self._clock()
        now = at if now is None else now
        made = plan(incident, known.ground, now, known.never, self._took(), limits.up_to == "hard")
        made = self._instead(made, known)
        decided = guard.decide(
            made,
            incident,
            limits,
            self._spent(at),
            known.sources,
            now,
            apply=self._apply,
            stopped=self._room.stopped(),
            words=approve.words(self._room.folder),
            recorded=self._recorded() if recorded is None else recorded,
        )
        said = (made.cuts, [(one.cut, one.verdict, one.rule) for one in decided])
        known_signals = {(one.name, one.key) for one in incident.signals}
        return Answer(incident, made, decided, self._told.get(incident.id) != (said, known_signals))

    def take(self, incident: Incident, again: bool = False) -> Answer:
        """Think, write it down, and queue what is to be done and what waits for a person. Raises `StateError`.

        `again`: also what was taken back before, since a person asks for it; what was approved since is so anyhow.
        """
        before = approve.mark(self._room.folder)
        answer = self.think(incident)
        if not self._written(answer):
            answer = self.think(incident, recorded=False)
        if self._apply:
            done = answer.of(DO)
            for one in done:  # before it is queued: what was queued in part counts
                self._did[action_id(incident.id, one.cut)] = Did(
                    incident.id, one.cut, self._clock(), one.hosts, one.jobs
                )
            asked = {one.cut for one in answer.decisions if one.rule == "approved"}  # the word came after any undo
            anew = [(one, DO) for one in done if again or one.cut in asked]
            rest = [(one, DO) for one in done if not again and one.cut not in asked]
            held = [(one, HOLD) for one in answer.of(HOLD)]
            self._queue(incident.id, [*anew, *(held if again else ())], again=True)
            self._queue(incident.id, [*rest, *(() if again else held)], again=False)
            if approve.mark(self._room.folder) != before:
                self._reconsider(incident, done)
        return answer

    def _reconsider(self, incident: Incident, done: Sequence[Planned]) -> None:
        """A person spoke while this was decided: what they would not have now goes, though it is queued already."""
        taken_back = {one.cut for one in self.think(incident).decisions if one.rule == "undone"}
        ids = [action_id(incident.id, one.cut) for one in done if one.cut in taken_back]
        if ids:
            actions.take_back(self._room.ledger.database, ids, "a person took it back meanwhile", self._clock())

    def _queue(self, id: str, decided: list[tuple[Planned, str]], again: bool) -> None:
        if not decided:
            return
        if self._act is not None:
            self._act.submit(id, decided, again)
            return
        now, lasts = self._clock(), self._room.limits.lasts
        rows = [row_of(id, one, verdict, lasts, now) for one, verdict in decided]
        actions.submit(self._room.ledger.database, rows, now, again)

    def _written(self, answer: Answer) -> bool:
        """Into the journal, if it is news; False where a cut must not be done because it could not be written.

        What the sender's own host alone feels goes with the line of its first order, which is on disk before it. What
        could not be written waits in the book, and is written when there is room.
        """
        if self._book is None or not answer.news:
            return True
        incident, now = answer.incident, self._clock()
        said = (answer.plan.cuts, [(one.cut, one.verdict, one.rule) for one in answer.decisions])
        self._told[incident.id] = (said, {(one.name, one.key) for one in incident.signals})
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]
        lines = [
            *(evidence.used(incident, one, now) for one in incident.signals),
            evidence.planned(answer.plan, now, msgspec.json.encode(incident)),
            *(evidence.decided(answer.plan, one, now) for one in answer.decisions),
        ]
        doing = {one.rule for one in answer.decisions if one.verdict == DO}
        if self._act is not None and doing and doing <= {"own", "stands"}:
            self._book.hold(lines)
            return True
        try:
            self._book.write(lines)
        except StateError:
            return not doing
        return True

    def _recorded(self) -> bool:
        """Whether the journal took what was written last; if not, it is tried again."""
        if self._book is None or not self._book.stuck:
            return True
        try:
            self._book.flush()
        except StateError:
            return False
        return True

    def _took(self) -> dict[str, float]:
        """Verb → seconds, as this site was measured."""
        if self._act is not None and self._pace() - self._measured_at > MEASURED:
            self._measured_at, took = self._pace(), self._act.measured()
            self._measured = {one.name: took[one.target] for one in VERBS.values() if one.target in took}
        return self._measured

    def _spent(self, now: float) -> Spent:
        """What was done in the last minute and what stands: the queue's word, memory's, and ours of the last moment."""
        spoke = approve.mark(self._room.folder)  # a person's word mostly comes with a change of what stands
        if self._room.is_there and (self._pace() - self._looked > FRESH or spoke != self._spoke):
            rows = actions.listed(self._room.ledger.database)
            rows += self._act.unwritten() if self._act else []
            self._did = {one.id: _did(one) for one in rows if one.state in _STANDING or one.done_at}
            self._looked, self._spoke = self._pace(), spoke
        self._ahead = {
            key: self._ahead.get(key, self._pace())
            for key, one in self._did.items()
            if key in self._ahead or one.when > now
        }
        for key, since in self._ahead.items():  # the clock went back: each counts as done when that was seen first
            self._did[key] = msgspec.structs.replace(self._did[key], when=now - (self._pace() - since))
        return spent(self._did.values(), now, self._jumps.jumped(now, self._pace()))


def _did(row: actions.Action) -> Did:
    felt = msgspec.json.decode(row.body, type=Planned)
    return Did(row.incident, felt.cut, row.planned_at, felt.hosts, felt.jobs, row.state in _STANDING)
