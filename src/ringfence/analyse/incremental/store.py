"""Facts for the delta join: numbered, and chained by predicate with subject, with object, and alone.

A chain is a linked list through `following`; its head is found in a hash table under the key
(predicate × 3 + side) << 32 | term. Adding a fact costs three insertions; a dead fact stays in its
chains and is passed over.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.incremental.arrays import roomy
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.jit import kernel
from ringfence.estate.estate import PREDICATE_CODE, Estate, Rows
from ringfence.estate.kinds import KINDS

PASSING = ("job", "pod", "container")
"""Kinds that come and go all day. Facts about them, and the edges that rest on those, are *passing*."""

BY_SUBJECT, BY_OBJECT, ALL = 0, 1, 2
_PASSES = np.array([kind in PASSING for kind in KINDS] + [False])  # a value's kind is -1
_MANY = 50_000
_MOST_PREDICATES = len(PREDICATE_CODE)


class FactStore:
    """Every fact that an estate and its successors ever had. `fact[i]` is (predicate, subject, object, attributes)."""

    def __init__(self, estate: Estate) -> None:
        self.count = 0
        self.fact: Ints = np.zeros((0, 4), np.int32)
        self.following: Ints = np.zeros((0, 3), np.int32)
        self.alive, self.passing = np.zeros(0, np.bool_), np.zeros(0, np.bool_)
        self.row: Rows = np.zeros(0, np.int64)
        self._number: list[Ints] = [np.zeros(0, np.int32)] * _MOST_PREDICATES
        self.keys, self.heads, self._used = np.full(1 << 10, -1, np.int64), np.full(1 << 10, -1, np.int32), 0
        for name, table in estate.tables.items():
            self.add(estate, (np.int64(PREDICATE_CODE[name]) << 32) | table.live)

    def add(self, estate: Estate, rows: Rows) -> tuple[int, int]:
        """Take in the facts of these rows, which lie predicate by predicate; (first number, last + 1)."""
        begin, end = self.count, self.count + len(rows)
        self.fact, self.following = roomy(self.fact, end), roomy(self.following, end, -1)
        self.alive, self.row = roomy(self.alive, end), roomy(self.row, end)
        self.passing = roomy(self.passing, end)
        self.row[begin:end] = rows
        self.alive[begin:end] = True
        predicates = rows >> 32
        for predicate in np.unique(predicates).tolist():
            mine = np.flatnonzero(predicates == predicate)
            at = rows[mine] & 0xFFFFFFFF
            table = estate.table(_NAMES[predicate])
            columns = (np.full(len(at), predicate), table.subject[at], table.object[at], table.attributes[at])
            self.fact[begin + mine] = np.stack(columns, axis=1)
            number = self._number[predicate] = roomy(self._number[predicate], int(at.max()) + 1, -1)
            number[at] = begin + mine
        self.passing[begin:end] = _PASSES[estate.kinds[self.fact[begin:end, 1:3]]].any(axis=1)
        self._chain(begin, end)
        self.count = end
        return begin, end

    def numbers(self, rows: Rows) -> Ints:
        """The numbers of facts by their rows; -1 for NONE."""
        if rows.size > _MANY:
            sizes = np.array([len(number) for number in self._number], np.int64)
            return _look_up(rows.reshape(-1), np.cumsum(sizes) - sizes, np.concatenate(self._number)).reshape(
                rows.shape
            )
        found = np.full(rows.shape, -1, np.int32)
        for predicate in np.unique(rows >> 32).tolist():
            if predicate >= 0:
                mine = (rows >> 32) == predicate
                found[mine] = self._number[predicate][rows[mine] & 0xFFFFFFFF]
        return found

    def _chain(self, begin: int, end: int) -> None:
        if (self._used + 3 * (end - begin)) * 2 > len(self.keys):
            size = 1 << int((self._used + 3 * (end - begin)) * 2).bit_length()
            self.keys, self.heads, begin = np.full(size, -1, np.int64), np.full(size, -1, np.int32), 0
            self._used = 0
        self._used += _chain(self.keys, self.heads, self.fact, self.following, begin, end)


_NAMES = tuple(PREDICATE_CODE)


@kernel
def _look_up(rows: Rows, begins: NDArray[np.int64], number: Ints) -> Ints:
    found = np.full(len(rows), -1, np.int32)
    for k in range(len(rows)):
        if rows[k] >= 0:
            found[k] = number[begins[rows[k] >> 32] + (rows[k] & 0xFFFFFFFF)]
    return found


@kernel
def find_slot(keys: NDArray[np.int64], predicate: np.int64, side: np.int64, term: np.int64) -> np.int64:
    """Where in the hash table a key stands, or the free place where it would."""
    key = ((predicate * 3 + side) << 32) | term
    mask = np.int64(len(keys) - 1)
    at = ((key ^ (key >> 29)) * 0x2545F4914F6CDD1D >> 20) & mask
    while keys[at] != key and keys[at] != -1:
        at = (at + 1) & mask
    return at


@kernel
def _chain(keys: NDArray[np.int64], heads: Ints, fact: Ints, following: Ints, begin: int, end: int) -> int:
    used = 0
    for number in range(begin, end):
        predicate = np.int64(fact[number, 0])
        for side in range(3):
            term = np.int64(0)
            if side < 2:
                term = np.int64(fact[number, 1 + side])
            at = find_slot(keys, predicate, np.int64(side), term)
            if keys[at] == -1:
                keys[at] = ((predicate * 3 + side) << 32) | term
                heads[at] = -1
                used += 1
            following[number, side] = heads[at]
            heads[at] = number
    return used
