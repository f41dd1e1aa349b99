"""What correlations mean, written down without any thought of speed: all hits at once, sorted, every window anew."""

import operator
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ringfence.watch.sigma.tree import Correlation

OPS = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Hit(NamedTuple):
    """A hit of the rule at place `step` of a correlation."""

    time: int
    step: int
    group: str
    value: int


Fired = tuple[str, int, float]
"""Group, time, figure."""


def naive(rule: Correlation, hits: Iterable[Hit]) -> list[Fired]:
    """Every time at which the correlation fires."""
    hits = sorted(hits)
    evaluate = tumbling if is_whole(rule) else sliding
    return [one for group in sorted({hit.group for hit in hits}) for one in evaluate(rule, group, hits)]


def is_whole(rule: Correlation) -> bool:
    """Whether only a whole window can tell."""
    if rule.expression:
        return "not " in rule.expression
    return rule.type in {"value_avg", "value_percentile", "value_median"} or rule.op not in {"gt", "gte"}


def sliding(rule: Correlation, group: str, hits: Sequence[Hit]) -> Iterable[Fired]:
    """At each time with a hit, the window that ends there; quiet for a window once it fired."""
    span, fired = rule.seconds * 1_000_000, None
    for end in sorted({hit.time for hit in hits if hit.group == group}):
        window = [hit for hit in hits if hit.group == group and end - span < hit.time <= end]
        truth = held(rule, window)
        if truth is not None and (fired is None or end >= fired + span):
            fired = end
            yield group, end, truth


def tumbling(rule: Correlation, group: str, hits: Sequence[Hit]) -> Iterable[Fired]:
    """Windows that begin with the first hit after the one before."""
    span, left = rule.seconds * 1_000_000, [hit for hit in hits if hit.group == group]
    while left:
        end = left[0].time + span
        window = [hit for hit in left if hit.time < end]
        left = left[len(window) :]
        truth = held(rule, window)
        if truth is not None:
            yield group, end, truth


def held(rule: Correlation, window: Sequence[Hit]) -> float | None:
    """The figure of a window, where it meets the condition."""
    seen = {hit.step for hit in window}
    if rule.type == "temporal_ordered":
        chain = any(
            [hit.step for hit in sorted(some, key=lambda hit: (hit.time, hit.step))] == list(range(len(rule.rules)))
            for some in combinations(window, len(rule.rules))
        )
        return len(rule.rules) if chain else None
    if rule.expression:
        names = {name: at in seen for at, name in enumerate(rule.rules)}
        return len(seen) if eval(rule.expression, {}, names) else None
    figure = figured(rule, window, seen)
    return figure if OPS[rule.op](figure, rule.value) else None


def figured(rule: Correlation, window: Sequence[Hit], seen: set[int]) -> float:
    """What is held against the condition."""
    values = [hit.value for hit in window]
    return {
        "event_count": lambda: len(window),
        "value_count": lambda: len(set(values)),
        "temporal": lambda: len(seen),
        "value_sum": lambda: sum(values),
        "value_avg": lambda: sum(values) / len(values),
        "value_percentile": lambda: float(np.percentile(values, rule.percentile)),
        "value_median": lambda: float(np.median(values)),
    }[rule.type]()
