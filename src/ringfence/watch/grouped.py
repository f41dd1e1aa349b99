"""Rows that agree in several columns, as groups: the first row of each, and each row's group.

columns ─▶ one key a row ─▶ few keys: counted in a table ┐
                            many:     sorted             ┴─▶ first, inverse; groups ascending by columns
"""

from collections.abc import Iterable

import numpy as np

_WIDE = 1 << 62
_TABLE = 4
"""Keys are counted in a table of up to so many places a row; sorting takes longer than that."""


def grouped(columns: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first place of every distinct combination, in ascending order, and for every place which one it is."""
    key, width = np.zeros(1, np.int64), 1
    for column in columns:
        if not len(column):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        low = int(column.min())
        span = int(column.max()) - low + 1
        if span >= 1 << 24:  # numbers from anybody: small again first
            present, column = np.unique(column, return_inverse=True)
            low, span = 0, len(present)
        if width * span >= _WIDE:
            present, key = np.unique(key, return_inverse=True)
            width = len(present)
        key, width = (key * span + (column - low), width * span) if span > 1 else (key + (column - low), width)
    if width <= _TABLE * len(key) + 1024:
        return _counted(key, width)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first, inverse


def _counted(key: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    place = np.full(width, -1, np.int64)
    place[key[::-1]] = np.arange(len(key) - 1, -1, -1)  # what is written last stays: the first row
    present = np.flatnonzero(place >= 0)
    number = np.empty(width, np.int64)
    number[present] = np.arange(len(present))
    return place[present], number[key]
