"""What correlations need of the hits of a batch: times, groups, values and the events behind them.

Hits (row, rule) ──rules that some correlation names──▶ columns of those rows ──▶ Points, by time
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut
from ringfence.watch.correlate.plan import DISTINCT, Plan, Step, of_rule
from ringfence.watch.correlate.values import Points, Ref
from ringfence.watch.sigma.asked import number_in
from ringfence.watch.sigma.match import Hits
from ringfence.watch.sigma.tree import Rule

_USERS = ("process.user.name", "actor.user.name", "user.name")
_EXACT = 2**48
"""A greater whole number counts as a real one: sums of it stay within 64 bits."""


class Source:
    """Takes the points of hits out of batches. `rules` are those of the matcher, in its order."""

    def __init__(self, plans: Iterable[Plan], rules: Sequence[Rule]) -> None:
        counted = of_rule(plans)
        self._counted = {at: counted[rule.id] for at, rule in enumerate(rules) if rule.id in counted}

    def points(self, batch: Batch, hits: Hits) -> Iterator[Points]:
        """One for each correlation and rule of which there are hits."""
        present = np.unique(hits.rules)
        for rule in present.tolist():
            wanted = self._counted.get(rule)
            if not wanted:
                continue
            rows = hits.rows[hits.rules == rule]
            rows = rows[np.argsort(batch.times[rows], kind="stable")]
            refs = _refs(batch, rows)
            times = batch.times[rows].tolist()
            for plan, at, step in wanted:
                yield _points(plan, at, step, batch, rows, times, refs)


def _points(
    plan: Plan, at: int, step: Step, batch: Batch, rows: np.ndarray, times: list[int], refs: list[Ref]
) -> Points:
    groups = _texts(batch, step.groups, rows)
    lacking = groups.count(None)
    values: list[Any] = []
    if plan.valued:
        texts = plan.kind == DISTINCT
        values = _texts(batch, step.values, rows) if texts else _numbers(batch, step.values[0], rows)
    measured = not values or None not in values
    if not lacking and measured:
        return Points(plan.rule.id, at, times, groups, refs, values)
    keep = [row for row, one in enumerate(groups) if one is not None and (measured or values[row] is not None)]
    return Points(
        correlation=plan.rule.id,
        step=at,
        times=[times[row] for row in keep],
        groups=[groups[row] for row in keep],
        refs=[refs[row] for row in keep],
        values=[values[row] for row in keep] if values else [],
        ungrouped=lacking,
        unmeasured=len(rows) - lacking - len(keep),
    )


def _column(batch: Batch, columns: Sequence[str], rows: np.ndarray) -> list[Any]:
    """The values of a field: of the first of its columns that is not null."""
    found: list[Any] = [None] * len(rows)
    for column in columns:
        array = batch.array(column)
        if array is not None:
            here = array.take(rows).to_pylist()
            found = (
                here
                if found.count(None) == len(found)
                else [other if one is None else one for one, other in zip(found, here, strict=True)]
            )
            if None not in found:
                break
    return found


def _texts(batch: Batch, fields: Sequence[Sequence[str]], rows: np.ndarray) -> list[Any]:
    """For each row the values of some fields as texts; None where one of them is missing."""
    if not fields:
        return [()] * len(rows)
    columns = [_column(batch, field, rows) for field in fields]
    return [None if None in row else tuple([cut(str(one)) for one in row]) for row in zip(*columns, strict=True)]


def _numbers(batch: Batch, field: Sequence[str], rows: np.ndarray) -> list[Any]:
    return [_number(one) for one in _column(batch, field, rows)]


def _number(value: Any) -> int | float | None:
    found = number_in(value) if isinstance(value, str) else value
    if not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found) if abs(found) >= _EXACT else found


def _refs(batch: Batch, rows: np.ndarray) -> list[Ref]:
    """The events of some rows, each with its host, job and account."""
    sources, hosts, jobs = (batch.codes(name) for name in ("source", "device.hostname", "job.uid"))
    users = _column(batch, _USERS, rows)
    numbers = batch.numbers("seq")[rows].tolist()
    known: dict[tuple[int, int, str | None], tuple[str, ...]] = {}
    found = []
    for row, seq, user in zip(rows.tolist(), numbers, users, strict=True):
        key = int(hosts.codes[row]), int(jobs.codes[row]), user
        entities = known.get(key)
        if entities is None:
            named = (ids.host(hosts.of(row)) if hosts.of(row) else "", jobs.of(row), ids.identity(user) if user else "")
            entities = known[key] = tuple(one for one in named if one)
        found.append(Ref(sources.of(row), seq, entities))
    return found
