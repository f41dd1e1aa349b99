"""Correlations over streams of hits that come late and out of order.

        points ──sorted in by event time──▶ groups ──true already──▶ Firing(early)
                                              │
        now - lateness ──settles what is before──▶ Firing ──▶ correlations of this correlation

What is settled is what an evaluation of all hits in the order of their times would give, whatever order they came in
within the lateness. The state is plain values and bounded; what did not count is counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush, merge

import msgspec

from ringfence.watch.correlate import window
from ringfence.watch.correlate.plan import COUNT, Plan, of_rule
from ringfence.watch.correlate.values import Counts, Firing, Group, Points, Ref, Value
from ringfence.watch.correlate.window import Held, Truth

SECOND = 1_000_000
LATENESS = 60 * SECOND
"""How long after the newest time a hit may come and still count in its place."""
AHEAD = 600 * SECOND
"""How far before the newest time a hit may be: events are counted before the clock that they move is."""
MOST_GROUPS = 100_000
"""Groups of one correlation; the one that was quiet longest goes first."""
MOST_KEPT = 1_000_000
"""Hits of all groups of one correlation."""
_END = 1 << 61


class Kept(msgspec.Struct):
    """One correlation: its groups, the one quiet longest first, and when each is next to be looked at."""

    groups: dict[Group, Held] = {}
    due: list[tuple[int, Group]] = []
    hits: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)


class State(msgspec.Struct):
    """All correlations by id. Up to `until`, in microseconds since the epoch, everything is settled."""

    until: int = 0
    kept: dict[str, Kept] = {}


class Correlator:
    """Runs correlations. `plans` as `plan.plans` makes them, children before parents."""

    def __init__(self, plans: Sequence[Plan], lateness: int = LATENESS) -> None:
        self._plans = {plan.rule.id: plan for plan in plans}
        self._parents = of_rule(plans)
        self._lateness = lateness

    def take(self, state: State, points: Iterable[Points], now: int) -> list[Firing]:
        """Take hits in. `now` is the time up to which events have come, by a clock that no single source can move; 0
        while there is none.
        """
        parts: dict[str, list[Points]] = {}
        for one in points:
            parts.setdefault(one.correlation, []).append(one)
        found: list[Firing] = []
        clock = max(now, state.until + self._lateness if state.until else 0)
        ahead = clock + AHEAD if clock else _END
        for name, some in parts.items():
            if name in self._plans:
                found += self._insert(state, self._plans[name], some, ahead)
        return found + self.tick(state, now)

    def tick(self, state: State, now: int) -> list[Firing]:
        """Time has passed: settle what is older than the lateness."""
        return self._settle(state, now - self._lateness)

    def end(self, state: State) -> list[Firing]:
        """Nothing comes any more: settle everything, open windows as they are."""
        return self._settle(state, _END)

    def counts(self, state: State) -> dict[str, Counts]:
        """Hits that did not count, by correlation."""
        return {name: kept.counts for name, kept in state.kept.items()}

    def _insert(self, state: State, plan: Plan, points: Sequence[Points], ahead: int) -> Iterator[Firing]:
        kept = state.kept.setdefault(plan.rule.id, Kept())
        counts, until = kept.counts, state.until
        for one in points:
            counts.ungrouped += one.ungrouped
            counts.unmeasured += one.unmeasured
        for time, step, group, ref, value in _by_time(plan, points):
            if time <= until:
                counts.late += 1
            elif time > ahead:
                counts.ahead += 1
            else:
                held = self._hold(kept, group)
                self._put(kept, plan, held, group, time, step, value, ref)
                truth = window.early(held, plan)
                if truth is not None:
                    yield _firing(plan, group, held, truth, early=True)
        self._fit(kept)

    def _hold(self, kept: Kept, group: Group) -> Held:
        """The group, as the one that was heard of last."""
        held = kept.groups.pop(group, None)
        if held is None:
            held = Held()
        kept.groups[group] = held
        return held

    def _put(
        self, kept: Kept, plan: Plan, held: Held, group: Group, time: int, step: int, value: Value, ref: Ref | None
    ) -> None:
        window.insert(held, plan, time, step, value)
        if ref is not None:
            window.remember(held, step, time, ref)
        kept.hits += 1
        if len(held.moments) > window.MOST_HITS:
            before = len(held.moments)
            kept.counts.shed += window.shed(held, plan)
            kept.hits -= before - len(held.moments)
        self._plan_look(kept, plan, held, group)

    def _plan_look(self, kept: Kept, plan: Plan, held: Held, group: Group) -> None:
        due = window.next_due(held, plan)
        if held.due < 0 or due < held.due:
            held.due = due
            heappush(kept.due, (due, group))

    def _fit(self, kept: Kept) -> None:
        while len(kept.groups) > MOST_GROUPS or (kept.hits > MOST_KEPT and len(kept.groups) > 1):
            group = next(iter(kept.groups))
            kept.hits -= len(kept.groups.pop(group).moments)
            kept.counts.evicted += 1

    def _settle(self, state: State, until: int) -> list[Firing]:
        if until <= state.until:
            return []
        found: list[Firing] = []
        for name, plan in self._plans.items():
            kept = state.kept.get(name)
            if kept is not None:
                fired = sorted(self._settled(kept, plan, until), key=lambda one: (one.time, one.group))
                found += fired
                self._pass_on(state, name, fired)
        state.until = until
        return found

    def _settled(self, kept: Kept, plan: Plan, until: int) -> Iterator[Firing]:
        while kept.due and kept.due[0][0] <= until:
            due, group = heappop(kept.due)
            held = kept.groups.get(group)
            if held is None or held.due != due:
                continue
            held.due = -1
            before = len(held.moments)
            for truth in window.settle(held, plan, until):
                again = any(abs(truth.time - told) < plan.span for told in held.told)
                yield _firing(plan, group, held, truth, again=again)
            held.told = [told for told in held.told if told > until - plan.span]
            kept.hits -= before - len(held.moments)
            if window.over(held, plan, until):
                kept.hits -= len(held.moments)
                del kept.groups[group]
            else:
                self._plan_look(kept, plan, held, group)

    def _pass_on(self, state: State, name: str, fired: Sequence[Firing]) -> None:
        """Firings of a correlation are hits of those that name it; their groups hold what those group by."""
        for plan, at, step in self._parents.get(name, ()) if fired else ():
            kept = state.kept.setdefault(plan.rule.id, Kept())
            for one in fired:
                group = tuple(one.group[place] for place in step.groups)
                value: Value = 1 if plan.kind == COUNT else at
                if plan.valued:
                    value = tuple(one.group[place] for place in step.values)
                held = self._hold(kept, group)
                self._put(kept, plan, held, group, one.time, at, value, None)
                for ref in one.refs:
                    window.remember(held, at, one.time, ref)
            self._fit(kept)


def _by_time(plan: Plan, points: Sequence[Points]) -> Iterable[tuple[int, int, Group, Ref, Value]]:
    """All hits as (time, step, group, event, what it counts for); by time, if each rule's are."""
    rows = []
    for one in points:
        fixed: Value = 1 if plan.kind == COUNT else one.step
        values: Sequence[Value] = one.values if plan.valued else [fixed] * len(one.times)
        rows.append(zip(one.times, [one.step] * len(one.times), one.groups, one.refs, values, strict=True))
    return rows[0] if len(rows) == 1 else merge(*rows, key=lambda row: row[:2])


def _firing(plan: Plan, group: Group, held: Held, truth: Truth, early: bool = False, again: bool = False) -> Firing:
    refs = window.refs(held, truth)
    return Firing(plan.rule.id, group, truth.time, truth.since, truth.figure, refs, early, again)
