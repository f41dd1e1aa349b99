r"""A regular expression as a table that compiled loops walk, one step a byte, for texts of ASCII.

        pattern ──Python's parser──▶ tree ──▶ places and steps (Thompson) ──subsets──▶ table

It says what RE2 says of the pattern: is there a match anywhere. `\d \w \s` are RE2's, `$` is the end of the text. A
pattern outside its reach, or with too many states, and a text with other than ASCII, are left to RE2 itself.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from ringfence.watch.sigma import walk
from ringfence.watch.sigma.regex import parsed
from ringfence.watch.sigma.walk import FOUND, ODD, Table

MOST_PLACES, MOST_STATES, MOST_WORK = 2000, 1500, 1_000_000
sre = import_module("re._constants")

_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_ALL = frozenset(range(128))
_SETS = {
    sre.CATEGORY_DIGIT: frozenset(b"0123456789"),
    sre.CATEGORY_WORD: _WORD,
    sre.CATEGORY_SPACE: frozenset(b"\t\n\f\r "),
}
_SETS |= {
    sre.CATEGORY_NOT_DIGIT: _ALL - _SETS[sre.CATEGORY_DIGIT],
    sre.CATEGORY_NOT_WORD: _ALL - _WORD,
    sre.CATEGORY_NOT_SPACE: _ALL - _SETS[sre.CATEGORY_SPACE],
}
_IGNORECASE, _MULTILINE, _DOTALL = sre.SRE_FLAG_IGNORECASE, sre.SRE_FLAG_MULTILINE, sre.SRE_FLAG_DOTALL
_EDGE, _LETTER, _LINE, _OTHER = range(4)
"""What stands before or after a place: the text's edge, a letter of a word, a line feed, anything else."""

Bytes = frozenset[int]


class Beyond(Exception):
    """The pattern is left to RE2."""


class _Net:
    """Places joined by steps: over a byte of a set, or over nothing where what stands before and after allows it."""

    def __init__(self) -> None:
        self.over: list[tuple[Bytes, int] | None] = []
        self.free: list[list[tuple[Any, int]]] = []
        self.work = 0

    def place(self) -> int:
        if len(self.over) >= MOST_PLACES:
            raise Beyond
        self.over.append(None)
        self.free.append([])
        return len(self.over) - 1

    def eat(self, here: int, letters: Bytes) -> int:
        there = self.place()
        self.over[here] = (letters, there)
        return there

    def join(self, here: int, there: int, only: Any = None) -> None:
        self.free[here].append((only, there))

    def sequence(self, tree: Iterable[Any], here: int, flags: int) -> int:
        """Lay a sequence out from a place; returns where it ends."""
        for op, value in tree:
            here = self.part(op, value, here, flags)
        return here

    def part(self, op: Any, value: Any, here: int, flags: int) -> int:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            start = self.place()
            self.join(here, start)
            return self.eat(start, _letters(op, value, flags))
        if op is sre.SUBPATTERN:
            _, more, fewer, tree = value
            return self.sequence(tree, here, (flags | more) & ~fewer)
        if op is sre.BRANCH:
            end = self.place()
            for branch in value[1]:
                start = self.place()
                self.join(here, start)
                self.join(self.sequence(branch, start, flags), end)
            return end
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self.repeat(value, here, flags)
        if op is sre.AT:
            there = self.place()
            self.join(here, there, _edge(value, flags))
            return there
        raise Beyond

    def repeat(self, value: Any, here: int, flags: int) -> int:
        least, most, tree = value
        for _ in range(least):
            here = self.sequence(tree, here, flags)
        end = self.place()
        if most is sre.MAXREPEAT:
            loop = self.place()
            self.join(here, loop)
            self.join(self.sequence(tree, loop, flags), loop)
            self.join(loop, end)
            return end
        for _ in range(most - least):
            self.join(here, end)
            here = self.sequence(tree, here, flags)
        self.join(here, end)
        return end

    def reached(self, places: Iterable[int], before: int, after: int) -> frozenset[int]:
        """All places that are reached over nothing."""
        seen = set(places)
        left = list(seen)
        while left:
            for only, there in self.free[left.pop()]:
                if there not in seen and (only is None or _allowed(only, before, after)):
                    seen.add(there)
                    left.append(there)
        self.work += len(seen)
        if self.work > MOST_WORK:
            raise Beyond
        return frozenset(seen)


def _letters(op: Any, value: Any, flags: int) -> Bytes:
    if op is sre.ANY:
        return _ALL if flags & _DOTALL else _ALL - {10}
    if op is not sre.IN:
        found = _cased({value}, flags)
        return found if op is sre.LITERAL else _ALL - found
    negated = False
    found = frozenset()
    for kind, inner in value:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            found |= _cased({inner}, flags)
        elif kind is sre.RANGE:
            found |= _cased(range(inner[0], min(inner[1], 127) + 1), flags)
        elif kind is sre.CATEGORY:
            found |= _SETS[inner]
        else:
            raise Beyond
    return _ALL - found if negated else found


def _cased(codes: Iterable[int], flags: int) -> Bytes:
    """The letters, in both cases where case does not count. Other than ASCII may equal ASCII then."""
    found = set(codes)
    if flags & _IGNORECASE:
        if any(code > 127 for code in found):
            raise Beyond
        found |= {ord(chr(code).swapcase()) for code in found}
    return frozenset(code for code in found if code < 128)


def _edge(value: Any, flags: int) -> Any:
    lines = flags & _MULTILINE
    known = {sre.AT_BEGINNING: "^" if lines else "A", sre.AT_END: "$" if lines else "z", sre.AT_BEGINNING_STRING: "A"}
    known |= {sre.AT_BOUNDARY: "b", sre.AT_NON_BOUNDARY: "B"}
    if value not in known:
        raise Beyond
    return known[value]


def _allowed(only: str, before: int, after: int) -> bool:
    return {
        "A": before == _EDGE,
        "^": before in (_EDGE, _LINE),
        "z": after == _EDGE,
        "$": after in (_EDGE, _LINE),
        "b": (before == _LETTER) != (after == _LETTER),
        "B": (before == _LETTER) == (after == _LETTER),
    }[only]


@lru_cache(2048)
def table(pattern: str) -> Table | None:
    """The table of a pattern; None where RE2 has to be asked."""
    tree = parsed(pattern)
    if tree is None:
        return None
    net = _Net()
    try:
        start = net.place()
        last = net.sequence(tree, start, tree.state.flags)
        least = min(tree.getwidth()[0], MOST_PLACES)
        return _subsets(net, start, last, least)
    except Beyond:
        return None


def _classed(net: _Net) -> tuple[np.ndarray, Sequence[int]]:
    """The class of each byte, and one byte of each class."""
    sets = list(dict.fromkeys(one[0] for one in net.over if one))
    known: dict[tuple[bool, ...], int] = {}
    classes = np.zeros(256, np.uint8)  # class 0 is of what is not ASCII
    bytes_: list[int] = []
    for byte in range(128):
        held = (*(byte in one for one in sets), byte in _WORD, byte == 10)
        if held not in known:
            known[held] = len(known) + 1
            bytes_.append(byte)
        classes[byte] = known[held]
    return classes, bytes_


def _subsets(net: _Net, start: int, last: int, least: int) -> Table:
    classes, bytes_ = _classed(net)
    kinds = [_LETTER if byte in _WORD else _LINE if byte == 10 else _OTHER for byte in bytes_]
    first = (frozenset((start,)), _EDGE)
    states: dict[tuple[frozenset[int], int], int] = {first: 0}
    pending = [first]
    steps: list[list[int]] = [[]]
    ends = [False]
    while pending:
        places, before = pending.pop()
        state = states[places, before]
        ends[state] = last in net.reached(places, before, _EDGE)
        line = []
        closed = {kind: net.reached(places, before, kind) for kind in set(kinds)}
        for byte, kind in zip(bytes_, kinds, strict=True):
            if last in closed[kind]:
                line.append(FOUND)
                continue
            met = (net.over[one] for one in closed[kind])
            key = (frozenset((start, *(step[1] for step in met if step and byte in step[0]))), kind)
            if key not in states:
                if len(states) >= MOST_STATES:
                    raise Beyond
                states[key] = len(states)
                pending.append(key)
                steps.append([])
                ends.append(False)
            line.append(states[key])
        steps[state] = [ODD, *line]
    return walk.table(classes, np.array(steps, np.int32), np.array(ends, np.bool_), 0, least)
