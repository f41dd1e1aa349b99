"""Hits of Sigma rules as signals: one for each rule and host of a batch, with its count.

        Batch ─▶ Matcher ─▶ (row, rule) … ─▶ grouped by rule and host ─▶ Signal

A rule says how grave it is by its level, and whom it is about by the event that it matched.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.sigma.match import Matcher
from ringfence.watch.sigma.tree import Rule
from ringfence.watch.values import RULE, Signal

LEVELS: Mapping[str, tuple[int, float]] = {
    "informational": (5, 0.2),
    "low": (20, 0.3),
    "medium": (45, 0.4),
    "high": (75, 0.6),
    "critical": (90, 0.7),
}
"""A rule's level → severity and confidence. A medium one alone is not told; a high one just about is."""
_UNRATED = (30, 0.3)
_EVIDENCE = 4
_SAID = 200


class RuleSignals:
    """A matcher whose hits are signals."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher

    def signals(self, batch: Batch) -> Iterator[Signal]:
        """One for each rule and host that matched."""
        hits = self._matcher.match(batch)
        if not len(hits.rows):
            return
        hosts = batch.codes("device.hostname").codes[hits.rows].astype(np.int64)
        keys = hits.rules.astype(np.int64) * (int(hosts.max()) + 2) + hosts
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order[0]] - 1))
        for at, start in enumerate(starts.tolist()):
            end = int(starts[at + 1]) if at + 1 < len(starts) else len(order)
            group = order[start:end]
            yield _signal(self._matcher.ruleset.rules[int(hits.rules[group[0]])], batch, hits.rows[group])


def _signal(rule: Rule, batch: Batch, rows: np.ndarray) -> Signal:
    first = int(rows[0])
    times = batch.times[rows]
    severity, confidence = LEVELS.get(rule.level, _UNRATED)
    entities = _entities(batch, first)
    sources = batch.codes("source")
    seq = batch.numbers("seq")
    return Signal(
        name=rule.id,
        kind=RULE,
        title=rule.title,
        key="|".join(entities),
        time=int(times.max()),
        since=int(times.min()),
        entities=entities,
        sources=tuple(dict.fromkeys(sources.of(int(row)) for row in rows[:_EVIDENCE])),
        why=_why(rule, batch, first),
        severity=severity,
        confidence=confidence,
        evidence=tuple((sources.of(int(row)), int(seq[row])) for row in rows[:_EVIDENCE]),
        attack=tuple(_ids(rule.tags, "attack.t", "T")),
        atlas=tuple(_ids(rule.tags, "atlas.", "")),
        count=len(rows),
    )


def _entities(batch: Batch, row: int) -> tuple[str, ...]:
    found = []
    if host := batch.text("device.hostname", row):
        found.append(ids.host(host))
    if job := batch.text("job.uid", row):
        found.append(job)
    for column in ("process.user.name", "actor.user.name", "user.name"):
        if user := batch.text(column, row):
            found.append(ids.identity(user))
            break
    return tuple(found)


def _why(rule: Rule, batch: Batch, row: int) -> str:
    """The rule, and what it matched, in one line that nothing in the event can break out of."""
    for column in ("process.cmd_line", "message", "file.path", "http_request.url", "query.hostname"):
        if said := batch.text(column, row):
            return f"{rule.title}: {ids.clean(said[:_SAID])}"
    return rule.title


def _ids(tags: tuple[str, ...], prefix: str, begin: str) -> Iterator[str]:
    """`attack.t1059.004` → `T1059.004`; `atlas.aml.t0024` → `AML.T0024`."""
    for tag in tags:
        if tag.startswith(prefix) and tag[len(prefix) :][:1].isalnum():
            yield begin + tag[len(prefix) :].upper()
