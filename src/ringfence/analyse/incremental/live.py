"""Reach of the jewels while facts come and go.

Facts added: only instances that rest on a new fact are joined (semi-naive), and only bits that are
new flow backwards. Facts removed: edges that rest on them end. Edges that rest on facts about jobs, pods
and containers are expected to end: they are kept out of the condensed graph, and only the bits that
rested on them are taken back and, where something else supports them, given again. When any
other edge ends both bounds are swept anew. Whichever way was taken, the result is that of a rebuild.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.incremental.follow import Change, LiveEdges
from ringfence.analyse.incremental.level import Level
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import Positions
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.scc import Condensed, condense
from ringfence.analyse.reach.sweep import Words, words_for
from ringfence.analyse.rule import Move
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate

_Ends = tuple[Ints, Ints, Ints]


class Live(LiveEdges):
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
        super().__init__(estate, moves, edges=edges)
        self.with_unknown = with_unknown
        self.jewels = np.asarray(jewels, np.int64)
        self._jewels: NDArray[np.int64] = self._edges.number(self.jewels).astype(np.int64)
        self._sweep()

    def apply(self, delta: Delta) -> Change:
        """Take facts away and add some. Both bounds are those of the new estate afterwards."""
        facts, fresh, ended = self._follow(delta)
        if bool(self._edges.swept[ended].any()) or self._many_dead():
            self._sweep()
            return Change(*facts, len(fresh), len(ended), True)
        if len(ended):
            for level in (self.lower, self.upper):
                level.retract(self._edges.alive)
        if len(fresh):
            self._flow(fresh)
        return Change(*facts, len(fresh), len(ended), False)

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
