"""Reach of the jewels while facts come and go.

Facts added: only instances that rest on a new fact are joined (semi-naive), and only bits that are
new flow backwards. Facts removed: edges that rest on them end. Edges that rest on facts about jobs, pods
and containers are expected to end: they are kept out of the condensed graph, and only the bits that
rested on them are taken back and, where something else supports them, given again. When any
other edge ends both bounds are swept anew. Whichever way was taken, the result is that of a rebuild.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.incremental.edges import EdgeStore
from ringfence.analyse.incremental.join import Joiner
from ringfence.analyse.incremental.level import Level
from ringfence.analyse.incremental.plans import plans_of
from ringfence.analyse.incremental.store import FactStore
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import Positions
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.scc import Condensed, condense
from ringfence.analyse.reach.sweep import Words, words_for
from ringfence.analyse.rule import Move
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate

_Ends = tuple[Ints, Ints, Ints]
_COMPACT_AT = 100_000


class Change(msgspec.Struct, frozen=True):
    """What one delta did: facts and edges that came and went, and whether bounds were computed anew."""

    facts_added: int
    facts_removed: int
    edges_added: int
    edges_removed: int
    swept: bool


class Live:
    """Estate, edges and both bounds of every position's reach of `jewels` (positions), after any number of deltas.

    `apply` is the only way to change it, and not safe to call from two threads. Edges that rest on
    something not collected count only with `with_unknown`.
    """

    def __init__(
        self,
        estate: Estate,
        jewels: Sequence[int] | Positions,
        moves: Sequence[Move] = MOVES,
        *,
        edges: Edges | None = None,
        with_unknown: bool = False,
    ) -> None:
        """`edges`: those of `derive(estate, moves)` if the caller has them already."""
        self.estate, self.moves, self.with_unknown = estate, moves, with_unknown
        self.jewels = np.asarray(jewels, np.int64)
        self._store = FactStore(estate)
        self._joiner = Joiner(plans_of(estate, moves))
        self._edges = EdgeStore()
        self._jewels: NDArray[np.int64] = self._edges.number(self.jewels).astype(np.int64)
        self._low = np.array([move.minutes.low for move in moves], np.float32)
        self._high = np.array([move.minutes.high for move in moves], np.float32)
        found = derive(estate, moves) if edges is None else edges
        self._take(found.move, found.start, found.to, self._store.numbers(found.because), found.unknown)
        self._sweep()
        for table in estate.tables.values():  # so that the first delta finds its indexes made
            for side in ("subject", "object"):
                table.find(side, np.zeros(0, np.int32))

    def apply(self, delta: Delta) -> Change:
        """Take facts away and add some. Both bounds are those of the new estate afterwards."""
        self.estate, added, removed = self.estate.changed(delta.added, delta.removed)
        ended, ended_of_swept = np.zeros(0, np.int64), False
        if len(removed):
            gone = self._store.numbers(removed)
            self._store.alive[gone] = False
            ended = self._edges.drop(gone)
            ended_of_swept = bool(self._edges.swept[ended].any())
        fresh = np.zeros(0, np.int64)
        if len(added):
            begin, end = self._store.add(self.estate, added)
            plan, ends, because = self._joiner.run(self.estate, self._store, begin, end)
            about = self._joiner.plans.plan[plan]
            fresh = self._take(about[:, 5].astype(np.int16), ends[:, :3], ends[:, 3], because, about[:, 6] == 1)
        if ended_of_swept or self._edges.dead > max(_COMPACT_AT, self._edges.count // 3):
            self._sweep()
            return Change(len(added), len(removed), len(fresh), len(ended), True)
        if len(ended):
            for level in (self.lower, self.upper):
                level.retract(self._edges.alive)
        if len(fresh):
            self._flow(fresh)
        return Change(len(added), len(removed), len(fresh), len(ended), False)

    def edges(self) -> Edges:
        """All living edges; the same set as `derive(self.estate)`, in another order."""
        return self._edges.edges(self._store)

    def reach(self, position: int) -> tuple[list[int], list[int]]:
        """(lower, upper): indices of the jewels that a position reaches on its own."""
        at = self._edges.find(position)
        if at < 0 or at >= self.lower.placed:
            return [], []
        return self.lower.of(at), self.upper.of(at)

    def table(self) -> tuple[Positions, Words, Words]:
        """(positions, lower, upper): one row of bits per position ever met, as `Sets.expand` gives them."""
        words, known = words_for(len(self.jewels)), self.lower.placed
        lower, upper = (level.rows[level.component[:known]][:, :words] for level in (self.lower, self.upper))
        return self._edges.positions[:known], lower, upper

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

    def _usable(self, which: NDArray[np.int64]) -> NDArray[np.int64]:
        return which if self.with_unknown else which[~self._edges.unknown[which]]

    def _ends(self, which: NDArray[np.int64]) -> _Ends:
        """(start, target, number) of edges, once for each of their starts."""
        start = self._edges.start[which]
        used = start >= 0
        number = np.repeat(which, used.sum(axis=1))
        return start[used], self._edges.to[number], number.astype(np.int32)

    def _parts(self, which: NDArray[np.int64]) -> tuple[_Ends, _Ends]:
        """Ends of the OR edges and of the AND edges among `which`."""
        which = self._usable(which)
        several = self._edges.need[which] > 1
        return self._ends(which[~several]), self._ends(which[several])

    def _sweep(self) -> None:
        """Both bounds from the living edges. The upper one is condensed from the lower one's components."""
        known = self._edges.known
        self._edges.compact()
        self._edges.swept[:] = False
        lasting = self._usable(self._edges.living())
        lasting = lasting[~self._passing(lasting)]
        self._edges.swept[lasting] = True
        alone, several = self._parts(lasting)
        tight = condense(known, alone[0], alone[1])
        self.lower = Level(tight, tight.component, self._jewels)
        if not len(several[0]):
            loose = tight
            component = tight.component
        else:
            between = np.repeat(np.arange(tight.count, dtype=np.int32), np.diff(tight.first))
            loose = condense(
                tight.count,
                np.concatenate([between, tight.component[several[0]]]),
                np.concatenate([tight.to, tight.component[several[1]]]),
            )
            component = loose.component[tight.component]
        over: Condensed = loose
        jewels = self._jewels if loose is tight else tight.component[self._jewels].astype(np.int64)
        self.upper = Level(over, component, jewels)
        living = self._edges.living()
        self._flow(living[~self._edges.swept[living]])

    def _passing(self, which: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each edge rests on a passing fact."""
        because = self._edges.because[which]
        passing = (because >= 0) & self._store.passing[because]
        rests: NDArray[np.bool_] = np.logical_or.reduce(passing, axis=1)
        return rests

    def _flow(self, fresh: NDArray[np.int64]) -> None:
        """Let bits flow along edges that were not swept."""
        alone, several = self._parts(fresh)
        for level in (self.lower, self.upper):
            level.place(self._edges.known)
        self.lower.add(*alone)
        self.upper.add(*(np.concatenate(columns) for columns in zip(alone, several, strict=True)))
