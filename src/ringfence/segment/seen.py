"""What the derivation asks of an estate: each relation read once, as plain dictionaries.

Lists keep the order of the estate and may name a thing twice (two sources may say it); whoever makes a
result of them sorts. Nothing here depends on who asks first.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

import numpy as np

from ringfence.estate.estate import Estate
from ringfence.estate.kinds import EVERYONE

Relation = Mapping[str, list[str]]
_NONE: list[str] = []


class Seen:
    """An estate's relations, by subject and by object."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.of = cache(self._of)
        self.by = cache(self._by)

    def _pairs(self, predicate: str) -> Iterator[tuple[str, str]]:
        table, values = self.estate.table(predicate), self.estate.terms.values
        live = table.live
        left, right = table.subject[live].tolist(), table.object[live].tolist()
        return ((values[one], values[other]) for one, other in zip(left, right, strict=True))

    def _of(self, predicate: str) -> Relation:
        """Subject → objects."""
        found: dict[str, list[str]] = {}
        for subject, object_ in self._pairs(predicate):
            found.setdefault(subject, []).append(object_)
        return found

    def _by(self, predicate: str) -> Relation:
        """Object → subjects."""
        found: dict[str, list[str]] = {}
        for subject, object_ in self._pairs(predicate):
            found.setdefault(object_, []).append(subject)
        return found

    def speaks(self, predicate: str, kind: str) -> set[str]:
        """The subjects of a kind of which anything is said by this predicate."""
        table, values, prefix = self.estate.table(predicate), self.estate.terms.values, f"{kind}:"
        names = (values[code] for code in np.unique(table.subject[table.live]).tolist())
        return {name for name in names if name.startswith(prefix)}

    def objects(self, subject: str, predicate: str) -> list[str]:
        """What is said of `subject`; empty if nothing is."""
        return self.of(predicate).get(subject, _NONE)

    def subjects(self, predicate: str, object_: str) -> list[str]:
        """Of what it is said."""
        return self.by(predicate).get(object_, _NONE)

    def first(self, subject: str, predicate: str) -> str:
        """The least of what is said of `subject`; "" if nothing is."""
        return min(self.objects(subject, predicate), default="")

    def rows(self, predicate: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """(subject, object, attributes) of every fact."""
        table = self.estate.table(predicate)
        codes = table.attributes[table.live].tolist()
        attributes = self.estate.attributes_of
        return (
            (subject, object_, attributes(code))
            for (subject, object_), code in zip(self._pairs(predicate), codes, strict=True)
        )

    def where(self, predicate: str, attribute: str, value: object) -> list[tuple[str, str]]:
        """(subject, object) of the facts that have this value of an attribute; others cost next to nothing."""
        table, values = self.estate.table(predicate), self.estate.terms.values
        codes, which = np.unique(table.attributes[table.live], return_inverse=True)
        wanted = [self.estate.attributes_of(code).get(attribute) == value for code in codes.tolist()]
        at = table.live[np.array(wanted, np.bool_)[which]]
        ends = zip(table.subject[at].tolist(), table.object[at].tolist(), strict=True)
        return [(values[one], values[other]) for one, other in ends]

    def settings(self, subject: str) -> dict[str, str]:
        """Its settings `name=value`; of two values of one name the greater."""
        return dict(text.partition("=")[::2] for text in sorted(self.objects(subject, "setting")))

    def members(self, identity: str) -> set[str]:
        """Accounts that are this identity or belong to it, directly or through groups; `identity:*` is everyone."""
        if identity == EVERYONE:
            return {*self.of("logs_in_from"), *self.by("runs_as"), EVERYONE}
        found, todo = {identity}, [identity]
        while todo:
            for one in self.subjects("member_of", todo.pop()):
                if one not in found:
                    found.add(one)
                    todo.append(one)
        return found


def part(text: str) -> str:
    """A name as a part of a longer one: `+`, `%`, blanks and brackets are encoded, so that no two longer names meet."""
    return quote(text, safe="/:@.,=")


def starting(found: list[str], kind: str) -> list[str]:
    """Those whose id is of a kind, sorted, none twice."""
    return sorted({one for one in found if one.startswith(f"{kind}:")})
