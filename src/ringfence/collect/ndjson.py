"""Facts written down directly, one JSON object a line: what an inventory of your own can export.

`{"subject": "host:gpu0001", "predicate": "in_rack", "object": "R07", "attributes": {}}`
"""

from collections.abc import Iterator

from ringfence.collect.base import CapturedFile, Collector, Found, Scope, stamped
from ringfence.errors import InputError, Problem
from ringfence.estate import ids, stamps
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES, kind_of
from ringfence.wire import safe

_MARKS = (b'"subject"', b'"predicate"', b'"object"')


def recognise(path: str, head: bytes) -> str:
    """Claim it as "facts/ndjson" where the first line is a fact."""
    first = head.lstrip()[:2048].partition(b"\n")[0]
    return "facts/ndjson" if first.startswith(b"{") and all(mark in first for mark in _MARKS) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Each line on its own: a bad one is a `Problem`, the others count."""
    for file in files:
        for number, line in safe.lines(file.data):
            if not line.strip():
                continue
            try:
                yield stamped(_fact(line), file)
            except InputError as error:
                yield Problem(file.path, number, error.what, error.remedy)


def _fact(line: str) -> Fact:
    fact: Fact = safe.json(line.encode(), Fact)
    row = PREDICATES.get(fact.predicate)
    if row is None:
        raise InputError(f"no predicate is called {ids.clean(fact.predicate)!r}", remedy="see docs/estate.md")
    for role, term, kinds in (("subject", fact.subject, row.subject), ("object", fact.object, row.object)):
        if kinds not in (("any",), ("value",)) and kind_of(term) not in kinds:
            raise InputError(f"the {role} of {fact.predicate} is one of {', '.join(kinds)}, not {ids.clean(term)!r}")
        if ids.clean(term) != term:
            raise InputError(f"the {role} holds control characters, or is longer than 200 characters")
    if not stamps.known(fact.observed_at):
        raise InputError(
            f"observed_at is {fact.observed_at:g}, which is no time between 1970 and 9999",
            remedy="seconds since the epoch, UTC; leave it out where it is not known",
        )
    return fact


COLLECTOR = Collector("ndjson", recognise, collect)
