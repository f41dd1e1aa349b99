"""The edges of an estate while facts come and go, and nothing else: see `Live` for the reach of jewels with them.

Facts added: only instances that rest on a new fact are joined (semi-naive). Facts removed: edges that rest on them end.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.incremental.edges import EdgeStore
from ringfence.analyse.incremental.join import Joiner
from ringfence.analyse.incremental.plans import plans_of
from ringfence.analyse.incremental.store import FactStore
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import Positions
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.rule import Move
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate

_COMPACT_AT = 100_000


class Change(msgspec.Struct, frozen=True):
    """What one delta did: facts and edges that came and went, and whether bounds were computed anew."""

    facts_added: int
    facts_removed: int
    edges_added: int
    edges_removed: int
    swept: bool


class LiveEdges:
    """Estate and edges after any number of deltas. `apply` is the only way to change it, from one thread at a time."""

    def __init__(self, estate: Estate, moves: Sequence[Move] = MOVES, *, edges: Edges | None = None) -> None:
        """`edges`: those of `derive(estate, moves)` if the caller has them already."""
        self.estate, self.moves = estate, moves
        self._store = FactStore(estate)
        self._joiner = Joiner(plans_of(estate, moves))
        self._joiner.learn(estate)
        self._edges = EdgeStore()
        self._low = np.array([move.minutes.low for move in moves], np.float32)
        self._high = np.array([move.minutes.high for move in moves], np.float32)
        found = derive(estate, moves) if edges is None else edges
        self._take(found.move, found.start, found.to, self._store.numbers(found.because), found.unknown)
        for table in estate.tables.values():  # so that the first delta finds its indexes made
            for side in ("subject", "object"):
                table.find(side, np.zeros(0, np.int32))

    def apply(self, delta: Delta) -> Change:
        """Take facts away and add some."""
        facts, fresh, ended = self._follow(delta)
        if self._many_dead():
            self._edges.compact()
        return Change(*facts, len(fresh), len(ended), False)

    def edges(self) -> Edges:
        """All living edges; the same set as `derive(self.estate)`, in another order."""
        return self._edges.edges(self._store)

    def _follow(self, delta: Delta) -> tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64]]:
        """((facts added, facts removed), numbers of the edges that are new, numbers of those that ended)."""
        self.estate, added, removed = self.estate.changed(delta.added, delta.removed)
        fresh, ended = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if len(removed):
            gone = self._store.numbers(removed)
            self._store.alive[gone] = False
            ended = self._edges.drop(gone)
        if len(added):
            begin, end = self._store.add(self.estate, added)
            plan, ends, because = self._joiner.run(self.estate, self._store, begin, end)
            about = self._joiner.plans.plan[plan]
            fresh = self._take(about[:, 5].astype(np.int16), ends[:, :3], ends[:, 3], because, about[:, 6] == 1)
        return (len(added), len(removed)), fresh, ended

    def _many_dead(self) -> bool:
        return self._edges.dead > max(_COMPACT_AT, self._edges.count // 3)

    def _take(
        self,
        move: NDArray[np.int16],
        start: Positions,
        to: Positions,
        because: Ints,
        unknown: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        minutes = (self._low[move], self._high[move])
        return self._edges.add(move, start, to, because, minutes, unknown, self._store.count)
