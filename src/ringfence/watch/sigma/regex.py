"""Regular expressions in linear time, and the literals that must stand in whatever they match.

RE2 refuses what needs backtracking (look-around, back-references); such a rule is a problem, not a slow rule.
"""

import re
import warnings
from functools import lru_cache
from importlib import import_module
from typing import Any

import re2

ERROR = re2.error
_MEMORY = 8 << 20
parser, sre = import_module("re._parser"), import_module("re._constants")


@lru_cache(4096)
def compiled(pattern: str) -> Any:
    """RE2's form of a pattern. Raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return re2.compile(pattern, options)


def fault(pattern: str) -> str:
    """Why a pattern cannot be used; "" where it can."""
    try:
        compiled(pattern)
    except re2.error as error:
        what = error.args[0] if error.args else error
        return what.decode("utf-8", "replace") if isinstance(what, bytes) else str(what)
    return ""


def grouped(pattern: str) -> str:
    """The pattern as a part of another: what flags it begins with hold for it alone."""
    flags = re.match(r"\(\?([ims]+)\)", pattern)
    return f"(?{flags[1]}:{pattern[flags.end() :]})" if flags else f"(?:{pattern})"


def literals(pattern: str) -> tuple[str, ...]:
    """Texts of which one stands in every match, letter case apart; none where no such texts are known."""
    tree = parsed(pattern)
    return tuple(_best(tree) or ()) if tree is not None else ()


def parsed(pattern: str) -> Any:
    """Python's parse tree of a pattern; None where Python does not read it as RE2 does."""
    if "[:" in pattern:  # a class by name
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _best(tree: Any) -> list[str] | None:
    """The choice of literals with the longest shortest one, among the parts that all must match."""
    runs: list[list[str]] = []
    run = ""
    for op, value in tree:
        if op is sre.LITERAL:
            run += chr(value)
            continue
        if run:
            runs.append([run])
            run = ""
        inner = _inner(op, value)
        if inner:
            runs.append(inner)
    if run:
        runs.append([run])
    return max(runs, key=lambda one: min(map(len, one)), default=None)


def _inner(op: Any, value: Any) -> list[str] | None:
    if op is sre.SUBPATTERN:
        return _best(value[3])
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return _best(value[2]) if value[0] > 0 else None
    if op is sre.ATOMIC_GROUP:
        return _best(value)
    if op is sre.BRANCH:
        found = [_best(branch) for branch in value[1]]
        return [text for one in found if one for text in one] if all(found) else None
    return None
