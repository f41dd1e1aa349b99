"""Joining what two collectors call by different names.

`same_as` says that its subject is an alias of its object: Slurm names an accelerator by host and
index, its driver by UUID. Every other fact is said of the name that is nobody's alias; the
`same_as` facts stay, as the reason.
"""

from collections.abc import Iterator, Sequence

import msgspec

from ringfence.estate.facts import Fact


def joined(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The same facts under joined names. Names that are aliases of one another in a ring take the first in order."""
    alias = {fact.subject: fact.object for fact in facts if fact.predicate == "same_as" and fact.subject != fact.object}
    if not alias:
        yield from facts
        return
    name = {one: _end(one, alias) for one in alias}
    for fact in facts:
        if fact.predicate != "same_as" and (fact.subject in name or fact.object in name):
            yield msgspec.structs.replace(
                fact, subject=name.get(fact.subject, fact.subject), object=name.get(fact.object, fact.object)
            )
        else:
            yield fact


def _end(one: str, alias: dict[str, str]) -> str:
    passed = [one]
    while passed[-1] in alias:
        following = alias[passed[-1]]
        if following in passed:
            return min(passed[passed.index(following) :])
        passed.append(following)
    return passed[-1]
