"""What no patch mends, or is not patched yet, as a constraint on how the thing may be used.

| found | constraint | on |
|---|---|---|
| a container escape in the toolkit | `own-images-only`: no image of a foreigner starts there | host |
| an NVLink domain of several accelerators | `one-tenant` at a time: its counters and timing leak | nvlink |
| GDDR6 without ECC | `no-foreign-neighbour`: another tenant's accesses flip bits | gpu |

An accelerator without ECC whose memory no fact and no name tells is asked for in vain: `asked constraints/memory_type`.

Each is a fact. The fence reads it and says whether it is in force; the audit compares the two.
"""

from collections import Counter
from collections.abc import Iterator

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.wire.smi.memory import memory_type

OWN_IMAGES = "own-images-only"
ONE_TENANT = "one-tenant"
NO_NEIGHBOUR = "no-foreign-neighbour"
SOURCE = "constraints"
MEMORY = "constraints/memory_type"
"""Coverage of accelerators: whether it is known if their memory asks for a constraint."""


def constrained(estate: Estate) -> Estate:
    """The estate with the constraints that its facts require, instead of earlier ones."""
    return estate.with_delta(constraints(estate), estate.told_by(SOURCE, "requires_constraint", "asked"))


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
    """The kind of memory is what a fact says, else what the card's name tells; a name that does not is told as such."""
    memory: dict[str, str] = {}
    unprotected: dict[str, float] = {}
    for fact in estate.saying("setting", lambda said: said == "ecc=off" or said.startswith("memory_type=")):
        name, _, value = fact.object.partition("=")
        if name == "memory_type":
            memory[fact.subject] = value
        else:
            unprotected[fact.subject] = fact.observed_at
    models = _models(estate) if any(card not in memory for card in unprotected) else {}
    for card, seen in unprotected.items():
        kind = memory.get(card) or memory_type(models.get(card, ""))
        if kind.startswith("gddr6"):
            yield Fact(card, "requires_constraint", NO_NEIGHBOUR, {"because": "GDDR6 without ECC"}, SOURCE, seen)
        elif not kind:
            why = f"ECC is off, and which memory it has is not known ({models.get(card) or 'no model'})"
            yield Fact(card, "asked", MEMORY, {"answered": False, "reason": why}, SOURCE, seen)


def _models(estate: Estate) -> dict[str, str]:
    return {fact.object: str(fact.attributes.get("model", "")) for fact in estate.facts("has_gpu")}
