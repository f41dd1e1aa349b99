"""The two stages of watching, each a state that takes batches and yields what it noticed.

        batch ─▶ NodeStage ─▶ Yielded(signals, condensed) ─▶ JointStage ─▶ incidents that changed

A node stage sees the hosts of its share whole; there may be many. The joint stage sees all hosts, condensed; there is
one. Both are pure: saved, taken up elsewhere and fed the same, they yield the same.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from ringfence.errors import InputError
from ringfence.watch import condense, habit, phases
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.correlate import Correlator, Points
from ringfence.watch.correlate import State as Correlations
from ringfence.watch.detector import JOINT, NODE, Detector, View
from ringfence.watch.detectors import phase_departure
from ringfence.watch.enrich import enriched
from ringfence.watch.incident import Joiner, Joining
from ringfence.watch.learned import Learning
from ringfence.watch.loss import Loss
from ringfence.watch.loss import take as take_loss
from ringfence.watch.loss import tick as tick_loss
from ringfence.watch.repeats import Repeats, fresh
from ringfence.watch.roster import Roster
from ringfence.watch.rule_signals import Rules
from ringfence.watch.site import Site
from ringfence.watch.threat_state import Seen, states
from ringfence.watch.values import Incident, Signal

SECOND = 1_000_000
_LOG = logging.getLogger(__name__)


class Yielded(msgspec.Struct, frozen=True):
    """What a batch came to. `points` are hits that correlations count."""

    signals: tuple[Signal, ...] = ()
    condensed: tuple[Batch, ...] = ()
    points: tuple[Points, ...] = ()


class _NodeState(msgspec.Struct):
    clock: int = 0
    roster: Roster = msgspec.field(default_factory=Roster)
    open: condense.Open = msgspec.field(default_factory=condense.Open)
    loss: Loss = msgspec.field(default_factory=Loss)
    repeats: Repeats = msgspec.field(default_factory=Repeats)


class _JointState(msgspec.Struct):
    clock: int = 0
    seen: Seen = msgspec.field(default_factory=Seen)
    correlations: Correlations = msgspec.field(default_factory=Correlations)
    habits: habit.Habits = msgspec.field(default_factory=habit.Habits)
    roster: Roster = msgspec.field(default_factory=Roster)
    joining: Joining = msgspec.field(default_factory=Joining)
    repeats: Repeats = msgspec.field(default_factory=Repeats)


class _Stage:
    """What both stages are: a state with its clock and roster, and the detectors that run there."""

    _state: "_NodeState | _JointState"
    _running: "_Running"

    @property
    def clock(self) -> int:
        """The time of events up to which everything was seen, in microseconds since the epoch."""
        return self._state.clock

    @property
    def faults(self) -> Mapping[str, int]:
        """Detector → how often it failed; the others went on."""
        return self._running.faults

    @property
    def learning(self) -> tuple[str, ...]:
        """The detectors that have not seen enough yet to know what is usual: they tell less than they will."""
        return self._running.learning()

    def start(self, roster: Roster) -> None:
        """Who runs what at the beginning, as the estate has it."""
        for job in roster.jobs.values():
            self._state.roster.start(job)


class NodeStage(_Stage):
    """Rules and the detectors of single hosts, over a share of the hosts."""

    def __init__(self, detectors: Sequence[Detector], site: Site, rules: Rules | None = None) -> None:
        self._site, self._rules = site, rules
        self._state: _NodeState = _NodeState()
        self._running = _Running(NODE, detectors)

    def step(self, batch: Batch) -> Yielded:
        """Take a batch in. Rows that were seen before are dropped; sources' gaps and silences become events."""
        state = self._state
        keep, found = take_loss(state.loss, batch)
        if keep is not None:
            batch = Batch(batch.record.filter(keep))
        parts = [batch, of_events(found)] if found else [batch]
        signals: list[Signal] = []
        condensed: list[Batch] = []
        points: list[Points] = []
        for part in parts:
            if len(part):
                condensed += self._take(part, signals, points, own=part is batch)
        return Yielded(tuple(fresh(state.repeats, signals, state.clock)), tuple(condensed), tuple(points))

    def tick(self, now: int) -> Yielded:
        """Time has passed (microseconds, by the clock of events)."""
        state = self._state
        state.clock = max(state.clock, now)
        signals = list(self._running.tick(now, View(self._site, state.roster)))
        condensed: list[Batch] = []
        found = list(tick_loss(state.loss, now))
        points: list[Points] = []
        if found:
            condensed += self._take(of_events(found), signals, points, own=False)
        condensed += condense.close(state.open, now, state.roster, self._site)
        return Yielded(tuple(fresh(state.repeats, signals, state.clock)), tuple(condensed), tuple(points))

    def hear(self, batch: Batch) -> None:
        """Job events of hosts that other processes watch: only who runs what is learned of them."""
        self._state.roster.take(batch)

    def save(self) -> bytes:
        """Everything that was learned, as msgpack."""
        return msgspec.msgpack.encode([self._state, self._running.save()])

    def load(self, data: bytes) -> None:
        """Take up what was saved. Raises `InputError` where it is none of ours."""
        self._state, kept = _loaded(data, _NodeState)
        self._running.load(kept)

    def _take(self, batch: Batch, signals: list[Signal], points: list[Points], *, own: bool) -> Iterator[Batch]:
        """`own` is what hosts sent; what was noticed about them here is no sign that they speak."""
        state = self._state
        state.roster.take(batch)
        batch = enriched(batch, self._site)
        if self._rules:
            matched, counted = self._rules.read(batch)
            signals += matched
            points += counted
        signals += self._running.step(batch, View(self._site, state.roster))
        yield from condense.take(state.open, batch, state.roster, self._site) if own else condense.whole(batch)
        state.clock = max(state.clock, state.open.clock)


class JointStage(_Stage):
    """The detectors of the whole cluster, and the incidents."""

    def __init__(self, detectors: Sequence[Detector], site: Site, rules: Rules | None = None) -> None:
        self._site, self._rules = site, rules
        self._correlator = Correlator(rules.plans if rules else ())
        self._state: _JointState = _JointState()
        self._running = _Running(JOINT, detectors)
        self._joiner = Joiner(site)

    def step(self, yielded: Yielded) -> tuple[Incident, ...]:
        """Take in what a node stage yielded; the incidents that are new or changed by it."""
        state = self._state
        signals = list(yielded.signals)
        for batch in yielded.condensed:
            state.roster.take(batch)
            signals += self._running.step(batch, View(self._site, state.roster))
            state.clock = max(state.clock, int(np.median(batch.times)))  # one wrong clock moves nobody's time
        if self._rules and yielded.points:
            signals += self._rules.fired(self._correlator.take(state.correlations, yielded.points, state.clock))
        return self._join(signals)

    def tick(self, now: int) -> tuple[Incident, ...]:
        """Time has passed."""
        state = self._state
        state.clock = max(state.clock, now)
        state.roster.tidy(state.clock)
        signals = list(self._running.tick(now, View(self._site, state.roster)))
        if self._rules:
            signals += self._rules.fired(self._correlator.tick(state.correlations, state.clock))
        return self._join(signals)

    def end(self) -> tuple[Incident, ...]:
        """Nothing comes any more: windows of correlations that are still open are judged as they are."""
        if not self._rules:
            return ()
        return self._join(list(self._rules.fired(self._correlator.end(self._state.correlations))))

    def uncounted(self) -> Mapping[str, int]:
        """Why hits did not count in correlations (late, shed …) → how many."""
        found: Counter[str] = Counter()
        for one in self._correlator.counts(self._state.correlations).values():
            found.update(msgspec.structs.asdict(one))
        return {name: count for name, count in found.items() if count}

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that were told and are not closed."""
        joining = self._state.joining
        return tuple(one for id_, one in joining.open.items() if id_ in joining.shown)

    def threats(self) -> Mapping[str, str]:
        """Every threat and whether it is quiet, shows signals, or is under way."""
        return states(self._state.seen, self.open, self._state.clock)

    def verdict(self, incident: str, verdict: str) -> tuple[Incident, ...]:
        """An operator says what an incident was. What changed by it; habits learn of `benign` and `confirmed`."""
        state = self._state
        if verdict not in (habit.BENIGN, habit.CONFIRMED_WORD):
            return ()
        ended = self._joiner.dismiss(state.joining, incident, verdict)
        if ended is None:
            return ()
        for job_class in {habit.class_of(one, state.roster) for one in ended.signals}:
            names = tuple({one.name for one in ended.signals if habit.class_of(one, state.roster) == job_class})
            said = habit.Verdict(names, job_class, verdict, state.clock)
            habit.verdict(state.habits, said)
            if model := self._phases():
                phases.learn(model, said)
        return (ended,)

    def held(self) -> Mapping[str, int]:
        """`name|class` → how many signals were held back as habits."""
        return habit.held(self._state.habits)

    def save(self) -> bytes:
        """Everything that was learned and is open, as msgpack."""
        return msgspec.msgpack.encode([self._state, self._running.save()])

    def load(self, data: bytes) -> None:
        """Take up what was saved. Raises `InputError` where it is none of ours."""
        self._state, kept = _loaded(data, _JointState)
        self._running.load(kept)

    def _join(self, signals: list[Signal]) -> tuple[Incident, ...]:
        state = self._state
        news = list(fresh(state.repeats, signals, state.clock))
        state.seen.take(news)
        told: list[Signal] = []
        held: list[Signal] = []
        for one in news:
            is_habit = habit.judge(state.habits, one, habit.class_of(one, state.roster), state.clock)
            (held if is_habit else told).append(one)
        self._joiner.hold(state.joining, held)
        model = self._phases()
        view = View(self._site, state.roster, phases.phases_of(model) if model and told else {})
        return tuple(self._joiner.join(state.joining, told, state.clock, view))

    def _phases(self) -> phases.Model | None:
        """The model of phases, where the detector that keeps it runs."""
        state = self._running.state(phase_departure.about.id)
        return state.model if isinstance(state, phase_departure.State) else None


class _Running:
    """Some detectors with their states."""

    def __init__(self, stage: str, detectors: Sequence[Detector]) -> None:
        self._detectors = [one for one in detectors if one.about.stage == stage]
        self._states: dict[str, Any] = {one.about.id: one.State() for one in self._detectors}
        self.faults: dict[str, int] = {}

    def state(self, name: str) -> Any:
        """The state of a detector, None where it does not run."""
        return self._states.get(name)

    def learning(self) -> tuple[str, ...]:
        """The detectors that have not seen enough yet to know what is usual."""
        states = ((name, getattr(state, "learning", None)) for name, state in self._states.items())
        return tuple(name for name, one in states if isinstance(one, Learning) and not one.enough)

    def step(self, batch: Batch, view: View) -> Iterator[Signal]:
        present = batch.present
        for one in self._detectors:
            if not present.isdisjoint(one.about.sees):
                yield from self._guarded(one, partial(one.step, self._states[one.about.id], batch, view))

    def tick(self, now: int, view: View) -> Iterator[Signal]:
        for one in self._detectors:
            yield from self._guarded(one, partial(one.tick, self._states[one.about.id], now, view))

    def _guarded(self, one: Detector, run: Callable[[], Iterable[Signal]]) -> list[Signal]:
        """A detector that fails is counted, and the others go on: an event must not end the watch."""
        try:
            return list(run())
        except Exception:
            self.faults[one.about.id] = self.faults.get(one.about.id, 0) + 1
            _LOG.exception("detector %s failed on a batch", one.about.id)
            return []

    def save(self) -> dict[str, bytes]:
        return {name: msgspec.msgpack.encode(state) for name, state in self._states.items()}

    def load(self, kept: dict[str, bytes]) -> None:
        for one in self._detectors:
            if one.about.id in kept:
                self._states[one.about.id] = msgspec.msgpack.decode(kept[one.about.id], type=one.State)


def _loaded(data: bytes, shape: type[Any]) -> tuple[Any, dict[str, bytes]]:
    try:
        state, kept = msgspec.msgpack.decode(data, type=tuple[msgspec.Raw, dict[str, bytes]])
        return msgspec.msgpack.decode(state, type=shape), kept
    except msgspec.MsgspecError as error:
        raise InputError(f"not a saved state: {error}", remedy="remove it: learning begins anew") from None
