"""The documents of a rule file, one after the other, each as pySigma's object.

        text ──YAML──▶ mappings ──global, repeat──▶ a whole rule each ──pySigma──▶ (its name, object) | Problem

A document that is refused is a problem that names it. Rules that a correlation names are found later, among those of
all files, so that no document needs another to be read; but for `action`, which carries one into those after it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sigma.collection import SigmaCollection, deep_dict_update
from sigma.exceptions import SigmaError
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine

from ringfence.errors import InputError, Problem
from ringfence.watch.sigma import regex
from ringfence.wire import safe

LONGEST, MOST_CARRIED = 1 << 20, 200
"""Characters of a file, and documents that take others into them: more is refused."""
REMEDY = "correct the rule, or leave it out"

_LETTERS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
_BORDER = re.compile(r"^---(?=\s|$)", re.MULTILINE)
"""Where a document begins. YAML lets nothing else begin a line so, not even within a quoted text."""


class Unsupported(Exception):
    """A rule that asks for what the matcher cannot do; says what."""


class _Linear(RegexEngine):
    """How pySigma tries regular expressions: by the engine that will run them, which writes nothing to stderr."""

    error = regex.ERROR

    def compile(self, pattern: str, flags: int = 0) -> Any:
        letters = "".join(letter for flag, letter in _LETTERS.items() if flags & flag)
        return regex.compiled(f"(?{letters})" * bool(letters) + pattern)


_POLICY = SigmaPolicy(regex_engine=_Linear())


def documents(file: str, text: str, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    """What begins a problem with the document, and pySigma's object, as far as they can be had. Never raises."""
    if len(text) > LONGEST:
        problems.append(Problem(file, 0, f"longer than {LONGEST} characters", REMEDY))
        return
    plain = [(at, one) for at, one in enumerate(_plain(file, text, problems), 1) if one is not None]
    carried = _Carried()
    for at, one in plain:
        named = _named(one, at if len(plain) > 1 else 0)
        try:
            whole = carried.whole(one)
            if whole is None:
                continue
            found = SigmaCollection.from_dicts([whole], True, None, True, False, _POLICY)
        except Exception as error:  # pySigma meets odd types with whatever Python raises there
            problems.append(Problem(file, 0, named + said(error), REMEDY))
            continue
        problems += [Problem(file, 0, named + said(error), REMEDY) for error in found.errors]
        yield from ((named, each) for each in (*found.rules, *found.filters) if not each.errors)


def said(error: BaseException) -> str:
    """What is wrong, in one line."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = str(error).split("\n", 1)[0][:300]
    return text if isinstance(error, (SigmaError, Unsupported)) else f"{type(error).__name__}: {text}"


def _plain(file: str, text: str, problems: list[Problem]) -> Iterator[Any]:
    """The documents as YAML has them; where the whole is none, those that are."""
    try:
        yield from list(safe.yaml_documents(text.encode("utf-8", "replace")))
        return
    except InputError as error:
        starts = [0, *(found.start() for found in _BORDER.finditer(text) if found.start()), len(text)]
        if len(starts) == 2 or ("*" in text and "&" in text):  # many small parts could be large together
            problems.append(Problem(file, error.line, error.what, REMEDY))
            return
    above = 0
    for begin, end in pairwise(starts):
        try:
            yield from list(safe.yaml_documents(text[begin:end].encode("utf-8", "replace")))
        except InputError as error:
            problems.append(Problem(file, above + error.line if error.line else 0, error.what, REMEDY))
        above += text.count("\n", begin, end)


def _named(one: Any, number: int) -> str:
    """What a problem with a document begins with: its number where there are several, its title, its id."""
    said = [str(one[key]) for key in ("title", "id") if one.get(key)] if isinstance(one, dict) else []
    name = ", ".join(" ".join(each[:100].split()) for each in said)
    parts = [f"document {number}"] * bool(number) + [name] * bool(name)
    return ", ".join(parts) + ": " if parts else ""


class _Carried:
    """What documents with an `action` carry into those after them."""

    def __init__(self) -> None:
        self._everywhere: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._count = 0

    def whole(self, one: Any) -> dict[str, Any] | None:
        """The document with what is carried into it; None for one that is only carried."""
        if not isinstance(one, dict):
            raise Unsupported("a rule is a YAML mapping")
        own = _aliased(one)
        action = own.pop("action", None)
        if action == "global":
            self._everywhere = self._last = own
            return None
        if action == "reset":
            self._everywhere = {}
            return None
        if action not in (None, "repeat"):
            raise Unsupported(f"the action {str(action)[:100]} is not known")
        if action is None and ("correlation" in own or "filter" in own):
            return dict(own)
        below, above = (self._last, own) if action else (own, self._everywhere)
        if below and above:
            self._count += 1
            if self._count > MOST_CARRIED:  # each makes all of what it carries anew
                raise Unsupported(f"more than {MOST_CARRIED} documents take others into them")
        made: dict[str, Any] = deep_dict_update(_aliased(below), above)
        self._last = made
        return made


def _aliased(value: Any) -> Any:
    """The document with `utf16le` under pySigma's name for it."""
    if isinstance(value, dict):
        return {_renamed(key): _aliased(inner) for key, inner in value.items()}
    return [_aliased(inner) for inner in value] if isinstance(value, list) else value


def _renamed(key: Any) -> Any:
    if not isinstance(key, str) or "|utf16le" not in key:
        return key
    return "|".join("wide" if part == "utf16le" else part for part in key.split("|"))
