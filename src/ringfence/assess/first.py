"""Of all ways in which a thing meets a condition, the first by name: the same, in whatever order facts came."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ringfence.estate.estate import PREDICATE_NAME, Estate, Rows

_Ints = NDArray[np.int32]
_Places = NDArray[np.int64]


def first_ways(estate: Estate, groups: _Ints, rows: Sequence[Rows]) -> _Places:
    """Per distinct term of `groups`, ascending, the place of its first way.

    Way i is about `groups[i]` and rests on the facts `rows[atom][i]`. Ways are compared atom by atom: by the names of
    a fact's subject and object, then by its attributes and source.
    """
    left = np.argsort(groups, kind="stable")
    for column in rows:
        for codes, words in _words(estate, column):
            begins = _begins(groups[left])
            if len(begins) == len(left):
                return left
            left = left[_least(codes[column[left] & 0xFFFFFFFF], begins, words)]
    return left[_begins(groups[left])]


def _words(estate: Estate, rows: Rows) -> Iterator[tuple[_Ints, Sequence[str]]]:
    """What tells two facts of one predicate apart: a column of its table, and the words behind the codes."""
    table = estate.table(PREDICATE_NAME[int(rows[0]) >> 32])
    yield table.subject, estate.terms.values
    yield table.object, estate.terms.values
    yield table.attributes, estate.attribute_texts.values
    yield table.source, estate.sources.values


def _begins(groups: _Ints) -> _Places:
    """Where each run of equal terms begins."""
    return np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))


def _least(codes: _Ints, begins: _Places, words: Sequence[str]) -> NDArray[np.bool_]:
    """Which members of each run have its first word. Only words of runs that differ are looked at."""
    sizes = np.diff(np.append(begins, len(codes)))
    differs = np.repeat(np.minimum.reduceat(codes, begins) != np.maximum.reduceat(codes, begins), sizes)
    unique, inverse = np.unique(codes[differs], return_inverse=True)
    ranks = np.empty(len(unique), np.int64)
    ranks[sorted(range(len(unique)), key=lambda at: words[int(unique[at])])] = np.arange(len(unique))
    of = np.zeros(len(codes), np.int64)
    of[differs] = ranks[inverse]
    first: NDArray[np.bool_] = of == np.repeat(np.minimum.reduceat(of, begins), sizes)
    return first
