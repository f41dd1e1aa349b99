"""Ranges that are written in signs: `<1.17.8`, `>= 1.2, < 1.5`, and `vers:semver/>=1.2|<1.5|2.0`.

The last is the version range specifier (VERS) that CSAF 2.0 asks for in branches of category `product_version_range`:
its constraints stand in the order of versions.
"""

import re

from ringfence.assess.advisories.spans import EVERYTHING, Span
from ringfence.assess.advisories.tokens import Version, series

_PIECE = re.compile(r"[<>=!]{1,2}|[^\s<>=!|,&]+")  # flat: no repetition within a repetition
_SIGNS = ("<", "<=", ">", ">=", "=", "==", "")


def spans(text: str) -> tuple[Span, ...] | None:
    """What a text of signs means, or None if it is not one, or not one that is understood. Linear in its length."""
    bare = text.strip()
    if bare.lower().startswith("vers:"):
        bare = bare.partition("/")[2].strip()
    elif bare[:1] not in ("<", ">", "="):
        return None
    if bare == "*":
        return (EVERYTHING,)
    found = _constraints(bare)
    return _joined(found) if found else None


def _constraints(text: str) -> list[tuple[str, Version, Version]]:
    """(sign, first, first beyond) of each constraint; [] where one is of another kind."""
    found = []
    sign = ""
    for piece in _PIECE.findall(text):
        if piece[0] in "<>=!":
            if sign or piece not in _SIGNS:
                return []
            sign = piece
        else:
            covers = series(piece)
            if covers is None:
                return []
            found.append((sign, *covers))
            sign = ""
    return [] if sign else found


def _joined(found: list[tuple[str, Version, Version]]) -> tuple[Span, ...] | None:
    """Each lower bound with the upper bound behind it."""
    joined: list[Span] = []
    low: Version | None = None
    for sign, first, beyond in found:
        if sign in (">", ">="):
            if low is not None:
                return None
            low = first if sign == ">=" else (*first, 0)  # behind the version itself, before all others
        elif sign in ("<", "<="):
            if low is None and joined:
                return None
            joined.append(Span(low or (), first if sign == "<" else beyond))
            low = None
        elif low is not None:
            return None
        else:
            joined.append(Span(first, beyond, exact=True))
    return (*joined, Span(low, None)) if low is not None else tuple(joined)
