"""What no patch mends, or is not patched yet, as a constraint on how the thing may be used.

| found | constraint | on |
|---|---|---|
| a container escape in the toolkit | `own-images-only`: no image of a foreigner starts there | host |
| an NVLink domain of several accelerators | `one-tenant` at a time: its counters and timing leak | nvlink |
| GDDR6 without ECC | `no-foreign-neighbour`: another tenant's accesses flip bits | gpu |

Each is a fact. The fence reads it and says whether it is in force; the audit compares the two.
"""

from collections import Counter
from collections.abc import Iterator

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact

OWN_IMAGES = "own-images-only"
ONE_TENANT = "one-tenant"
NO_NEIGHBOUR = "no-foreign-neighbour"
SOURCE = "constraints"


def constraints(estate: Estate) -> Iterator[Fact]:
    """What the estate's facts require, each with the time of the fact that it rests on."""
    yield from _escapes(estate)
    yield from _shared_links(estate)
    yield from _flips(estate)


def _escapes(estate: Estate) -> Iterator[Fact]:
    found: dict[str, dict[str, float]] = {}
    for fact in estate.facts("vulnerable_to"):
        if fact.attributes.get("gives") == "container-escape" and fact.subject.startswith("host:"):
            found.setdefault(fact.subject, {})[fact.object] = fact.observed_at
    for host, flaws in found.items():
        about = {"because": ", ".join(sorted(flaws))}
        yield Fact(host, "requires_constraint", OWN_IMAGES, about, SOURCE, max(flaws.values()))


def _shared_links(estate: Estate) -> Iterator[Fact]:
    members = Counter[str]()
    seen: dict[str, float] = {}
    for fact in estate.facts("nvlink_member"):
        members[fact.object] += 1
        seen[fact.object] = max(fact.observed_at, seen.get(fact.object, 0.0))
    for domain, count in members.items():
        if count > 1:
            about = {"because": f"{count} accelerators share its links"}
            yield Fact(domain, "requires_constraint", ONE_TENANT, about, SOURCE, seen[domain])


def _flips(estate: Estate) -> Iterator[Fact]:
    memory = {fact.subject: fact.observed_at for fact in estate.facts("setting") if fact.object == "memory_type=gddr6"}
    for fact in estate.facts("setting"):
        if fact.object == "ecc=off" and fact.subject in memory:
            about = {"because": "GDDR6 without ECC"}
            yield Fact(fact.subject, "requires_constraint", NO_NEIGHBOUR, about, SOURCE, fact.observed_at)
