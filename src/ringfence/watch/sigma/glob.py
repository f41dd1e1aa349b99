"""Texts with wildcards, matched on bytes inside compiled loops.

A pattern is UTF-8 with two bytes that no text has: `ANY` for any run of characters, `ONE` for exactly one. `case` picks
the row of `LETTERS` through which both sides are read; where case does not count the pattern is folded already and the
text's other letters too (`fold`), so that only ASCII is left to fold here.
"""

import numpy as np

from ringfence.analyse.reach.jit import kernel
from ringfence.watch.sigma import tree
from ringfence.watch.sigma.fold import fold

ANY, ONE = 0xFF, 0xFE
FOLDED, CASED = 0, 256
"""Where in `LETTERS` to read a byte: with ASCII letters folded, and as it is."""

LETTERS = np.array([byte + 32 if 65 <= byte <= 90 else byte for byte in range(256)] + list(range(256)), np.uint8)


def pattern(parts: tuple[str | int, ...], cased: bool) -> bytes:
    """The pattern of a `like` atom's parts."""
    marks = {tree.ANY: bytes([ANY]), tree.ONE: bytes([ONE])}
    return b"".join(plain(part, cased) if isinstance(part, str) else marks[part] for part in parts)


def plain(text: str, cased: bool) -> bytes:
    """The bytes that stand for a text, folded where case does not count."""
    return (text if cased else fold(text)).encode("utf-8", "replace")


@kernel
def same(text: np.ndarray, begin: int, asked: np.ndarray, at: int, length: int, case: int) -> bool:
    """Whether `length` bytes of `text` from `begin` are those of `asked` from `at`."""
    step = 0
    while step < length and LETTERS[case + text[begin + step]] == asked[at + step]:
        step += 1
    return step == length


@kernel
def find(text: np.ndarray, begin: int, end: int, asked: np.ndarray, at: int, length: int, case: int) -> int:
    """Where `asked` stands first in `text[begin:end]`; -1 where it does not."""
    if length == 0:
        return begin
    first = asked[at]
    for place in range(begin, end - length + 1):
        if LETTERS[case + text[place]] == first and same(text, place + 1, asked, at + 1, length - 1, case):
            return place
    return -1


@kernel
def like(text: np.ndarray, begin: int, end: int, asked: np.ndarray, at: int, stop: int, case: int) -> bool:
    """Whether `text[begin:end]` as a whole is of the pattern `asked[at:stop]`.

    Pieces between runs are found from the left, each at its first place, and none is looked for again.
    """
    while at < stop and asked[at] != ANY:
        begin = _step(text, begin, end, asked[at], case)
        if begin < 0:
            return False
        at += 1
    if at == stop:
        return begin == end
    while True:  # asked[at] is a run
        at += 1
        piece = at
        while piece < stop and asked[piece] != ANY:
            piece += 1
        if piece == stop:
            return _ends(text, begin, end, asked, at, stop, case)
        begin = _after(text, begin, end, asked, at, piece, case)
        if begin < 0:
            return False
        at = piece


@kernel
def _step(text: np.ndarray, begin: int, end: int, wanted: int, case: int) -> int:
    """The place after one byte, or one whole character for `ONE`; -1 where it is another."""
    if begin >= end:
        return -1
    if wanted != ONE:
        return begin + 1 if LETTERS[case + text[begin]] == wanted else -1
    if text[begin] & 0xC0 == 0x80:
        return -1  # within a character
    begin += 1
    while begin < end and text[begin] & 0xC0 == 0x80:
        begin += 1
    return begin


@kernel
def _after(text: np.ndarray, begin: int, end: int, asked: np.ndarray, at: int, stop: int, case: int) -> int:
    """The place after the first piece like `asked[at:stop]`; -1 where there is none."""
    for place in range(begin, end + 1):
        here = place
        for step in range(at, stop):
            here = _step(text, here, end, asked[step], case)
            if here < 0:
                break
        if here >= 0:
            return here
    return -1


@kernel
def _ends(text: np.ndarray, begin: int, end: int, asked: np.ndarray, at: int, stop: int, case: int) -> bool:
    """Whether `text[begin:end]` ends in a piece like `asked[at:stop]`."""
    here = end
    for step in range(stop - 1, at - 1, -1):
        if here <= begin:
            return False
        here -= 1
        if asked[step] == ONE:
            while here > begin and text[here] & 0xC0 == 0x80:
                here -= 1
            if text[here] & 0xC0 == 0x80:
                return False
        elif LETTERS[case + text[here]] != asked[step]:
            return False
    return True
