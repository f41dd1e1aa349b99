"""Tables that answer a yes or no about a text in one walk over its bytes.

        state = steps[state + class of byte] … ─┬▶ FOUND: yes    ODD: not for this table    LOST: no
                                                └▶ the text's end: ends[state]

Two makers: `dfa` for regular expressions, `literals` here for a list of texts of which any will do.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ringfence.analyse.reach.jit import kernel
from ringfence.watch.sigma.automaton import BEGIN, END, close, plant
from ringfence.watch.sigma.glob import LETTERS

FOUND, ODD, LOST = -3, -2, -1
"""Among the states that a maker gives: a match whatever follows, a byte that the table does not know, and no match
whatever follows."""

_BEFORE = 3
"""States that stand before a maker's own in a table: those three."""


class Table(NamedTuple):
    """One table: 256 classes, places in `steps` to go on from, and where a text may end.

    A text of fewer than `least` bytes does not match; no more than its last `most` matter.
    """

    classes: np.ndarray
    steps: np.ndarray
    ends: np.ndarray
    width: int
    start: int
    least: int
    most: int


_WHOLE = 1 << 40


def table(
    classes: np.ndarray, steps: np.ndarray, ends: np.ndarray, start: int, least: int, most: int = _WHOLE
) -> Table:
    """The table of states × classes, begun in `start`; `ends` says which states a text may end in."""
    width = steps.shape[1]
    steps = _without_lost(steps, ends)
    sinks = np.repeat(np.arange(_BEFORE, dtype=np.int32)[:, None], width, axis=1)
    whole = np.concatenate([sinks, steps + _BEFORE]).astype(np.int32) * width
    kept = np.concatenate([[1, 0, 0], ends]).astype(np.uint8)
    return Table(classes, whole.reshape(-1), kept, width, (start + _BEFORE) * width, least, most)


def _without_lost(steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Steps to states from which no match can come lead to `LOST`."""
    hopeful = np.append(ends, [True, True, False])  # and the sinks, counted from the end
    while True:
        more = hopeful[:-_BEFORE] | hopeful[steps].any(axis=1)
        if (more == hopeful[:-_BEFORE]).all():
            return np.where(hopeful[steps], steps, LOST)
        hopeful[:-_BEFORE] = more


def literals(words: Sequence[tuple[bytes, int]]) -> Table:
    """The table of folded texts with anchors, of which one must stand in a folded text.

    What is anchored at the begin is looked for behind a mark that stands before every text.
    """
    mark = 256
    used = sorted({byte for word, _ in words for byte in word})
    classes = np.zeros(257, np.uint8)
    classes[used] = np.arange(1, len(used) + 1)
    classes[mark] = len(used) + 1
    classes[:256] = classes[LETTERS[:256]]
    marked = [([mark] if anchors & BEGIN else []) + list(word) for word, anchors in words]
    ends = np.cumsum([0, *map(len, marked)], dtype=np.int64)
    text = classes[[letter for word in marked for letter in word]]
    trie = np.zeros((int(ends[-1]) + 2, len(used) + 2), np.int32)
    last = np.zeros(len(words), np.int32)
    count = plant(text, ends, trie, last)
    if not trie[0, classes[mark]]:
        trie[0, classes[mark]] = count
        count += 1
    fails, order = np.zeros(count, np.int32), np.zeros(count, np.int32)
    close(trie, fails, order, count)
    inside, at_end = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    anchored = np.array([bool(anchors & END) for _, anchors in words])
    inside[last[~anchored]] = True
    at_end[last[anchored]] = True
    _inherit(order, fails, inside, at_end)
    lengths = [len(word) for word, _ in words]
    start = int(trie[0, classes[mark]])
    steps = trie[:count, :-1]  # no text has the mark, so that it gives no hope
    steps = np.where(inside[steps], FOUND, steps)
    if all(anchors == END for _, anchors in words):
        return table(classes[:256], steps, at_end, 0, min(lengths), max(lengths))
    return table(classes[:256], steps, at_end, start, min(lengths))


@kernel
def _inherit(order: np.ndarray, fails: np.ndarray, inside: np.ndarray, at_end: np.ndarray) -> None:
    """A state says what the states say that it falls back to."""
    for place in range(1, len(order)):
        state = order[place]
        inside[state] |= inside[fails[state]]
        at_end[state] |= at_end[fails[state]]


class Tables(NamedTuple):
    """Many tables in one. `heads[n]` is of the n-th: where its steps begin, where its ends begin, and its numbers."""

    heads: np.ndarray
    classes: np.ndarray
    steps: np.ndarray
    ends: np.ndarray


HEAD = 6


def joined(tables: Sequence[Table]) -> Tables:
    """The tables, one after the other."""
    heads = np.zeros((len(tables) + 1, HEAD), np.int64)
    for number, one in enumerate(tables):
        heads[number, 2:] = one.width, one.start, one.least, one.most
        heads[number + 1, 0] = heads[number, 0] + len(one.steps)
        heads[number + 1, 1] = heads[number, 1] + len(one.ends)
    return Tables(
        heads,
        np.concatenate([np.zeros(0, np.uint8), *(one.classes for one in tables)]),
        np.concatenate([np.zeros(0, np.int32), *(one.steps for one in tables)]),
        np.concatenate([np.zeros(0, np.uint8), *(one.ends for one in tables)]),
    )


@kernel
def holds(
    text: np.ndarray,
    begin: int,
    end: int,
    number: int,
    heads: np.ndarray,
    classes: np.ndarray,
    steps: np.ndarray,
    ends: np.ndarray,
) -> int:
    """Whether the text matches: 1 or 0, and 2 where it has a byte that the table does not know."""
    head, letters = number * HEAD, number * 256
    if end - begin < heads[head + 4]:
        return 0
    begin = max(begin, end - heads[head + 5])
    first, width, state = heads[head], heads[head + 2], heads[head + 3]
    for place in range(begin, end):
        state = steps[first + state + classes[letters + text[place]]]
        if state <= 2 * width:
            return 1 if state == 0 else 2 if state == width else 0
    return int(ends[heads[head + 1] + state // width])
