"""Joining what two collectors call by different names.

`same_as` says that its subject is an alias of its object: Slurm names an accelerator by host and
index, its driver by UUID. Every other fact is said of the name that is nobody's alias; the
`same_as` facts stay, as the reason. An alias of two different things tells neither: what is said of
it stays said of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from ringfence.estate.facts import Fact


def joined(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The same facts under joined names. Names that are aliases of one another in a ring take the first in order."""
    alias = _aliases(facts)
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


def _aliases(facts: Sequence[Fact]) -> dict[str, str]:
    """What each alias stands for, without those that sources disagree about.

    Two targets of which one is itself an alias of the other agree.
    """
    targets: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.predicate == "same_as" and fact.subject != fact.object:
            targets[fact.subject].add(fact.object)
    sure = {one: next(iter(found)) for one, found in targets.items() if len(found) == 1}
    for one, found in targets.items():
        if len(found) > 1 and len(ends := {_end(each, sure) for each in found}) == 1:
            sure[one] = ends.pop()
    return {one: end for one, end in sure.items() if one != end}


def _end(one: str, alias: dict[str, str]) -> str:
    passed = [one]
    while passed[-1] in alias:
        following = alias[passed[-1]]
        if following in passed:
            return min(passed[passed.index(following) :])
        passed.append(following)
    return passed[-1]
