"""An incident on its way into the queue: planned, judged, written down, handed on.

incident ─▶ plan (ground) ─▶ decide (limits, spent, sources, words, switch) ─▶ evidence ─▶ queue ─▶ act
"""

import time
from collections.abc import Callable

import msgspec

from ringfence.app.guard import approve
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.known import Known
from ringfence.app.guard.room import Room
from ringfence.errors import StateError
from ringfence.respond import evidence, guard
from ringfence.respond.act import Act
from ringfence.respond.act_turn import cut_of
from ringfence.respond.plan import plan
from ringfence.respond.spent import Clock, Did, Spent, spent
from ringfence.respond.values import DO, HOLD, Decision, Plan, Planned
from ringfence.respond.verbs import VERBS
from ringfence.store import actions
from ringfence.watch.values import Incident

FRESH = 1.0
"""Seconds for which what the queue said of what stands is believed."""
_STANDING = (actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED)


class Answer(msgspec.Struct, frozen=True):
    """What came of one incident."""

    incident: Incident
    plan: Plan
    decisions: tuple[Decision, ...]

    def of(self, verdict: str) -> tuple[Planned, ...]:
        """The cuts with this verdict."""
        chosen = {one.cut for one in self.decisions if one.verdict == verdict}
        return tuple(one for one in self.plan.cuts if one.cut in chosen)


class Responder:
    """Plans and decides, one incident at a time. Without `act` everything is only thought through."""

    def __init__(
        self, room: Room, known: Callable[[], Known], book: Book | None = None, act: Act | None = None, *,
        apply: bool = False,
    ) -> None:  # fmt: skip
        self._room, self._known, self._book, self._act, self._apply = room, known, book, act, apply
        self._did: dict[str, Did] = {}
        self._looked = float("-inf")
        self._clock = Clock()
        self._told: dict[str, tuple[object, ...]] = {}

    def think(self, incident: Incident) -> Answer:
        """What would be done, and what is held, just now. Changes nothing. Raises `StateError`."""
        now, known, limits = time.time(), self._known(), self._room.limits
        took = self._act.measured() if self._act else {}
        measured = {one.name: took[one.target] for one in VERBS.values() if one.target in took}
        hard = limits.up_to == "hard"
        made = plan(incident, known.ground, now, known.never, measured, hard)
        decided = guard.decide(
            made,
            incident,
            limits,
            self._spent(now),
            known.sources,
            now,
            apply=self._apply,
            stopped=self._room.stopped(),
            words=approve.words(self._room.folder),
            recorded=self._recorded(),
        )
        return Answer(incident, made, decided)

    def take(self, incident: Incident) -> Answer:
        """Think, write it down, and queue what is to be done and what waits for a person. Raises `StateError`."""
        answer = self.think(incident)
        now = time.time()
        done = answer.of(DO)
        if self._book is not None and self._news(answer):
            self._written(answer, now, wait=bool(done))
        if self._act is not None:
            held = [(one, HOLD) for one in answer.of(HOLD)]
            self._act.submit(incident.id, [*((one, DO) for one in done), *held])
            for one in done:
                self._did[f"{incident.id} {one.cut}"] = Did(incident.id, one.cut, now, one.hosts, one.jobs)
        return answer

    def _news(self, answer: Answer) -> bool:
        """Whether this is not what was written down of the incident last."""
        said = (answer.plan.cuts, answer.decisions, {(one.name, one.key) for one in answer.incident.signals})
        news = self._told.get(answer.incident.id) != said
        self._told[answer.incident.id] = said
        if len(self._told) > 10_000:
            del self._told[next(iter(self._told))]
        return news

    def _written(self, answer: Answer, now: float, wait: bool) -> None:
        """Into the journal; with `wait` it goes with the line of the first order, which is on disk before it."""
        assert self._book is not None
        lines = [
            *(evidence.used(answer.incident, one, now) for one in answer.incident.signals),
            evidence.planned(answer.plan, now, msgspec.json.encode(answer.incident)),
            *(evidence.decided(answer.plan, one, now) for one in answer.decisions),
        ]
        if wait:
            self._book.hold(lines)
        else:
            self._book.write(lines)

    def _recorded(self) -> bool:
        if self._book is None:
            return True
        try:
            if self._book.waiting:
                self._book.flush()
        except StateError:
            return False
        return True

    def _spent(self, now: float) -> Spent:
        """What was done in the last minute and what stands: the queue's word, and ours of the last moment."""
        if self._room.is_there and abs(now - self._looked) > FRESH:
            self._looked = now
            rows = actions.listed(self._room.ledger.database)
            kept = {f"{one.incident} {cut_of(one)}": one for one in rows}
            self._did = {key: _did(one) for key, one in kept.items() if one.state in _STANDING or one.done_at}
        return spent(self._did.values(), now, self._clock.jumped(now, time.monotonic()))


def _did(row: actions.Action) -> Did:
    felt = msgspec.json.decode(row.body)
    hosts, jobs = (tuple(felt.get(name, ())) for name in ("hosts", "jobs"))
    return Did(row.incident, cut_of(row), row.planned_at, hosts, jobs, row.state in _STANDING)
