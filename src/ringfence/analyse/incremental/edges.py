"""The living edges of a changing estate, over numbered positions, each chained to the facts it rests on."""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges
from ringfence.analyse.incremental.arrays import roomy
from ringfence.analyse.incremental.store import FactStore
from ringfence.analyse.positions import Positions
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.jit import kernel


class EdgeStore:
    """Columns as in `Edges`, positions numbered in the order met, facts by their numbers in a `FactStore`.

    `swept` marks the edges that the condensed graphs were made of.
    """

    def __init__(self) -> None:
        self.count = self.dead = 0
        self.move = np.zeros(0, np.int16)
        self.start: Ints = np.zeros((0, 3), np.int32)
        self.to: Ints = np.zeros(0, np.int32)
        self.need = np.zeros(0, np.int8)
        self.because: Ints = np.zeros((0, 8), np.int32)
        self.low, self.high = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self.unknown, self.alive, self.swept = (np.zeros(0, np.bool_) for _ in range(3))
        self.positions: Positions = np.zeros(0, np.int64)
        self.known = 0
        self._number: Ints = np.zeros(0, np.int32)
        self._head: Ints = np.zeros(0, np.int32)
        self._next: Ints = np.zeros((0, 8), np.int32)

    def number(self, positions: Positions) -> Ints:
        """The numbers of positions, new ones given as needed; -1 stays -1."""
        most = int(positions.max(initial=-1)) + 2
        self._number = roomy(self._number, most, -1)
        self.positions = roomy(self.positions, self.known + positions.size)
        numbers = np.empty(positions.size, np.int32)
        flat = np.ascontiguousarray(positions).reshape(-1)
        self.known = _number(flat, self._number, self.positions, self.known, numbers)
        return numbers.reshape(positions.shape)

    def find(self, position: int) -> int:
        """The number of a position, -1 if it was never met."""
        return int(self._number[position]) if 0 <= position < len(self._number) else -1

    def add(
        self,
        move: NDArray[np.int16],
        start: Positions,
        to: Positions,
        because: Ints,
        minutes: tuple[NDArray[np.float32], NDArray[np.float32]],
        unknown: NDArray[np.bool_],
        facts: int,
    ) -> NDArray[np.int64]:
        """Take in edges (`because` as fact numbers, of which there are `facts`); their numbers."""
        begin, end = self.count, self.count + len(to)
        for name in ("move", "start", "to", "need", "low", "high", "unknown", "alive", "swept"):
            setattr(self, name, roomy(getattr(self, name), end))
        self.because, self._next = roomy(self.because, end, -1), roomy(self._next, end, -1)
        self._head = roomy(self._head, facts, -1)
        here = slice(begin, end)
        self.start[here], self.to[here] = self.number(start), self.number(to)
        _distinct(self.start, self.need, begin, end)
        self.move[here], self.because[here], self.unknown[here], self.alive[here] = move, because, unknown, True
        self.low[here], self.high[here] = minutes
        _link(self.because, self._head, self._next, begin, end)
        self.count = end
        return np.arange(begin, end)

    def drop(self, facts: Ints) -> NDArray[np.int64]:
        """End every living edge that rests on one of these facts; their numbers."""
        ended = _unlink(facts[facts < len(self._head)], self._head, self._next, self.alive)
        self.dead += len(ended)
        return ended

    def living(self) -> NDArray[np.int64]:
        """Numbers of the living edges."""
        return np.flatnonzero(self.alive[: self.count])

    def edges(self, store: FactStore) -> Edges:
        """The living edges as the rest of the room knows them, facts as rows again."""
        which = self.living()
        return Edges(
            self.move[which],
            _named(which, self.start, self.positions),
            self.positions[self.to[which]],
            _named(which, self.because, store.row),
            self.low[which],
            self.high[which],
            self.unknown[which],
        )

    def compact(self) -> None:
        """Forget the dead edges. Numbers change."""
        which = self.living()
        for name in ("move", "start", "to", "need", "because", "low", "high", "unknown", "alive", "swept"):
            setattr(self, name, getattr(self, name)[which].copy())
        self.count, self.dead = len(which), 0
        self._head = np.full(len(self._head), -1, np.int32)
        self._next = np.full((self.count, 8), -1, np.int32)
        _link(self.because, self._head, self._next, 0, self.count)


@kernel
def _named(which: NDArray[np.int64], numbers: Ints, names: NDArray[np.int64]) -> NDArray[np.int64]:
    """`names[numbers[which]]` where the numbers are ≥ 0, else -1: in one pass, for these are large."""
    found = np.empty((len(which), numbers.shape[1]), np.int64)
    for k in range(len(which)):
        for slot in range(numbers.shape[1]):
            number = numbers[which[k], slot]
            found[k, slot] = names[number] if number >= 0 else -1
    return found


@kernel
def _number(flat: Positions, number: Ints, positions: Positions, known: int, numbers: Ints) -> int:
    for k in range(len(flat)):
        at = flat[k]
        if at < 0:
            numbers[k] = -1
            continue
        if number[at] < 0:
            number[at] = known
            positions[known] = at
            known += 1
        numbers[k] = number[at]
    return known


@kernel
def _distinct(start: Ints, need: NDArray[np.int8], begin: int, end: int) -> None:
    for k in range(begin, end):
        count = 0
        for slot in range(3):
            for before in range(slot):
                if start[k, before] == start[k, slot]:
                    start[k, slot] = -1
            if start[k, slot] >= 0:
                count += 1
        need[k] = count


@kernel
def _link(because: Ints, head: Ints, following: Ints, begin: int, end: int) -> None:
    for k in range(begin, end):
        for slot in range(8):
            fact = because[k, slot]
            if fact >= 0:
                following[k, slot] = head[fact]
                head[fact] = k * 8 + slot


@kernel
def _unlink(facts: Ints, head: Ints, following: Ints, alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    ended = np.empty(64, np.int64)
    count = 0
    for fact in facts:
        entry = head[fact]
        while entry >= 0:
            edge = entry // 8
            if alive[edge]:
                alive[edge] = False
                if count == len(ended):
                    longer = np.empty(2 * count, np.int64)
                    longer[:count] = ended
                    ended = longer
                ended[count] = edge
                count += 1
            entry = following[edge, entry % 8]
        head[fact] = -1
    return ended[:count].copy()
