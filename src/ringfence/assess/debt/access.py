"""Who is let in, window after window: an outsider who becomes an insider is no repair.

Without more, whoever lets everybody in would owe nothing, for only outsiders' ways count. So the access itself is
owed: a foothold that was seen as an outsider of a jewel and is its insider now holds the jewel for certain, by a
finding `granted` of that jewel, which stands until it is taken back or has stood for `SETTLED` windows. Who only
changed places with another is no matter: it is owed where the insiders grew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from ringfence.analyse.reach.adjacency import Ints, incidence
from ringfence.assess.debt.ledger import Entry, fresh
from ringfence.assess.debt.value import Bools, Class, Game

GRANTED = "granted"
"""The check's place in the key of such a finding."""

SEVERITY = 5

SETTLED = 8
"""So many windows a granted access is owed; then it is how work is done. As many as a verdict without a label needs."""

MOST_LET_IN = 0.02
"""Insiders of a jewel grew where they are more by over this share of the footholds of when it was first seen, and by
over `FEW`, or where half of those ever seen outside are let in. Then the access is owed and a trend refused; below, and
where as many left, people changed places or their jobs ran elsewhere."""

FEW = 2


class Share(msgspec.Struct, frozen=True):
    """Of one window: `inside`, the mean share of footholds that are insiders of a jewel.

    `let_in`: of the footholds there were when a jewel was first seen, by how large a share more are its insiders now;
    the largest of any jewel, and 0 where none has more. `jewel`: that one.
    """

    inside: float = 0.0
    let_in: float = 0.0
    jewel: str = ""


class First(msgspec.Struct, frozen=True):
    """When a jewel was first seen: the footholds there were, and how many of them were insiders."""

    feet: frozenset[str]
    inside: int

    def grown(self, now: Iterable[str], let_in: int, outside: int) -> float:
        """By what share of them its insiders grew; 0 where they are fewer, or few more. New footholds do not count."""
        more = sum(foot in self.feet for foot in now) - self.inside
        grew = more > max(FEW, MOST_LET_IN * len(self.feet)) or (more > 0 and let_in >= outside / 2)
        return more / len(self.feet) if grew else 0.0


@dataclass(frozen=True)
class Access:
    """By jewel: footholds ever seen as outsiders, and of those that are insiders now (since when, windows so far)."""

    outside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    let_in: Mapping[str, Mapping[str, tuple[float, int]]] = field(default_factory=dict)
    first: Mapping[str, First] = field(default_factory=dict)
    grown: Mapping[str, float] = field(default_factory=dict)
    """Of the footholds of when a jewel was first seen, the share by which its insiders grew; 0 where hardly."""

    def folded(self, at: float, inside: Bools, feet: Sequence[str], jewels: Sequence[str]) -> "Access":
        """After one more window; `inside` is footholds × jewels. Jewels that are not there stay as they were."""
        outside, let_in, first, grown = dict(self.outside), dict(self.let_in), dict(self.first), dict(self.grown)
        for column, jewel in enumerate(jewels):
            was, held = outside.get(jewel, frozenset()), self.let_in.get(jewel, {})
            mine = inside[:, column]
            now = {}
            began = first.setdefault(jewel, First(frozenset(feet), int(mine.sum())))
            if was:
                for row in np.flatnonzero(mine).tolist():
                    if feet[row] in was:
                        since, windows = held.get(feet[row], (at, 0))
                        now[feet[row]] = (since, windows + 1)
            grown[jewel] = began.grown((feet[row] for row in np.flatnonzero(mine).tolist()), len(now), len(was))
            let_in[jewel] = now
            outside[jewel] = was | {feet[row] for row in np.flatnonzero(~mine).tolist()}
        return Access(outside, let_in, first, grown)

    def owed(self, jewels: Sequence[str]) -> dict[int, Entry]:
        """By number of a jewel: the finding, as old as the oldest of its accesses that is not settled."""
        found = {}
        for column, jewel in enumerate(jewels):
            since = [at for at, windows in self.let_in.get(jewel, {}).values() if windows <= SETTLED]
            if since and self.grown.get(jewel):
                found[column] = fresh((GRANTED, jewel), SEVERITY, min(since))
        return found

    def share(self, inside: Bools, jewels: Sequence[str]) -> Share:
        """How many are let in, of all footholds there are."""
        if not inside.size:
            return Share()
        most = max(jewels, key=lambda jewel: self.grown.get(jewel, 0.0))
        grown = self.grown.get(most, 0.0)
        return Share(float(inside.mean()), grown, most if grown else "")


NOBODY = Access()
NONE = Share()


def with_granted(game: Game, columns: Sequence[int]) -> Game:
    """The game with one more finding for each of these jewels, last: who was let in holds the jewel for certain.

    They stand at one position more, from which one move leads to each such jewel and rests on its finding alone.
    """
    if not columns:
        return game
    count, many, positions = len(columns), len(game.to), len(game.first) - 2
    start = np.full((many + count, game.start.shape[1]), -1, np.int32)
    start[:many] = game.start
    start[many:, 0] = positions
    rests = np.full((many + count, game.rests.shape[1]), -1, np.int32)
    rests[:many] = game.rests
    rests[many:, 0] = game.facts + np.arange(count)
    goals = game.goals[list(columns)].astype(np.int32)
    numbers = np.arange(count, dtype=np.int32)
    first, incident = incidence(positions + 1, start)
    classes = [_beside(one, positions, goals) for one in (*game.classes, *game.closed)]
    return replace(
        game,
        edge=np.append(game.edge, np.full(count, -1, np.int64)),
        start=start,
        to=np.append(game.to, goals),
        cost=np.append(game.cost, np.zeros(count)),
        rests=rests,
        facts=game.facts + count,
        fact_of=np.append(game.fact_of, game.facts + numbers),
        finding_of=np.append(game.finding_of, game.findings + numbers),
        findings=game.findings + count,
        first=first,
        incident=incident,
        classes=tuple(one for one in classes if len(one[0])),
        closed=tuple(one for one in classes if not len(one[0])),
    )


def _beside(of: Class, position: int, granted: Ints) -> Class:
    """The class, the position among its outsiders where one of its jewels is granted."""
    outside, goals, values = of
    return (np.append(outside, np.int32(position)), goals, values) if np.isin(goals, granted).any() else of
