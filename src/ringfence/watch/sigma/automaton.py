"""All guarding literals of one column, found in one pass over its buffer (Aho and Corasick, 1975).

        literals ──▶ trie ──▶ one step a byte: state = table[state + class of byte] ──▶ rules to look at

Bytes are put into classes with ASCII letters folded; a class that no literal has shares one. A literal may be anchored
at the value's begin; those anchored at its end are looked up once, in the state in which the value ends.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ringfence.analyse.reach.jit import kernel
from ringfence.watch.sigma.glob import LETTERS

BEGIN, END = 1, 2
"""Anchors, added up."""

Found = tuple[np.ndarray, np.ndarray, np.ndarray]


class Automaton(NamedTuple):
    """The automaton of one column.

    `table` holds, for each state and class, where the next state's line begins. States from `shouting` on say
    something within a value. What a state says: `rules[starts[state]:starts[state + 1]]`, each with the length of
    its literal where that is anchored at the begin, else 0; `end_*` the same for literals anchored at the end.
    """

    classes: np.ndarray
    width: int
    table: np.ndarray
    shouting: int
    starts: np.ndarray
    rules: np.ndarray
    lengths: np.ndarray
    end_starts: np.ndarray
    end_rules: np.ndarray
    end_lengths: np.ndarray


def build(literals: Iterable[tuple[bytes, int, int]]) -> Automaton:
    """The automaton of (literal, anchors, rule), the literals folded and none empty."""
    told: dict[bytes, list[tuple[int, int]]] = {}
    for literal, anchors, rule in literals:
        told.setdefault(literal, []).append((anchors, rule))
    words = sorted(told)
    used = sorted(set(b"".join(words)))
    classes = np.zeros(256, np.uint8)
    classes[used] = np.arange(1, len(used) + 1)
    classes = classes[LETTERS[:256]]
    width = len(used) + 1
    ends = np.cumsum([0, *(len(word) for word in words)], dtype=np.int64)
    text = np.frombuffer(b"".join(words), np.uint8) if words else np.zeros(0, np.uint8)
    trie = np.zeros((int(ends[-1]) + 1, width), np.int32)
    last = np.zeros(len(words), np.int32)
    count = plant(classes[text], ends, trie, last)
    fails = np.zeros(count, np.int32)
    order = np.zeros(count, np.int32)
    close(trie, fails, order, count)
    within: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    at_end: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for place, word in enumerate(words):
        for anchors, rule in told[word]:
            say = at_end if anchors & END else within
            say[int(last[place])].append((rule, len(word) if anchors & BEGIN else 0))
    for state in order[1:]:
        fail = int(fails[state])
        if within[fail]:
            within[state] = within[state] + within[fail]
        if at_end[fail]:
            at_end[state] = at_end[state] + at_end[fail]
    quiet = [state for state in range(count) if not within[state]]
    loud = [state for state in range(count) if within[state]]
    ranked = np.array(quiet + loud, np.int64)
    number = np.empty(count, np.int64)
    number[ranked] = np.arange(count)
    table = (number[trie[:count]] * width)[ranked].astype(np.int32)
    inner, outer = _listed([within[one] for one in ranked]), _listed([at_end[one] for one in ranked])
    return Automaton(classes, width, table.reshape(-1), len(quiet) * width, *inner, *outer)


def _listed(said: list[list[tuple[int, int]]]) -> Found:
    starts = np.cumsum([0, *map(len, said)], dtype=np.int32)
    rules = np.array([rule for one in said for rule, _ in one], np.int32)
    lengths = np.array([length for one in said for _, length in one], np.int32)
    return starts, rules, lengths


@kernel
def plant(text: np.ndarray, ends: np.ndarray, trie: np.ndarray, last: np.ndarray) -> int:
    """Write the words into the trie; `last` gets each word's state. Returns how many states there are."""
    count = 1
    for word in range(len(ends) - 1):
        state = 0
        for place in range(ends[word], ends[word + 1]):
            following = trie[state, text[place]]
            if following == 0:
                following = count
                trie[state, text[place]] = count
                count += 1
            state = following
        last[word] = state
    return count


@kernel
def close(trie: np.ndarray, fails: np.ndarray, order: np.ndarray, count: int) -> None:
    """Give every state a step for every class; `order` gets the states by depth."""
    head, tail = 0, 1
    while head < tail:
        state = order[head]
        head += 1
        for letter in range(trie.shape[1]):
            following = trie[state, letter]
            back = 0 if state == 0 else trie[fails[state], letter]
            if following == 0:
                trie[state, letter] = back
            else:
                fails[following] = back
                order[tail] = following
                tail += 1


@kernel
def scan(data: np.ndarray, offsets: np.ndarray, first: int, bits: np.ndarray, watched: Automaton) -> None:
    """Set the bit of every rule one of whose literals stands in a row; `bits` begins at the row `first`."""
    one = np.uint64(1)
    table, classes, shouting = watched.table, watched.classes, watched.shouting
    for row in range(len(bits)):
        begin, end = offsets[first + row], offsets[first + row + 1]
        if begin == end:
            continue
        state = 0
        for place in range(begin, end):
            state = table[state + classes[data[place]]]
            if state >= shouting:
                here = state // watched.width
                for said in range(watched.starts[here], watched.starts[here + 1]):
                    if watched.lengths[said] == 0 or watched.lengths[said] == place + 1 - begin:
                        rule = watched.rules[said]
                        bits[row, rule >> 6] |= one << np.uint64(rule & 63)
        here = state // watched.width
        for said in range(watched.end_starts[here], watched.end_starts[here + 1]):
            if watched.end_lengths[said] == 0 or watched.end_lengths[said] == end - begin:
                rule = watched.end_rules[said]
                bits[row, rule >> 6] |= one << np.uint64(rule & 63)
