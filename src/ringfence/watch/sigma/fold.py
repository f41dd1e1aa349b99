"""Letter case, folded one character at a time: what two texts are equal under when case does not count.

        "PowerShell" ─▶ "powershell"      "ΑΣ" ─▶ "ασ"      "K" (Kelvin) ─▶ "k"      "ſ" ─▶ "s"

Simple case folding (Unicode CaseFolding.txt, C and S), as regular expressions without regard to case have it: a text
is never longer or shorter in characters, so that a part of a folded text is the folded part.
"""

from functools import cache

import numpy as np

from ringfence.analyse.reach.jit import kernel

_HIGHEST = 0x1F000
"""No letter of two cases stands above."""

_ALIKE = {0x131: 0x69, 0x1FD3: 0x390, 0x1FE3: 0x3B0, 0xFB06: 0xFB05}
"""Characters with no simple folding that regular expressions take for one another."""


def _folded(code: int) -> int:
    letter = chr(code)
    for found in (letter.casefold(), letter.lower()):
        if len(found) == 1:
            return _ALIKE.get(ord(found), ord(found))
    return ord("i")  # I with a dot above


@cache
def table() -> np.ndarray:
    """The folded character of every character below `_HIGHEST`, int32."""
    return np.array([_folded(code) for code in range(_HIGHEST)], np.int32)


def fold(text: str) -> str:
    """A text with letter case folded."""
    if text.isascii():
        return text.lower()
    known = table()
    return "".join(chr(known[ord(letter)]) if ord(letter) < _HIGHEST else letter for letter in text)


def fold_column(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and offsets of a text column, folded. Bytes that are no UTF-8 stay as they are."""
    begin, end = int(offsets[0]), int(offsets[-1])
    out = np.empty((end - begin) * 3 // 2 + 4, np.uint8)  # two bytes become three at most
    places = np.empty_like(offsets)
    written = _fold(data, offsets, table(), out, places)
    return out[:written], places


@kernel
def _fold(data: np.ndarray, offsets: np.ndarray, known: np.ndarray, out: np.ndarray, places: np.ndarray) -> int:
    written = 0
    for row in range(len(offsets) - 1):
        places[row] = written
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            first = data[at]
            size = _length(data, at, end)
            if size == 1:
                out[written] = first + 32 if 65 <= first <= 90 else first
                written += 1
                at += 1
                continue
            code = first & (0x7F >> size)
            for step in range(1, size):
                code = (code << 6) | (data[at + step] & 0x3F)
            folded = known[code] if code < len(known) else code
            at += size
            written = _put(out, written, folded)
    places[len(offsets) - 1] = written
    return written


@kernel
def _length(data: np.ndarray, at: int, end: int) -> int:
    """The bytes of the character that begins here; 1 for what is no character."""
    first = data[at]
    if first < 0xC2 or first > 0xF4:
        return 1
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + size > end:
        return 1
    for step in range(1, size):
        if data[at + step] & 0xC0 != 0x80:
            return 1
    return size


@kernel
def _put(out: np.ndarray, at: int, code: int) -> int:
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | (code >> 6)
        out[at + 1] = 0x80 | (code & 0x3F)
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | (code >> 12)
        out[at + 1] = 0x80 | ((code >> 6) & 0x3F)
        out[at + 2] = 0x80 | (code & 0x3F)
        return at + 3
    out[at] = 0xF0 | (code >> 18)
    out[at + 1] = 0x80 | ((code >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((code >> 6) & 0x3F)
    out[at + 3] = 0x80 | (code & 0x3F)
    return at + 4
