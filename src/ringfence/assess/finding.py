"""From verdicts to findings: what is wrong, how bad it is where it is, and which of it is one and the same.

    Judged (columns) ─grade─▶ Graded ─grouped─▶ Group(check, severity, subjects, a few examples)

Ten thousand hosts with one and the same fault are one group: its subjects stay names, and only its examples become
values with their facts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.moves import MOVES
from ringfence.assess.accepted import Accepted
from ringfence.assess.check import IT, Check, Result
from ringfence.assess.judge import Judged, result
from ringfence.assess.severity import NO_POSITION, ORDER, TABLE, Ground, Severity, by_weight
from ringfence.estate.estate import Estate

EXAMPLES = 3
"""Of one group, so many findings are told with their facts."""
_RUNG_SEVERITY = np.array([ORDER.index(rung.severity) for rung in TABLE], np.int8)
_FAR = 1e9


class Finding(msgspec.Struct, frozen=True):
    """One failure and what it is worth to an attacker.

    `position` is the worst that it opens, "" where no move touches any. From there: `minutes` and `hops` to the nearest
    jewel (None where there is no way), and how many `jewels` and `hosts` are in reach, at most (`exact`: that many
    jewels are). `entry`: minutes until a default foothold holds the position, None where none does. `first`: the move
    that the way begins with, and where it leads.
    """

    result: Result
    severity: Severity
    why: str
    position: str = ""
    minutes: float | None = None
    hops: int | None = None
    jewels: int = 0
    hosts: int = 0
    exact: bool = True
    entry: float | None = None
    first: tuple[str, str] | None = None

    @property
    def on_way(self) -> bool:
        """Whether it lies on a way from a foothold to a jewel."""
        return self.entry is not None and self.minutes is not None


class Group(msgspec.Struct, frozen=True):
    """The same check, failed with the same severity for the same reason; `accepted` where somebody bears the risk."""

    check: Check
    severity: Severity
    subjects: tuple[str, ...]
    findings: tuple[Finding, ...]
    accepted: Accepted | None = None

    @property
    def on_way(self) -> bool:
        """Whether its worst example lies on a way to a jewel: then all of it does."""
        return self.findings[0].on_way

    @property
    def order(self) -> tuple[int, bool, int, int, int, float, int, str]:
        """What comes first is worst: within a severity by what falls, by how many fail, and how soon."""
        worst = self.findings[0]
        total = (worst.entry or 0.0) + (_FAR if worst.minutes is None else worst.minutes)
        falls = (-worst.jewels, -worst.hosts, -len(self.subjects))
        return ORDER.index(self.severity), not self.on_way, *falls, total, -self.check.weight, self.check.id


@dataclass(frozen=True, eq=False)
class Graded:
    """The failures of one check in columns, k of them: `at` indexes `judged.subjects`.

    `number` (int64[k]) is the worst position that each opens, -1 where no move touches any; `rung` (int8[k]) the line
    of `severity.TABLE` that holds there, `NO_POSITION` where the check's weight decided; `severity` (int8[k]) indexes
    `severity.ORDER`; `minutes` (float64[k]) until a jewel is held, from a foothold where one gets there.
    """

    judged: Judged
    at: NDArray[np.int64]
    number: NDArray[np.int64]
    rung: NDArray[np.int8]
    severity: NDArray[np.int8]
    minutes: NDArray[np.float64]


def grade(ground: Ground, judged: Judged) -> Graded:
    """Every failure of one check, by the worst position that it opens."""
    at = np.flatnonzero(judged.failed)
    number, best = np.full(len(at), -1, np.int64), np.full(len(at), np.inf)
    total = np.where(np.isfinite(ground.entry), ground.entry, 0.0) + ground.near.minutes
    for when, (met, _, variables) in zip(judged.check.fails, judged.failing, strict=True):
        place = np.searchsorted(judged.subjects[at], met)
        for one in judged.check.opens if when.opens is None else when.opens:
            name, _, capability = one.rpartition("#")
            column = variables.get(name or IT)
            if column is None or not len(met):
                continue
            code = column.astype(np.int64) * positions.WIDTH + positions.CAPABILITY_CODE[capability]
            found = ground.graph.indices(code)
            rung = np.where(ground.rung[found] == NO_POSITION, len(TABLE), ground.rung[found])
            key = rung * _FAR + np.minimum(total[found], _FAR / 2)
            better = (found >= 0) & (key < best[place])
            number[place[better]], best[place[better]] = found[better], key[better]
    rung = np.where(number >= 0, ground.rung[number], NO_POSITION).astype(np.int8)
    weight = ORDER.index(by_weight(judged.check.weight))
    severity = np.where(rung >= 0, _RUNG_SEVERITY[rung], weight).astype(np.int8)
    severity[severity == ORDER.index(Severity.LOW)] = min(weight, ORDER.index(Severity.LOW))
    return Graded(judged, at, number, rung, severity, np.where(number >= 0, total[number], np.inf))


def grouped(estate: Estate, ground: Ground, graded: Graded, accepted: Sequence[Accepted] = ()) -> Iterator[Group]:
    """The groups of one check. `accepted` are those in force: the first that names a subject takes it."""
    names = np.array([estate.terms.values[term] for term in graded.judged.subjects[graded.at]], np.object_)
    taken = _taken(graded.judged.check.id, names, accepted)
    keys = np.column_stack([graded.severity, graded.rung, taken]).astype(np.int64)
    members = [np.flatnonzero((keys == key).all(axis=1)) for key in np.unique(keys, axis=0)] if len(keys) else []
    jewels, hosts = ground.jewels[graded.number], ground.hosts[graded.number]
    worst = [
        sorted(mine.tolist(), key=lambda k: (-jewels[k], -hosts[k], graded.minutes[k], names[k]))[:EXAMPLES]
        for mine in members
    ]
    for mine, few in zip(members, worst, strict=True):
        by = int(taken[few[0]])
        yield Group(
            graded.judged.check,
            ORDER[graded.severity[few[0]]],
            tuple(sorted(names[mine])),
            tuple(_finding(estate, ground, graded, k) for k in few),
            accepted[by] if by >= 0 else None,
        )


def _taken(check: str, names: NDArray[np.object_], accepted: Sequence[Accepted]) -> NDArray[np.int64]:
    taken = np.full(len(names), -1, np.int64)
    for at, one in enumerate(accepted):
        if one.check == check:
            taken[[k for k, name in enumerate(names) if taken[k] < 0 and one.covers(name)]] = at
    return taken


def _finding(estate: Estate, ground: Ground, graded: Graded, k: int) -> Finding:
    said = result(estate, graded.judged, int(graded.at[k]))
    severity, at = ORDER[graded.severity[k]], int(graded.number[k])
    if graded.rung[k] == NO_POSITION:
        nothing = "nothing is known to follow from what it opens" if at >= 0 else "it opens nothing that a move touches"
        position = positions.text(estate, int(ground.graph.positions[at])) if at >= 0 else ""
        return Finding(said, severity, f"{nothing}; the check weighs {graded.judged.check.weight} of 10", position)
    near, edge = float(ground.near.minutes[at]), int(ground.near.first[at])
    way, entry = bool(np.isfinite(near)), float(ground.entry[at])
    edges = ground.graph.edges
    return Finding(
        said,
        severity,
        TABLE[graded.rung[k]].says,
        positions.text(estate, int(ground.graph.positions[at])),
        near if way else None,
        int(ground.near.hops[at]) if way else None,
        int(ground.jewels[at]),
        int(ground.hosts[at]),
        bool(ground.exact[at]),
        entry if np.isfinite(entry) else None,
        (MOVES[edges.move[edge]].id, positions.text(estate, int(edges.to[edge]))) if way and edge >= 0 else None,
    )
