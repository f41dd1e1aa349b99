"""Hits of Sigma rules as signals: one for each rule, host and account of a batch, with its count; and of correlations.

        Batch ─▶ Matcher ─▶ (row, rule) … ─▶ grouped by rule, host, account ─▶ Signal
                                └─ rules that correlations count ─▶ Points ─▶ (joint stage) ─▶ Firing ─▶ Signal

A rule says how grave it is by its level, and whom it is about by the event that it matched.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.correlate import Firing, Points, Source, plans, untold
from ringfence.watch.sigma import Correlation, Matcher, Rule, Ruleset
from ringfence.watch.values import RULE, Signal

LEVELS: Mapping[str, tuple[int, float]] = {
    "informational": (5, 0.2),
    "low": (20, 0.3),
    "medium": (45, 0.35),
    "high": (75, 0.6),
    "critical": (90, 0.7),
}
"""A rule's level → severity and confidence. A medium one, or two, are not told alone; a high one is."""
UNRATED = (30, 0.3)
"""The same for a rule that states no level."""
_EVIDENCE = 4
_ACCOUNTS = ("process.user.name", "actor.user.name", "user.name")
_ENTITIES = 32
_SAID = 200


class Rules:
    """Rules and correlations, ready for batches. `problems` are correlations that cannot be run."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._matcher = Matcher(ruleset)
        self.plans, self.problems = plans(ruleset)
        self._source = Source(self.plans, ruleset.rules)
        self._silent = untold(self.plans)
        self._told = np.array([rule.id not in self._silent for rule in ruleset.rules], np.bool_)

    def read(self, batch: Batch) -> tuple[list[Signal], tuple[Points, ...]]:
        """A signal for every rule, host and account that matched, and what correlations count of the hits."""
        hits = self._matcher.match(batch)
        if not len(hits.rows):
            return [], ()
        told = self._told[hits.rules]
        return list(self._grouped(batch, hits.rows[told], hits.rules[told])), tuple(self._source.points(batch, hits))

    def fired(self, firings: Iterable[Firing]) -> Iterator[Signal]:
        """A signal for each correlation that came true, but for those that only others count."""
        rules = {plan.rule.id: plan.rule for plan in self.plans}
        for one in firings:
            if not one.again and one.correlation not in self._silent:
                yield _of_firing(rules[one.correlation], one)

    def _grouped(self, batch: Batch, rows: np.ndarray, rules: np.ndarray) -> Iterator[Signal]:
        if not len(rows):
            return
        keys = rules.astype(np.int64)
        for column in ("device.hostname", *_ACCOUNTS):  # whom it is about, so that no account hides behind another's
            codes = batch.codes(column).codes[rows].astype(np.int64)
            _, keys = np.unique(keys * (int(codes.max()) + 2) + codes + 1, return_inverse=True)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order[0]] - 1))
        for group in np.split(order, starts[1:]):
            yield _signal(self._matcher.ruleset.rules[int(rules[group[0]])], batch, rows[group])


def _of_firing(rule: Correlation, one: Firing) -> Signal:
    severity, confidence = LEVELS.get(rule.level, UNRATED)
    entities = tuple(dict.fromkeys(entity for ref in one.refs for entity in ref.entities))
    return Signal(
        name=rule.id,
        kind=RULE,
        title=rule.title,
        key="|".join(one.group),
        time=one.time,
        since=one.since,
        entities=entities[:_ENTITIES],
        sources=tuple(dict.fromkeys(ref.source for ref in one.refs)),
        why=f"{rule.title}: {one.figure:g} for {ids.clean(', '.join(one.group)) or 'all'}",
        severity=severity,
        confidence=confidence,
        evidence=tuple((ref.source, ref.seq) for ref in one.refs[:_EVIDENCE]),
        attack=tuple(tagged(rule.tags, "attack.t", "T")),
        atlas=tuple(tagged(rule.tags, "atlas.", "")),
    )


def _signal(rule: Rule, batch: Batch, rows: np.ndarray) -> Signal:
    first = int(rows[0])
    times = batch.times[rows]
    severity, confidence = LEVELS.get(rule.level, UNRATED)
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
        attack=tuple(tagged(rule.tags, "attack.t", "T")),
        atlas=tuple(tagged(rule.tags, "atlas.", "")),
        count=len(rows),
    )


def _entities(batch: Batch, row: int) -> tuple[str, ...]:
    found = []
    if host := batch.text("device.hostname", row):
        found.append(ids.host(host))
    if job := batch.text("job.uid", row):
        found.append(job)
    for column in _ACCOUNTS:
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


def tagged(tags: tuple[str, ...], prefix: str, begin: str) -> Iterator[str]:
    """The ids among a rule's tags: `attack.t1059.004` → `T1059.004`; `atlas.aml.t0024` → `AML.T0024`."""
    for tag in tags:
        if tag.startswith(prefix) and tag[len(prefix) :][:1].isalnum():
            yield begin + tag[len(prefix) :].upper()
