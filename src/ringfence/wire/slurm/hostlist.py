"""Hostlists, `gpu[0001-0100,0200]n[1-2]`: what Slurm writes wherever it means many nodes.

A list of a few bytes can stand for billions of names, so the count is taken before anything is
built, and more than `MOST` names are refused.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import product

from ringfence.errors import InputError

MOST = 200_000
"""More nodes than any Slurm cluster has."""

_RANGE = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?")
_REMEDY = "a hostlist looks like gpu[0001-0100,0200]"


def expand(text: str, most: int = MOST) -> list[str]:
    """The names in order, numbers padded as the list pads them. An empty list gives none.

    Raises `InputError` for unbalanced brackets, bad ranges, or more than `most` names.

    >>> expand("gpu[08-10]n[1-2],login1")
    ['gpu08n1', 'gpu08n2', 'gpu09n1', 'gpu09n2', 'gpu10n1', 'gpu10n2', 'login1']
    """
    found: list[str] = []
    for pieces in _counted(text, most):
        found.extend("".join(names) for names in product(*(_names(piece) for piece in pieces)))
    return found


def check(text: str, most: int = MOST) -> None:
    """Raise what `expand` would raise, without making the names."""
    for _ in _counted(text, most):
        pass


def _counted(text: str, most: int) -> Iterator[list["_Piece"]]:
    """The pieces of every part, as long as all names so far are no more than `most`."""
    count = 0
    for part in _split(text):
        pieces = _pieces(part)
        total = 1
        for piece in pieces:
            total *= sum(last - first + 1 for first, last, _ in piece) if isinstance(piece, list) else 1
            if count + total > most:
                raise InputError(f"a hostlist of more than {most:,} names", remedy=_REMEDY)
        count += total
        yield pieces


_Range = tuple[int, int, int]
_Piece = str | list[_Range]


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand outside brackets."""
    depth = start = 0
    for at, letter in enumerate(text):
        if letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
        elif letter == "," and depth == 0:
            yield from _part(text[start:at])
            start = at + 1
        if depth not in (0, 1):
            raise InputError("a hostlist whose brackets do not match", remedy=_REMEDY)
    if depth:
        raise InputError("a hostlist whose brackets do not match", remedy=_REMEDY)
    yield from _part(text[start:])


def _part(text: str) -> Iterator[str]:
    if text.strip():
        yield text.strip()


def _pieces(part: str) -> list[_Piece]:
    """`gpu[01-02]n` → ["gpu", [(1, 2, 2)], "n"]."""
    pieces: list[_Piece] = []
    for piece in part.split("["):
        inside, bracket, rest = piece.rpartition("]")
        if bracket:
            pieces.append([_range(text) for text in inside.split(",")])
        if rest:
            pieces.append(rest)
    return pieces


def _range(text: str) -> _Range:
    """(first, last, digits) of `0001-0100` or `7`."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text[:40]!r} is no range of a hostlist", remedy=_REMEDY)
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise InputError(f"the range {text[:40]!r} of a hostlist is empty", remedy=_REMEDY)
    return first, last, len(match[1])


def _names(piece: _Piece) -> list[str]:
    if isinstance(piece, str):
        return [piece]
    return [f"{number:0{width}d}" for first, last, width in piece for number in range(first, last + 1)]


_LAST_NUMBER = re.compile(r"\A([^0-9]*)([0-9]{1,12})")
"""The last number of a name that is read backwards, so that no name takes more than one pass."""


def fold(names: Iterable[str]) -> str:
    """The shortest usual list of these names, sorted: what `expand` undoes.

    >>> fold(["gpu0003", "gpu0001", "gpu0002", "login"])
    'login,gpu[0001-0003]'
    """
    plain: list[str] = []
    runs: dict[tuple[str, str, int], list[int]] = {}
    for name in sorted(set(names)):
        match = _LAST_NUMBER.match(name[::-1])
        if match is None:
            plain.append(name)
        else:
            after, number = match[1][::-1], match[2][::-1]
            before = name[: len(name) - match.end()]
            runs.setdefault((before, after, len(number)), []).append(int(number))
    return ",".join([*plain, *(_folded(*key, sorted(numbers)) for key, numbers in sorted(runs.items()))])


def _folded(before: str, after: str, width: int, numbers: list[int]) -> str:
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    written = ",".join(f"{low:0{width}d}" + (f"-{high:0{width}d}" if high > low else "") for low, high in parts)
    return f"{before}[{written}]{after}" if len(numbers) > 1 else f"{before}{written}{after}"
