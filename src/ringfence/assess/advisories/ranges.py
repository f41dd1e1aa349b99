"""Tokens → which versions a text means. What it does not understand it does not guess.

Read are, with any of the words that say nothing (`all`, `driver`, `versions`, …): *prior to V*, *prior to and
including V*, *up to [and including] V*, *V and earlier*, *V to V*, *V and later*, *2.9 versions prior to 2.9.3*,
lists of versions and of series (`6.15.x`), and *V (All versions up to and including vGPU 17.1)*, where the bracket
repeats in another numbering that V is the last one; *all versions*; and ranges in signs (`symbols`).
"""

import msgspec

from ringfence.assess.advisories import symbols
from ringfence.assess.advisories.spans import EVERYTHING, Span
from ringfence.assess.advisories.tokens import Kind, Token, Version, tokens


class Range(msgspec.Struct, frozen=True):
    """`spans` is None where the text was not understood. `condition`: what a bracket adds, in lower case."""

    text: str
    spans: tuple[Span, ...] | None
    condition: str = ""

    def holds(self, version: Version) -> bool:
        """Whether a version lies in one of the spans."""
        return any(span.holds(version) for span in self.spans or ())


_EMPTY = (
    *("all", "any", "driver", "drivers", "version", "versions", "release", "releases", "bmc", "sbios", "firmware"),
    *("lts", "ga", "only", "branch", "the", "of", "software", "nvos", "cumulus", "linux", "igx", "gb200", "gb300"),
    *("b300", "dls", "cuda", "toolkit"),
)
_WHOLE = ("all", "any")
_BEFORE = ("prior", "before")
_UNTIL = ("up", "through")
_OLDER = ("earlier", "older", "below")
_NEWER = ("later", "newer", "above")


def read(text: str) -> Range:
    """The range of a text. Linear in its length."""
    signs = symbols.spans(text)
    found = Range(text, signs) if signs is not None else _prose(text)
    if any(span.is_empty for span in found.spans or ()):
        return Range(text, None)
    return found


def _prose(text: str) -> Range:
    main, bracket = _split(tokens(text))
    condition = " ".join(token.text.lower() for token in bracket)
    versions = [token for token in main if token.kind is Kind.VERSION]
    if bracket and not versions:
        named = _numbers(bracket)
        return Range(text, tuple(map(_alone, named)) or None)
    if bracket and len(main) == 1 and versions and _repeats(bracket):
        return Range(text, (Span((), versions[0].high),))
    return Range(text, _spans(main), condition)


def _split(found: list[Token]) -> tuple[list[Token], list[Token]]:
    """(tokens outside brackets, tokens inside)."""
    outside: list[Token] = []
    inside: list[Token] = []
    depth = 0
    for token in found:
        if token.kind is Kind.OPEN:
            depth += 1
        elif token.kind is Kind.CLOSE:
            depth = max(0, depth - 1)
        else:
            (inside if depth else outside).append(token)
    return outside, inside


def _numbers(bracket: list[Token]) -> list[Token]:
    """The versions of a bracket that holds nothing else: `1.3.0/1.3.1`."""
    parts = [each for token in bracket for each in tokens(token.text.replace("/", ","))]
    kept = [token for token in parts if token.kind is not Kind.COMMA]
    return kept if all(token.kind is Kind.VERSION for token in kept) else []


def _repeats(bracket: list[Token]) -> bool:
    words = {token.text for token in bracket}
    return {"all", "versions", "including"} <= words


def _alone(token: Token) -> Span:
    return Span(token.low, token.high, exact=True)


def _spans(main: list[Token]) -> tuple[Span, ...] | None:
    """The spans of what stands outside brackets, or None."""
    shape: list[str] = []
    named: list[Token] = []
    for token in main:
        if token.kind is Kind.VERSION:
            shape.append("V")
            named.append(token)
        elif token.kind is Kind.COMMA:
            shape.append(",")
        elif token.text in _WHOLE or token.text not in _EMPTY:
            shape.append(_WORDS.get(token.text, token.text))
    whole = any(part in _WHOLE for part in shape)
    form = " ".join(part for part in shape if part != "," and part not in _WHOLE)
    if whole and not form:
        return (EVERYTHING,)
    if form in _ONE and len(named) == 1:
        return (_ONE[form](named[0]),)
    if form in _TWO and len(named) == 2:
        return (_TWO[form](*named),)
    if named and all(part == "V" for part in form.split()):
        if len(named) > 1 and whole:
            return None  # "all versions 1.2, 1.3": whichever it means
        return tuple(map(_alone, named))
    if len(named) > 1 and form == "V " * len(named) + "and older":
        return (*map(_alone, named[:-1]), Span((), named[-1].high))
    return None


_WORDS = {
    **dict.fromkeys(_BEFORE, "before"),
    **dict.fromkeys(_UNTIL, "until"),
    **dict.fromkeys(_OLDER, "older"),
    **dict.fromkeys(_NEWER, "newer"),
    "or": "and",
    "-": "to",
    "\N{EN DASH}": "to",
}


def _below(token: Token) -> Span:
    return Span((), token.low)


def _last(token: Token) -> Span:
    return Span((), token.high)


def _from(token: Token) -> Span:
    return Span(token.low, None)


_ONE = {
    **dict.fromkeys(("before to V", "before V", "V and before", "before release V", "before V to"), _below),
    **dict.fromkeys(("before to and including V", "until to and including V", "until to V", "until V"), _last),
    **dict.fromkeys(("V and older", "V older", "V and before"), _last),
    **dict.fromkeys(("V and newer", "V newer"), _from),
}


def _between(one: Token, other: Token) -> Span:
    return Span(one.low, other.high)


def _series_below(one: Token, other: Token) -> Span:
    return Span(one.low, other.low)


_TWO = {
    **dict.fromkeys(("V to V", "V until V"), _between),
    **dict.fromkeys(("V before to V", "V before V"), _series_below),
}
