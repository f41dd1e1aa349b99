"""A set of rules: from the texts of their files, or from what was kept of an earlier parsing.

        (file, text) ──digest──▶ known? ──no──▶ pySigma ──▶ Parsed ─┐
                                   └─yes────────────────────────────┴─▶ Ruleset, problems

Parsing all of SigmaHQ takes half a minute, taking up what was kept of it a second. The kept form is plain values in
MessagePack, one entry a file under the digest of its text, so that a changed file alone is parsed again.
"""

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence

import msgspec

from ringfence import __version__
from ringfence.errors import Problem
from ringfence.watch.sigma.fields import reads
from ringfence.watch.sigma.tree import And, Correlation, Parsed, Rule

_FORM = f"2 {__version__}"
"""What is kept under another form is parsed anew."""

Known = MutableMapping[str, Parsed]


class Ruleset(msgspec.Struct, frozen=True):
    """Rules and correlations, each with an id of its own, in the order of their files."""

    rules: tuple[Rule, ...] = ()
    correlations: tuple[Correlation, ...] = ()


class _Kept(msgspec.Struct, frozen=True):
    form: str
    files: dict[str, Parsed]


def load(
    texts: Iterable[tuple[str, str]],
    placeholders: Mapping[str, Sequence[str]] | None = None,
    known: Known | None = None,
) -> tuple[Ruleset, list[Problem]]:
    """The rules of some files, given as (name, YAML), and what is wrong with the others.

    `placeholders` are the values of the modifier `expand`. Files found in `known` are not parsed again, the others are
    added to it, and what was asked for no more is taken out.
    """
    values = {name: list(each) for name, each in (placeholders or {}).items()}
    salt = msgspec.json.encode(values, order="sorted")
    earlier = dict(known or {})
    files: dict[str, Parsed] = {}
    for name, text in texts:
        digest = hashlib.sha256(salt + b"\0" + name.encode() + b"\0" + text.encode("utf-8", "replace")).hexdigest()
        files[digest] = earlier.get(digest) or _parsed(name, text, values)
    if known is not None:
        known.clear()
        known.update(files)
    return _joined(files.values())


def _parsed(name: str, text: str, placeholders: Mapping[str, Sequence[str]]) -> Parsed:
    from ringfence.watch.sigma.rules import parse  # pySigma is an extra, and slow to import

    return parse(name, text, placeholders)


def _joined(files: Iterable[Parsed]) -> tuple[Ruleset, list[Problem]]:
    files = list(files)
    problems = [problem for file in files for problem in file.problems]
    filters = [one for file in files for one in file.filters]
    taken: dict[str, str] = {}
    rules: list[Rule] = []
    correlations: list[Correlation] = []
    for file in files:
        for rule in file.rules:
            if _free(rule, taken, problems):
                when = (rule.when, *(one.when for one in filters if one.over(rule)))
                held = rule.when if len(when) == 1 else And(when)
                rules.append(msgspec.structs.replace(rule, when=held, columns=reads(held, rule.category)))
        correlations += [one for one in file.correlations if _free(one, taken, problems)]
    return Ruleset(tuple(rules), tuple(correlations)), problems


def _free(one: Rule | Correlation, taken: dict[str, str], problems: list[Problem]) -> bool:
    if one.id in taken:
        what = f"the id {one.id} is that of a rule in {taken[one.id]}"
        problems.append(Problem(one.file, 0, what, "give it an id of its own; it is left out"))
        return False
    taken[one.id] = one.file
    return True


def keep(known: Mapping[str, Parsed]) -> bytes:
    """What `load` parsed, for the next time."""
    return msgspec.msgpack.encode(_Kept(_FORM, dict(known)))


def kept(data: bytes) -> Known:
    """What was kept; empty where it is of another form, or damaged."""
    try:
        found = msgspec.msgpack.decode(data, type=_Kept)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return found.files if found.form == _FORM else {}
