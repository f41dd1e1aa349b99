"""Parts that changed between two surveys: an HBOM compared with the one before."""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact


def swapped(old: Estate, new: Estate) -> Iterator[Fact]:
    """`changed_part` for every part of `new` that its holder did not have in `old`.

    Only holders whose parts both surveys know: a machine seen for the first time has no changed
    parts. `was` names the part that sat in the same slot, and the part's kind comes along, since
    a power supply is not a network adapter.
    """
    before: dict[str, set[str]] = defaultdict(set)
    slots: dict[tuple[str, object], str] = {}
    for fact in old.facts("has_component"):
        before[fact.subject].add(fact.object)
        slots[fact.subject, fact.attributes.get("slot")] = fact.object
    said = set()
    for fact in new.facts("has_component"):
        key = (fact.subject, fact.object)
        if key in said or fact.subject not in before or fact.object in before[fact.subject]:
            continue
        said.add(key)
        kept = {name: fact.attributes[name] for name in ("slot", "type", "dma", "model") if name in fact.attributes}
        was = slots.get((fact.subject, fact.attributes.get("slot")), "")
        yield Fact(fact.subject, "changed_part", fact.object, {**kept, "was": was}, fact.source, fact.observed_at)
