"""How good the watch is: incidents held against what is true.

        (moment, incident) … ─▶ Scorer ◀─ truth        found, when, by what; and what was false
                                  └────▶ Quality ─▶ JSON, table

An attack is found if an incident is opened or updated, between its start and ten minutes after its end, by a signal
of that time which names one of its entities. An incident that never matched an attack is false. One that was merged
into another stands with that other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
from scipy.stats import chi2

from ringfence.app.watch.read import batches
from ringfence.app.watch.truth import Attack
from ringfence.errors import Problem
from ringfence.watch.batch import Batch
from ringfence.watch.single import Single
from ringfence.watch.values import Incident, Signal

SECOND = 1_000_000
AFTER = 600 * SECOND
"""How long after its end an attack may still be found."""
DAY = 86400 * SECOND
SLICE = 60 * SECOND
"""Logs are played a minute at a time, so that it is known when an incident was told."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one attack: the names of the signals that found it, and how many seconds after its start."""

    id: str
    kind: str
    loudness: str
    found: bool
    seconds: float = 0.0
    by: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """All attacks of a kind and loudness."""

    kind: str
    loudness: str
    attacks: int
    found: int
    recall: float
    median_s: float | None
    p90_s: float | None


class Quality(msgspec.Struct, frozen=True):
    """The whole result. `false_a_day_most` is the upper end of a one-sided 95 % interval (Poisson).

    `false_by` counts false incidents by the signal that weighs most in each; `false_ids` are at most a hundred.
    """

    days: float
    attacks: int
    found: int
    recall: float | None
    median_s: float | None
    p90_s: float | None
    incidents: int
    false: int
    false_a_day: float
    false_a_day_most: float
    by_loudness: dict[str, tuple[int, int]]
    groups: tuple[Group, ...]
    outcomes: tuple[Outcome, ...]
    false_by: dict[str, int]
    false_ids: tuple[str, ...]


class Scorer:
    """Takes incidents in as they are told, in order."""

    def __init__(self, truth: Sequence[Attack]) -> None:
        self._truth = truth
        self._of: dict[str, list[Attack]] = {}
        for attack in truth:
            for entity in attack.entities:
                self._of.setdefault(entity, []).append(attack)
        self._first: dict[str, int] = {}
        self._by: dict[str, set[str]] = {}
        self._last: dict[str, Incident] = {}
        self._true: set[str] = set()
        self._merged: dict[str, str] = {}

    def take(self, when: int, incident: Incident) -> None:
        """An incident as it is told at a moment (microseconds, by the clock of the events)."""
        self._last[incident.id] = incident
        if into := incident.why.get("merged into"):
            self._merged[incident.id] = into
        for signal in incident.signals:
            for attack in self._matched(signal):
                self._true.add(incident.id)
                if when <= attack.end + AFTER + SLICE:
                    self._first[attack.id] = min(self._first.get(attack.id, when), when)
                    self._by.setdefault(attack.id, set()).add(signal.name)

    def _matched(self, signal: Signal) -> Iterator[Attack]:
        for entity in signal.entities:
            for attack in self._of.get(entity, ()):
                if attack.start <= signal.time <= attack.end + AFTER:
                    yield attack

    def quality(self, span: int) -> Quality:
        """The result after `span` microseconds of events."""
        outcomes = tuple(self._outcome(attack) for attack in self._truth)
        false = self._false()
        days = max(span, SECOND) / DAY
        seconds = [one.seconds for one in outcomes if one.found]
        found = len(seconds)
        loud: dict[str, tuple[int, int]] = {}
        for one in outcomes:
            before = loud.get(one.loudness, (0, 0))
            loud[one.loudness] = (before[0] + one.found, before[1] + 1)
        return Quality(
            days=round(days, 3),
            attacks=len(outcomes),
            found=found,
            recall=round(found / len(outcomes), 4) if outcomes else None,
            median_s=_middle(seconds),
            p90_s=_late(seconds),
            incidents=len(self._last) - len(self._merged),
            false=len(false),
            false_a_day=round(len(false) / days, 3),
            false_a_day_most=round(most(len(false)) / days, 3),
            by_loudness=loud,
            groups=groups(outcomes),
            outcomes=outcomes,
            false_by=dict(Counter(_heaviest(one) for one in false).most_common()),
            false_ids=tuple(one.id for one in false[:100]),
        )

    def _outcome(self, attack: Attack) -> Outcome:
        when = self._first.get(attack.id)
        shown = (attack.id, attack.kind, attack.loudness)
        if when is None:
            return Outcome(*shown, found=False)
        seconds = round(max(0, when - attack.start) / SECOND, 1)
        return Outcome(*shown, True, seconds, tuple(sorted(self._by[attack.id])))

    def _false(self) -> list[Incident]:
        true = set(self._true)
        for one, into in self._merged.items():
            if one in true:
                true.add(self._end(into))
        return [one for one in self._last.values() if one.id not in true and one.id not in self._merged]

    def _end(self, incident: str) -> str:
        seen = {incident}
        while (into := self._merged.get(incident)) and into not in seen:
            seen.add(into)
            incident = into
        return incident


def most(count: int) -> float:
    """The upper end of a one-sided 95 % interval of a Poisson mean, of which `count` were seen."""
    return float(chi2.ppf(0.95, 2 * (count + 1)) / 2)


def groups(outcomes: Iterable[Outcome]) -> tuple[Group, ...]:
    """Outcomes by kind and loudness, every one of them, those that were never found too."""
    those: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        those.setdefault((one.kind, one.loudness), []).append(one)
    return tuple(_group(*name, found) for name, found in sorted(those.items()))


def _group(kind: str, loudness: str, those: Sequence[Outcome]) -> Group:
    seconds = [one.seconds for one in those if one.found]
    recall = round(len(seconds) / len(those), 4)
    return Group(kind, loudness, len(those), len(seconds), recall, _middle(seconds), _late(seconds))


def _middle(seconds: Sequence[float]) -> float | None:
    return round(median(seconds), 1) if seconds else None


def _late(seconds: Sequence[float]) -> float | None:
    return round(float(np.percentile(seconds, 90)), 1) if seconds else None


def _heaviest(incident: Incident) -> str:
    return max(incident.signals, key=lambda one: one.severity * one.confidence).name if incident.signals else ""


class Scored(msgspec.Struct, frozen=True):
    """A result, and what could not be read on the way."""

    quality: Quality
    problems: tuple[Problem, ...]
    events: int


def score_files(single: Single, folder: Path, truth: Sequence[Attack]) -> Scored:
    """Play the logs of a folder and score what the watch makes of them."""
    problems: list[Problem] = []
    scorer, first, last, events = Scorer(truth), 0, 0, 0
    for batch in batches([folder], problems):
        for part in sliced(batch):
            times = part.times[part.times > 0]
            first = min(first or (1 << 62), int(times.min(initial=1 << 62)))
            last = max(last, int(times.max(initial=0)))
            events += len(part)
            for incident in single.take(part):
                scorer.take(last, incident)
    for incident in single.end():
        scorer.take(last, incident)
    span = last - first if last > first > 0 else SECOND
    return Scored(scorer.quality(span), tuple(problems), events)


def sliced(batch: Batch, width: int = SLICE) -> Iterator[Batch]:
    """A batch in pieces of which none spans more than a minute, as far as its order lets it."""
    if not len(batch):
        return
    high = np.maximum.accumulate(batch.times)
    slots = high // width
    edges = np.flatnonzero(np.diff(slots)) + 1
    for start, end in zip((0, *edges.tolist()), (*edges.tolist(), len(batch)), strict=True):
        yield Batch(batch.record.slice(start, end - start)) if end - start < len(batch) else batch


def rows(quality: Quality) -> Iterator[tuple[Any, ...]]:
    """The table: kind, loudness, found of how many, recall, median and p90 of the seconds until found."""
    for one in quality.groups:
        share = f"{100 * one.recall:.0f} %"
        yield one.kind, one.loudness, f"{one.found}/{one.attacks}", share, _shown(one.median_s), _shown(one.p90_s)


def _shown(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.0f} s"


def summary(quality: Quality) -> list[str]:
    """What the table comes to, in sentences."""
    told = [f"{quality.days:g} days, {quality.incidents} incidents"]
    if quality.attacks:
        loud = sorted(quality.by_loudness.items())
        part = ", ".join(f"{name or 'unnamed'} {found}/{of}" for name, (found, of) in loud)
        told.append(f"found {quality.found} of {quality.attacks} attacks ({100 * (quality.recall or 0):.1f} %): {part}")
        told.append(f"time to detect: median {_shown(quality.median_s)}, p90 {_shown(quality.p90_s)}")
    told.append(
        f"{quality.false} false incidents: {quality.false_a_day:g} a day, at most {quality.false_a_day_most:g} (95 %)"
    )
    if quality.false_by:
        often = ", ".join(f"{name} {count}" for name, count in list(quality.false_by.items())[:12])
        told.append(f"false by the heaviest signal: {often}")
    return told
