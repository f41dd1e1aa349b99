"""Prose about versions → tokens, in one pass: `All versions prior to v1.2 (CDI mode only)`.

The prose is foreign. A first grammar of nested regular expressions ran for minutes on it; this reads each character
once, and what it does not know is a word.
"""

import re
from enum import StrEnum

import msgspec

Version = tuple[int, ...]
"""Numbers from the most significant on, without zeros at the end: 1.17.0 and 1.17 are the same."""

MOST_PARTS = 8
MOST_DIGITS = 9

_PIECE = re.compile(r"[(),;&]|[^\s(),;&]+")  # flat: no repetition within a repetition


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    VERSION = "version"
    OPEN = "("
    CLOSE = ")"
    COMMA = ","


class Token(msgspec.Struct, frozen=True, gc=False):
    """`low` to below `high` is what a version token covers: `6.15.x` is a whole series, `1.2` itself is 1.2 to 1.3."""

    kind: Kind
    text: str
    low: Version = ()
    high: Version = ()


_MARKS = {"(": Kind.OPEN, ")": Kind.CLOSE, ",": Kind.COMMA, ";": Kind.COMMA, "&": Kind.COMMA}


def tokens(text: str) -> list[Token]:
    """The tokens of a text, words in lower case. Linear in its length."""
    found = []
    for piece in _PIECE.findall(text):
        mark = _MARKS.get(piece)
        found.append(Token(mark, piece) if mark else _token(piece))
    return found


def _token(piece: str) -> Token:
    covers = series(piece)
    if covers is None:
        return Token(Kind.WORD, piece.lower().rstrip("."))
    return Token(Kind.VERSION, piece, *covers)


def normal(parts: tuple[int, ...]) -> Version:
    """Without zeros at the end."""
    end = len(parts)
    while end and parts[end - 1] == 0:
        end -= 1
    return parts[:end]


def series(piece: str) -> tuple[Version, Version] | None:
    """(first, first beyond) of what a written version covers, or None if it is no version.

    >>> series("535.309.01")
    ((535, 309, 1), (535, 309, 2))
    >>> series("6.15.x")
    ((6, 15), (6, 16))
    >>> series("25.02.21xx")
    ((25, 2, 2100), (25, 2, 2200))
    """
    bare = piece.rstrip(".").removeprefix("xx.")
    if len(bare) > 1 and bare[0] in "vVr" and bare[1].isdigit():
        bare = bare[1:]
    parts: list[int] = []
    wild = 0
    for part in bare.replace("_", ".").replace("-", ".").split("."):
        digits = part.rstrip("xX")
        wilds = len(part) - len(digits)
        if wild or len(parts) >= MOST_PARTS or len(part) > MOST_DIGITS or (digits and not _decimal(digits)):
            return None
        if not digits and not (wilds and parts):
            return None
        if not digits:
            wild = 1  # a whole part is open: the series is what stands before it
        elif wilds:
            wild = 10**wilds
            parts.append(int(digits) * wild)
        else:
            parts.append(int(digits))
    step = wild if wild > 1 else 1
    return normal(tuple(parts)), normal((*parts[:-1], parts[-1] + step))


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def installed(text: str, cut: str = "-+ ") -> Version | None:
    """The version that a package or firmware says it has, without its packager's revision, or None.

    A release candidate comes before its release, and by how much no bulletin says: None.

    >>> installed("1:1.17.4-1ubuntu1")
    (1, 17, 4)
    >>> installed("1.17.0~rc.2") is None
    True
    """
    bare = text.strip().removeprefix("v")
    epoch, colon, rest = bare.partition(":")
    bare = rest if colon and _decimal(epoch) else bare
    if "~" in bare or "rc" in bare.lower():
        return None
    for mark in cut:
        bare = bare.partition(mark)[0]
    covers = series(bare)
    return covers[0] if covers and "x" not in bare.lower() else None
