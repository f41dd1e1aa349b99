"""The hits of one group of one correlation, by time, and what is settled of them.

        settled, gone │ settled, in the window │ not settled: earlier ones may still come
        ──────────────┼────────────────────────┼──────────────────────────▶ time
                    first                     done           head window ends at the newest

Sliding: at each time with hits the condition is held against all hits of the `span` before it. Once true it is not
told again for a `span`. What is settled depends on the hits alone, not on the order in which they came. Beside it the
window that ends at the newest hit is kept up to date: what is true there is true already, whatever else may come.

Whole: a window begins with the first hit after the one before, and is held against the condition when it is over.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ringfence.watch.correlate.plan import AVERAGE, COUNT, DISTINCT, ORDERED, PERCENTILE, SUM, Plan
from ringfence.watch.correlate.values import Ref

MOST_HITS = 20_000
"""Hits kept of a group; twice what the condition asks for where that is more."""
_BITS = 6
_KEPT_REFS = 8
_NEVER = -(1 << 62)


class Tally(msgspec.Struct):
    """What is counted of the hits in a window: their sum, or how often each value stands there.

    `below` are the negative ones of a sum: as long as there are any, more hits may make less of it.
    """

    total: int | float = 0
    below: int = 0
    seen: dict[int | tuple[str, ...], int] = {}


class Held(msgspec.Struct):
    """One group. `moments` are time and step in one number, ascending; `values` what each hit counts for."""

    moments: list[int] = []
    values: list[int | float | tuple[str, ...]] = []
    done: int = 0
    first: int = 0
    head: int = 0
    settled: Tally = msgspec.field(default_factory=Tally)
    newest: Tally = msgspec.field(default_factory=Tally)
    chain: list[int] = []
    newest_chain: list[int] = []
    fired: int = _NEVER
    told: list[int] = []
    due: int = _NEVER
    refs: dict[int, list[tuple[int, Ref]]] = {}


class Truth(msgspec.Struct, frozen=True):
    """The condition held at `time` of the hits since `since`."""

    time: int
    since: int
    figure: float


def insert(held: Held, plan: Plan, time: int, step: int, value: Any) -> None:
    """Take in a hit, later than all that is settled."""
    moment, moments = time << _BITS | step, held.moments
    last = not moments or moment >= moments[-1]
    at = len(moments) if last else bisect_right(moments, moment)
    moments.insert(at, moment)
    held.values.insert(at, value)
    if plan.whole:
        return
    if plan.kind == ORDERED:
        if last:
            _link(held.newest_chain, plan, step, time)
        return
    edge = (moments[-1] >> _BITS) - plan.span
    if time <= edge:
        held.head += 1
        return
    while moments[held.head] >> _BITS <= edge:
        _drop(held.newest, plan, held.values[held.head])
        held.head += 1
    _add(held.newest, plan, value)


def remember(held: Held, step: int, time: int, ref: Ref) -> None:
    """Keep the event behind a hit, a few of each rule."""
    kept = held.refs.setdefault(step, [])
    kept.append((time, ref))
    if len(kept) > 2 * _KEPT_REFS:
        del kept[:_KEPT_REFS]


def refs(held: Held, truth: Truth) -> tuple[Ref, ...]:
    """The events that a truth rests on, as far as they were kept, the newest of each rule."""
    return tuple(
        ref
        for kept in held.refs.values()
        for time, ref in [one for one in kept if truth.since <= one[0] <= truth.time][-_KEPT_REFS:]
    )


def early(held: Held, plan: Plan) -> Truth | None:
    """What is true already of the window that ends at the newest hit, and was not told yet."""
    time = held.moments[-1] >> _BITS
    before = max(held.told[-1], held.fired) if held.told else held.fired
    if plan.whole or time < before + plan.span or held.newest.below:
        return None
    figure = _figure(held.newest, held.newest_chain, plan, time)
    if figure is None:
        return None
    held.told.append(time)
    return Truth(time, time - plan.span + 1, figure)


def settle(held: Held, plan: Plan, until: int) -> Iterator[Truth]:
    """What became true up to `until`; nothing of that time or before it comes any more."""
    if plan.whole:
        yield from _settle_whole(held, plan, until)
        return
    moments, values, span = held.moments, held.values, plan.span
    while held.done < len(moments) and (time := moments[held.done] >> _BITS) <= until:
        while moments[held.first] >> _BITS <= time - span:
            if plan.kind != ORDERED:
                _drop(held.settled, plan, values[held.first])
            held.first += 1
        end = bisect_left(moments, (time + 1) << _BITS, held.done)
        for at in range(held.done, end):  # hits of one time are one: their order means nothing
            if plan.kind == ORDERED:
                _link(held.chain, plan, moments[at] & 63, time)
            else:
                _add(held.settled, plan, values[at])
        held.done = end
        if time >= held.fired + span:
            figure = _figure(held.settled, held.chain, plan, time)
            if figure is not None:
                held.fired = time
                yield Truth(time, time - span + 1, figure)
    if held.first > 64 and held.first * 2 > len(moments):
        _cut(held, held.first)


def _settle_whole(held: Held, plan: Plan, until: int) -> Iterator[Truth]:
    while held.moments:
        since = held.moments[0] >> _BITS
        end = since + plan.span
        if end > until:
            return
        count = bisect_left(held.moments, end << _BITS)
        figure = _of_whole(plan, held.values[:count])
        if figure is not None:
            yield Truth(end, since, figure)
        del held.moments[:count], held.values[:count]


def next_due(held: Held, plan: Plan) -> int:
    """When there is something to settle, or the group to be forgotten."""
    if plan.whole:
        return (held.moments[0] >> _BITS) + plan.span if held.moments else _NEVER
    if held.done < len(held.moments):
        return held.moments[held.done] >> _BITS
    return (held.moments[-1] >> _BITS) + plan.span


def over(held: Held, plan: Plan, until: int) -> bool:
    """Whether nothing of the group can matter any more."""
    if plan.whole or not held.moments:
        return not held.moments
    return held.done == len(held.moments) and (held.moments[-1] >> _BITS) + plan.span <= until


def shed(held: Held, plan: Plan) -> int:
    """Give up the oldest hits where there are too many; how many."""
    most = max(MOST_HITS, int(2 * plan.rule.value)) if plan.kind in (COUNT, DISTINCT) else MOST_HITS
    if len(held.moments) <= most:
        return 0
    count = most // 8
    if not plan.whole and plan.kind != ORDERED:
        for at in range(held.first, min(count, held.done)):
            _drop(held.settled, plan, held.values[at])
        for at in range(held.head, count):
            _drop(held.newest, plan, held.values[at])
    lost = count - min(count, held.first)
    _cut(held, count)
    return lost


def _cut(held: Held, count: int) -> None:
    del held.moments[:count], held.values[:count]
    held.first, held.done, held.head = (max(0, at - count) for at in (held.first, held.done, held.head))


def _add(tally: Tally, plan: Plan, value: Any) -> None:
    if plan.kind == DISTINCT:
        tally.seen[value] = tally.seen.get(value, 0) + 1
    else:
        tally.total += value
        if value < 0:
            tally.below += 1


def _drop(tally: Tally, plan: Plan, value: Any) -> None:
    if plan.kind == DISTINCT:
        left = tally.seen[value] - 1
        if left:
            tally.seen[value] = left
        else:
            del tally.seen[value]
    else:
        tally.total -= value
        if value < 0:
            tally.below -= 1


def _link(chain: list[int], plan: Plan, step: int, time: int) -> None:
    """For each step the latest beginning of a chain of hits in order that reaches it."""
    if not chain:
        chain.extend([_NEVER] * len(plan.steps))
    begin = time if step == 0 else chain[step - 1]
    chain[step] = max(chain[step], begin)


def _figure(tally: Tally, chain: Sequence[int], plan: Plan, time: int) -> float | None:
    """The figure of a window that ends at `time`, where it meets the condition."""
    if plan.kind == ORDERED:
        return float(len(chain)) if chain and chain[-1] > time - plan.span else None
    if plan.asked is not None:
        return (
            float(len(tally.seen)) if plan.asked(frozenset(one for one in tally.seen if isinstance(one, int))) else None
        )
    figure = len(tally.seen) if plan.kind == DISTINCT else tally.total
    return float(figure) if plan.holds(figure) else None


def _of_whole(plan: Plan, values: Sequence[Any]) -> float | None:
    if plan.asked is not None:
        seen = frozenset(values)
        return float(len(seen)) if plan.asked(seen) else None
    figure = figure_of(plan.kind, values, plan.percentile)
    return figure if plan.holds(figure) else None


def figure_of(kind: str, values: Sequence[Any], percentile: float) -> float:
    """What a correlation of this kind counts of some hits; `values` are not empty.

    A percentile between two values lies on the line between them.
    """
    if kind == COUNT:
        return len(values)
    if kind == DISTINCT:
        return len(set(values))
    numbers = sorted(values)
    if kind == SUM:
        return float(sum(numbers))
    if kind == AVERAGE:
        return float(sum(numbers) / len(numbers))
    if kind != PERCENTILE:
        raise AssertionError(kind)
    place = (len(numbers) - 1) * percentile / 100
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    return float(numbers[low] + (numbers[high] - numbers[low]) * (place - low))
