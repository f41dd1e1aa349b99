"""Services that a host's own capture shows, seen from the cloud: which groups let which of them be reached."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product

from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of

_OF_AWS = "network:aws/"


def listening(facts: Sequence[Fact]) -> Iterator[Fact]:
    """`listens_on` service → each range of its host's security groups that its port lies in.

    Ranges are named `network:aws/<group>/<protocol>-<low>-<high>` or `…/all`, those for machines
    with a public address `…/public-…`.
    """
    ranges = _ranges(facts)
    if not ranges:
        return
    members: dict[str, set[str]] = defaultdict(set)
    ports: dict[str, set[int]] = defaultdict(set)
    for fact in facts:
        if fact.predicate == "attached_to" and fact.object.startswith(_OF_AWS):
            members[fact.subject].add(fact.object)
        elif fact.predicate == "listens_on" and isinstance(fact.attributes.get("port"), int):
            ports[fact.subject].add(int(fact.attributes["port"]))
    public = {fact.subject for fact in facts if fact.predicate == "setting" and fact.object == "address=public"}
    for fact in facts:
        if fact.predicate != "runs_on" or fact.object not in members or kind_of(fact.subject) != "service":
            continue
        reached = sorted({name for group in members[fact.object] for name in ranges.get(group, ())})
        for name, port in product(reached, sorted(ports[fact.subject])):
            if _lets_in(name, port, fact.object in public):
                yield Fact(fact.subject, "listens_on", name, {"port": port}, fact.source, fact.observed_at)


def _ranges(facts: Sequence[Fact]) -> dict[str, set[str]]:
    """Per group the ranges that some fact names."""
    found: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.predicate in ("routes_to", "part_of"):
            for term in (fact.subject, fact.object):
                if term.startswith(_OF_AWS) and term.count("/") == 2:
                    found[term.rpartition("/")[0]].add(term)
    return found


def _lets_in(name: str, port: int, public: bool) -> bool:
    """Whether the range that an id names lets TCP connections to the port in."""
    plain = name.rpartition("/")[2]
    if plain.startswith("public-"):
        if not public:
            return False
        plain = plain.removeprefix("public-")
    if plain == "all":
        return True
    protocol, _, span = plain.partition("-")
    low, _, high = span.rpartition("-")
    if protocol not in ("tcp", "6") or not high.isdigit():
        return False
    return plain.endswith("--1") or (low.isdigit() and int(low) <= port <= int(high))
