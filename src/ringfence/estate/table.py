"""One predicate's facts in columns, cheap to lengthen.

A lengthened table shares its columns with the one it came from: the buffers have room at the end,
each table sees only its own prefix of them, and only the newest table may write behind it. The
sorted indexes are shared the same way: one great run over the first facts, made once, and small runs
over what came since.
"""

from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
At = NDArray[np.int64]
_Five = tuple[Ints, Ints, Ints, Ints, NDArray[np.float64]]
_MERGE_AT = 4_096
_MOST_RUNS = 3


class _Room:
    """Five buffers, longer than what is `filled` of them."""

    def __init__(self, columns: tuple[NDArray[np.generic], ...], filled: int, capacity: int) -> None:
        self.filled = filled
        self.columns = tuple(np.empty(capacity, column.dtype) for column in columns)
        for buffer, column in zip(self.columns, columns, strict=True):
            buffer[:filled] = column


class _Sorted:
    """(keys, positions) of the facts below `upto`, sorted by key. Facts that died later are still in it."""

    def __init__(self, column: Ints, which: At, upto: int) -> None:
        keys = column[which]
        order = np.argsort(keys, kind="stable")
        self.keys, self.at, self.upto = keys[order], which[order], upto

    def find(self, wanted: Ints) -> tuple[At, At]:
        """Pairs (i, position) with column[position] == wanted[i], grouped by i."""
        first = np.searchsorted(self.keys, wanted, "left")
        counts = np.searchsorted(self.keys, wanted, "right") - first
        left = np.repeat(np.arange(len(wanted)), counts)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        return left, self.at[np.repeat(first, counts) + offset]


class Table:
    """All facts of one predicate, as arrays of length n. `alive` is False where one was removed; None: all live."""

    def __init__(
        self,
        subject: Ints,
        object: Ints,
        attributes: Ints,
        source: Ints,
        observed: NDArray[np.float64],
        alive: NDArray[np.bool_] | None = None,
    ) -> None:
        self.subject, self.object = subject, object
        self.attributes, self.source, self.observed = attributes, source, observed
        self.alive = alive
        self._room: _Room | None = None
        self._runs: dict[str, tuple[_Sorted, ...]] = {}

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return (self.subject, self.object, self.attributes, self.source, self.observed)

    @cached_property
    def count(self) -> int:
        """How many facts are alive."""
        return len(self) if self.alive is None else int(self.alive.sum())

    @cached_property
    def live(self) -> At:
        """Positions of the facts that are alive."""
        return np.arange(len(self)) if self.alive is None else np.flatnonzero(self.alive)

    @cached_property
    def by_subject(self) -> tuple[Ints, At]:
        """(sorted subjects, positions in that order), live facts only."""
        return self._whole("subject")

    @cached_property
    def by_object(self) -> tuple[Ints, At]:
        """(sorted objects, positions in that order), live facts only."""
        return self._whole("object")

    def _whole(self, side: str) -> tuple[Ints, At]:
        if self.alive is not None or len(self._runs_of(side)) > 1:
            self._runs[side] = (_Sorted(getattr(self, side), self.live, len(self)),)
        whole = self._runs_of(side)[0]
        return whole.keys, whole.at

    def find(self, side: str, wanted: Ints) -> tuple[At, At]:
        """Pairs (i, position) of living facts whose `side` ("subject" or "object") is wanted[i]."""
        parts = [index.find(wanted) for index in self._runs_of(side)]
        left, right = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        if self.alive is not None:
            keep = self.alive[right]
            left, right = left[keep], right[keep]
        return left, right

    def _runs_of(self, side: str) -> "tuple[_Sorted, ...]":
        """Sorted runs that together cover the table: a great one, then small ones, joined now and then."""
        runs = self._runs.get(side, ())
        if not runs or len(self) - runs[0].upto > max(_MERGE_AT, runs[0].upto // 8):
            runs = (_Sorted(getattr(self, side), self.live, len(self)),)
        elif runs[-1].upto < len(self):
            if len(runs) > _MOST_RUNS:
                runs = runs[:1]
            runs = (*runs, _Sorted(getattr(self, side), np.arange(runs[-1].upto, len(self)), len(self)))
        self._runs[side] = runs
        return runs

    def changed(self, more: tuple[NDArray[np.generic], ...], dead: At) -> "Table":
        """This table with five columns' worth of facts behind it and the facts at `dead` no longer alive."""
        before, extra = len(self), len(more[0])
        room = self._room
        if extra and (room is None or room.filled != before or before + extra > len(room.columns[0])):
            room = _Room(self._columns, before, (before + extra) * 5 // 4 + 64)
        if extra and room is not None:
            for buffer, column in zip(room.columns, more, strict=True):
                buffer[before : before + extra] = column
            room.filled = before + extra
        columns = self._columns if room is None else tuple(buffer[: before + extra] for buffer in room.columns)
        alive = self.alive
        if alive is not None or len(dead):
            alive = np.ones(before + extra, np.bool_)
            if self.alive is not None:
                alive[:before] = self.alive
            alive[dead] = False
        table = Table(*cast(_Five, columns), alive)
        table._room, table._runs = room, dict(self._runs)
        return table
